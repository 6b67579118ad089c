//! Which devices a container may use: the ordered rules of `linux.resources.devices`, and what
//! every container may do.
//!
//! For each access of a device (make, read, write) the last rule that names it decides, and where
//! none does it is denied. The runtime's own rules come after those of the configuration, as in
//! runc, so that a container always has its `/dev/null`.

mod compile;
mod instruction;
pub(super) mod systemd;
pub(super) mod v1;

use std::fmt;

use oci_spec::runtime::{LinuxDeviceCgroup, LinuxDeviceType};
use serde::{Serialize, Serializer};

use super::error::Error;

/// The kinds of device a rule is about; the values are those of `BPF_DEVCG_DEV_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Block and character devices.
    Any,
    Char,
    Block,
}

/// Accesses as bits; the values are those of `BPF_DEVCG_ACC_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Access(u8);

impl Access {
    const MKNOD: Access = Access(1);
    const READ: Access = Access(2);
    const WRITE: Access = Access(4);
    const ALL: Access = Access(7);

    fn contains(self, other: Access) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One rule. `None` for a number is every number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    allow: bool,
    kind: Kind,
    major: Option<u32>,
    minor: Option<u32>,
    access: Access,
    /// Its place in the configuration; `None` for the runtime's own.
    index: Option<usize>,
}

impl Rule {
    /// A rule about every access of every device settles all that came before it.
    fn is_total(&self) -> bool {
        self.kind == Kind::Any
            && self.major.is_none()
            && self.minor.is_none()
            && self.access == Access::ALL
    }

    fn json_path(&self) -> String {
        match self.index {
            Some(index) => format!("linux.resources.devices[{index}]"),
            None => "linux.resources.devices".to_owned(),
        }
    }
}

/// `allow c 1:3 rwm`, with the notation of version 1's files.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.allow { "allow" } else { "deny" };
        let device = device_text(self.kind, self.major, self.minor, self.access);
        write!(f, "{verb} {device}")
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A device filter for cgroup2: the rules and the BPF program that carries them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// The program, a word for each `struct bpf_insn`.
    #[serde(skip)]
    pub program: Vec<u64>,
}

impl Filter {
    /// Compile the rules; `None` where they allow everything.
    pub(super) fn new(rules: &[Rule]) -> Result<Option<Filter>, Error> {
        let program = compile::compile(rules)?;
        Ok(program.map(|program| Filter { rules: rules.to_vec(), program }))
    }
}

/// The rules of a configuration, followed by the runtime's own.
pub(super) fn rules(config: Option<&[LinuxDeviceCgroup]>) -> Result<Vec<Rule>, Error> {
    let given = config.unwrap_or_default();
    let mut rules = Vec::with_capacity(given.len() + 11);
    for (index, rule) in given.iter().enumerate() {
        rules.push(parse(rule, index)?);
    }
    rules.extend(own_rules());
    Ok(rules)
}

/// What runc lets every container do: make any node, and use those that belong to `/dev`.
fn own_rules() -> impl Iterator<Item = Rule> {
    let own =
        |kind, major, minor, access| Rule { allow: true, kind, major, minor, access, index: None };
    let nodes = [
        (1, Some(3)),    // null
        (1, Some(5)),    // zero
        (1, Some(7)),    // full
        (1, Some(8)),    // random
        (1, Some(9)),    // urandom
        (5, Some(0)),    // tty
        (5, Some(2)),    // ptmx
        (10, Some(200)), // net/tun
        (136, None),     // pts/*
    ];
    let make = [Kind::Char, Kind::Block].map(|kind| own(kind, None, None, Access::MKNOD));
    let use_node = move |(major, minor)| own(Kind::Char, Some(major), minor, Access::ALL);
    make.into_iter().chain(nodes.map(use_node))
}

fn parse(rule: &LinuxDeviceCgroup, index: usize) -> Result<Rule, Error> {
    let invalid = |field: &str, found: String, allowed| Error::Invalid {
        json_path: format!("linux.resources.devices[{index}].{field}"),
        found,
        allowed,
    };
    let kind = match rule.typ() {
        None | Some(LinuxDeviceType::A) => Kind::Any,
        Some(LinuxDeviceType::C) => Kind::Char,
        Some(LinuxDeviceType::B) => Kind::Block,
        Some(LinuxDeviceType::U) => return Err(invalid("type", "u".into(), "a, b or c")),
        Some(LinuxDeviceType::P) => return Err(invalid("type", "p".into(), "a, b or c")),
    };
    let number = |field: &str, value: Option<i64>| match value {
        None | Some(-1) => Ok(None),
        Some(value) => match u32::try_from(value) {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                Err(invalid(field, value.to_string(), "a device number, or -1 for every one"))
            }
        },
    };
    let major = number("major", rule.major())?;
    let minor = number("minor", rule.minor())?;
    let given = rule.access().as_deref().unwrap_or_default();
    let mut access = 0;
    for letter in given.chars() {
        access |= match letter {
            'r' => Access::READ.0,
            'w' => Access::WRITE.0,
            'm' => Access::MKNOD.0,
            _ => return Err(invalid("access", given.to_owned(), "letters of rwm")),
        };
    }
    if access == 0 {
        return Err(invalid("access", "nothing".to_owned(), "letters of rwm"));
    }
    Ok(Rule { allow: rule.allow(), kind, major, minor, access: Access(access), index: Some(index) })
}

/// A device in the notation of version 1's files.
fn device_text(kind: Kind, major: Option<u32>, minor: Option<u32>, access: Access) -> String {
    let kind = match kind {
        Kind::Any => 'a',
        Kind::Char => 'c',
        Kind::Block => 'b',
    };
    let number = |n: Option<u32>| n.map_or_else(|| "*".to_owned(), |n| n.to_string());
    let letters = [(Access::READ, 'r'), (Access::WRITE, 'w'), (Access::MKNOD, 'm')];
    let access: String =
        letters.iter().filter(|(bit, _)| access.contains(*bit)).map(|(_, letter)| letter).collect();
    format!("{kind} {}:{} {access}", number(major), number(minor))
}

#[cfg(test)]
mod tests;
