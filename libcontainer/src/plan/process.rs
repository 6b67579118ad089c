//! The process itself: user, environment, limits, terminal.

use super::capabilities::Sets;
use super::{PlanError, item, text_at};
use creel_wire::owned::{Step, Text};
use oci_spec::runtime::{PosixRlimitType, Process};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

/// What has to be worked out from the process settings before steps are made.
pub(super) struct Identity {
    pub(super) capabilities: Sets,
    pub(super) environment: Vec<String>,
    pub(super) home_missing: bool,
    pub(super) warnings: Vec<String>,
}

impl Identity {
    /// `grantable`: the capabilities that the process can be given.
    pub(super) fn of(process: &Process, grantable: u64) -> Result<Self, PlanError> {
        let mut warnings = Vec::new();
        let capabilities = Sets::of(process, grantable, &mut warnings);
        let environment = environment(process);
        let home_missing = !environment.iter().any(|variable| variable.starts_with("HOME="));
        Ok(Identity { capabilities, environment, home_missing, warnings })
    }
}

/// The environment in its order; of variables that are set twice only the last one stays, at the place of
/// the first, and an empty HOME counts as none.
pub(super) fn environment(process: &Process) -> Vec<String> {
    let mut kept: Vec<&String> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for variable in process.env().iter().flatten() {
        match places.entry(key(variable)) {
            Entry::Occupied(place) => kept[*place.get()] = variable,
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(variable);
            }
        }
    }
    kept.into_iter().filter(|variable| *variable != "HOME=").cloned().collect()
}

fn key(variable: &str) -> &str {
    variable.split_once('=').map_or(variable, |(key, _)| key)
}

/// The value of PATH, empty when there is none.
pub(super) fn search_path(environment: &[String]) -> String {
    environment.iter().find_map(|variable| variable.strip_prefix("PATH=")).unwrap_or("").to_owned()
}

pub(super) fn texts<'a>(
    origin: fmt::Arguments<'_>,
    values: impl Iterator<Item = &'a String>,
) -> Result<Vec<Text>, PlanError> {
    values
        .enumerate()
        .map(|(i, value)| text_at(|| format!("{origin}[{i}]"), value.as_str()))
        .collect()
}

/// The step that changes the ids.
pub(super) fn user(process: &Process) -> Step {
    let user = process.user();
    Step::User {
        uid: user.uid(),
        gid: user.gid(),
        groups: user.additional_gids().clone().unwrap_or_default(),
        set_groups: true,
    }
}

/// The step that opens the terminal; `device`: show it at /dev/console too.
pub(super) fn console(process: &Process, device: bool) -> Step {
    let size = process.console_size();
    let clamp = |cells: u64| u32::try_from(cells.min(u64::from(u16::MAX))).unwrap_or(0);
    Step::Console {
        uid: process.user().uid(),
        rows: size.map_or(0, |size| clamp(size.height())),
        columns: size.map_or(0, |size| clamp(size.width())),
        device,
    }
}

/// A limit of getrlimit(2).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// The place in config.json.
    pub origin: String,
    /// RLIMIT_*.
    pub resource: u32,
    /// What holds.
    pub soft: u64,
    /// How far the process may raise it.
    pub hard: u64,
}

/// So few descriptors would keep creel-init from doing what comes before the program.
const FEW_DESCRIPTORS: u64 = 64;
const RLIMIT_NOFILE: u32 = 7;

impl Limit {
    /// Whether it is set last of all, just before the program is executed; lowering one takes no rights.
    pub(super) fn is_late(&self) -> bool {
        self.resource == RLIMIT_NOFILE && self.soft < FEW_DESCRIPTORS
    }

    /// What is set when the others are.
    pub(super) fn early(self) -> Option<Limit> {
        match self.is_late() {
            false => Some(self),
            // To raise the hard limit is a matter of rights all the same.
            true if self.hard >= FEW_DESCRIPTORS => Some(Limit { soft: FEW_DESCRIPTORS, ..self }),
            true => None,
        }
    }

    pub(super) fn step(&self) -> Step {
        Step::Rlimit { resource: self.resource, soft: self.soft, hard: self.hard }
    }
}

/// Those that the library sets from outside, where the process itself may not raise any.
pub(super) fn outer_limits(process: &Process) -> Vec<Limit> {
    limits(process).into_iter().filter_map(Limit::early).collect()
}

pub(super) fn limits(process: &Process) -> Vec<Limit> {
    let listed = process.rlimits().iter().flatten().enumerate();
    listed
        .map(|(index, limit)| Limit {
            origin: item("process.rlimits", index),
            resource: resource(limit.typ()),
            soft: limit.soft(),
            hard: limit.hard(),
        })
        .collect()
}

/// getrlimit(2), as numbered on every architecture but mips and sparc.
fn resource(kind: PosixRlimitType) -> u32 {
    match kind {
        PosixRlimitType::RlimitCpu => 0,
        PosixRlimitType::RlimitFsize => 1,
        PosixRlimitType::RlimitData => 2,
        PosixRlimitType::RlimitStack => 3,
        PosixRlimitType::RlimitCore => 4,
        PosixRlimitType::RlimitRss => 5,
        PosixRlimitType::RlimitNproc => 6,
        PosixRlimitType::RlimitNofile => 7,
        PosixRlimitType::RlimitMemlock => 8,
        PosixRlimitType::RlimitAs => 9,
        PosixRlimitType::RlimitLocks => 10,
        PosixRlimitType::RlimitSigpending => 11,
        PosixRlimitType::RlimitMsgqueue => 12,
        PosixRlimitType::RlimitNice => 13,
        PosixRlimitType::RlimitRtprio => 14,
        PosixRlimitType::RlimitRttime => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::ProcessBuilder;

    fn with(env: &[&str]) -> Process {
        let env: Vec<String> = env.iter().map(ToString::to_string).collect();
        ProcessBuilder::default().env(env).build().unwrap()
    }

    #[test]
    fn the_last_of_two_variables_wins_and_the_order_stays() {
        let process = with(&["A=1", "PATH=/x", "A=2", "B", "HOME="]);
        assert_eq!(environment(&process), ["A=2", "PATH=/x", "B"]);
        assert_eq!(search_path(&environment(&process)), "/x");
    }
}
