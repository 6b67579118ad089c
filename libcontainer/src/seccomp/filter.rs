//! The compiler: from the profile to the whole program.

use super::MAX_INSTRUCTIONS;
use super::action::{KILL_THREAD, NO_SUCH_CALL, is_permissive, value};
use super::architecture::{Architecture, X32_BIT, native};
use super::assembler::{Assembler, If, Target};
use super::error::Error;
use super::rules::{ARM_PRIVATE, Decision, Rules, entries};
use super::tree::{Range, Ranges};
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompFilterFlag};
use seccompiler::sock_filter;

pub(super) const FLAG_LOG: u32 = 1 << 1;
pub(super) const FLAG_SPEC_ALLOW: u32 = 1 << 2;
/// SECCOMP_FILTER_FLAG_NEW_LISTENER: the install returns a descriptor that gets the notifications.
pub(super) const NEW_LISTENER: u32 = 1 << 3;
pub(super) const FLAG_WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// Offsets in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// A program and how to install it (seccomp(2), SECCOMP_SET_MODE_FILTER).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// SECCOMP_FILTER_FLAG_*.
    pub flags: u32,
    /// The instructions.
    pub program: Vec<sock_filter>,
}

impl Filter {
    /// Compiles a profile for this machine.
    ///
    /// # Errors
    /// See [`Error`]; each names the place in the profile.
    pub fn compile(profile: &LinuxSeccomp) -> Result<Self, Error> {
        let native = native().ok_or(Error::Architecture { found: std::env::consts::ARCH })?;
        Self::compile_for(profile, native)
    }

    /// Compiles a profile for a machine of this architecture.
    ///
    /// # Errors
    /// See [`Error`]; each names the place in the profile.
    pub fn compile_for(profile: &LinuxSeccomp, native: Arch) -> Result<Self, Error> {
        check_arguments(profile)?;
        let notifies = check_notify(profile)?;
        let program = Compiler::of(profile, native)?.program();
        if program.len() > MAX_INSTRUCTIONS {
            return Err(Error::TooLong { instructions: program.len() });
        }
        Ok(Filter { flags: flags(profile, notifies), program })
    }

    /// The instructions as the kernel reads them: struct sock_filter, 8 bytes each.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 * self.program.len());
        for instruction in &self.program {
            let code = instruction.code.to_ne_bytes();
            let k = instruction.k.to_ne_bytes();
            let jumps = [instruction.jt, instruction.jf];
            bytes
                .extend_from_slice(&[code[0], code[1], jumps[0], jumps[1], k[0], k[1], k[2], k[3]]);
        }
        bytes
    }
}

/// There is one thread when the filter is installed, so that TSYNC has nothing to do. Without a listener
/// WAIT_KILLABLE_RECV has not either, and the kernel would refuse it.
fn flags(profile: &LinuxSeccomp, notifies: bool) -> u32 {
    let listener = if notifies { NEW_LISTENER } else { 0 };
    let Some(flags) = profile.flags() else { return FLAG_SPEC_ALLOW | listener };
    flags.iter().fold(listener, |all, flag| {
        all | match flag {
            LinuxSeccompFilterFlag::SeccompFilterFlagLog => FLAG_LOG,
            LinuxSeccompFilterFlag::SeccompFilterFlagSpecAllow => FLAG_SPEC_ALLOW,
            LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv if notifies => {
                FLAG_WAIT_KILLABLE_RECV
            }
            LinuxSeccompFilterFlag::SeccompFilterFlagTsync
            | LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv => 0,
        }
    })
}

/// Whether somebody is asked about some calls. As in runc not about all of them, and not about write(2).
fn check_notify(profile: &LinuxSeccomp) -> Result<bool, Error> {
    let refused = |json_path: String, reason| Err(Error::Notify { json_path, reason });
    if profile.default_action() == LinuxSeccompAction::ScmpActNotify {
        let reason = "SCMP_ACT_NOTIFY cannot be used as default action";
        return refused("linux.seccomp.defaultAction".to_owned(), reason);
    }
    let entries = profile.syscalls().iter().flatten().enumerate();
    let mut asking =
        entries.filter(|(_, entry)| entry.action() == LinuxSeccompAction::ScmpActNotify).peekable();
    if let Some((index, _)) = asking.peek().filter(|_| !has_listener(profile)) {
        let reason = "SCMP_ACT_NOTIFY needs linux.seccomp.listenerPath, the socket of who answers";
        return refused(format!("linux.seccomp.syscalls[{index}].action"), reason);
    }
    let notifies = asking.peek().is_some();
    match asking.find(|(_, entry)| entry.names().iter().any(|name| name == "write")) {
        Some((index, _)) => refused(
            format!("linux.seccomp.syscalls[{index}].action"),
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
        None => Ok(notifies),
    }
}

fn has_listener(profile: &LinuxSeccomp) -> bool {
    profile.listener_path().as_ref().is_some_and(|path| !path.as_os_str().is_empty())
}

/// A call has six arguments.
fn check_arguments(profile: &LinuxSeccomp) -> Result<(), Error> {
    for (index, entry) in profile.syscalls().iter().flatten().enumerate() {
        for (number, argument) in entry.args().iter().flatten().enumerate() {
            if argument.index() > 5 {
                let json_path = format!("linux.seccomp.syscalls[{index}].args[{number}].index");
                return Err(Error::Argument { json_path, found: argument.index() });
            }
        }
    }
    Ok(())
}

/// A profile, taken apart by architecture.
struct Compiler {
    default: u32,
    /// Calls newer than the profile get ENOSYS.
    newer: bool,
    /// This machine's own first: its calls are the most frequent.
    architectures: Vec<(Architecture, Rules)>,
}

impl Compiler {
    fn of(profile: &LinuxSeccomp, native: Arch) -> Result<Self, Error> {
        let action = profile.default_action();
        let path = || "linux.seccomp.defaultErrnoRet".to_owned();
        let default = value(action, profile.default_errno_ret(), path)?;
        let entries = entries(profile)?;
        let listed = profile.architectures().iter().flatten().copied();
        let mut architectures: Vec<(Architecture, Rules)> = Vec::new();
        for kind in std::iter::once(native).chain(listed) {
            let architecture = Architecture::of(kind, native);
            let known = architectures.iter().any(|(known, _)| known.kind == architecture.kind);
            // No machine runs programs of both byte orders.
            let foreign = architectures
                .first()
                .is_some_and(|(first, _)| first.big_endian != architecture.big_endian);
            if !known && !foreign {
                let rules = Rules::of(&entries, &architecture, default);
                architectures.push((architecture, rules));
            }
        }
        let newer = !is_permissive(action) && default != NO_SUCH_CALL;
        Ok(Compiler { default, newer, architectures })
    }

    fn program(&self) -> Vec<sock_filter> {
        let mut program = Assembler::default();
        let mut otherwise = Target::Return(KILL_THREAD);
        let mut done = Vec::new();
        for (architecture, _) in self.architectures.iter().rev() {
            let audit = architecture.audit;
            if done.contains(&audit) {
                continue;
            }
            done.push(audit);
            let search = self.ranges(audit).emit(&mut program, self.default);
            let search = program.load(NUMBER, search);
            otherwise = program.branch(If::Equal, audit, search, otherwise);
        }
        let start = program.load(ARCHITECTURE, otherwise);
        program.finish(start)
    }

    /// All numbers of one audit architecture: two of them share x86_64's.
    fn ranges(&self, audit: u32) -> Ranges {
        let mut ranges = Ranges::new();
        let is_x32 = |a: &Architecture| a.kind == Arch::ScmpArchX32;
        let mine = || self.architectures.iter().filter(|(a, _)| a.audit == audit);
        let x32 = mine().find(|(a, _)| is_x32(a));
        let plain = mine().find(|(a, _)| !is_x32(a));
        match plain {
            Some((architecture, rules)) => self.cover(&mut ranges, architecture, rules, 0),
            None => ranges.extend_with(0, KILL_THREAD, x32),
        }
        if audit == Arch::ScmpArchX86_64 as u32 {
            match x32 {
                Some((architecture, rules)) => {
                    self.cover(&mut ranges, architecture, rules, X32_BIT)
                }
                None if self.newer && plain.is_some_and(|(_, rules)| rules.last.is_some()) => {}
                None => {
                    ranges.extend_with(X32_BIT, KILL_THREAD, plain);
                    // A tracer's way to skip a call.
                    ranges.extend_with(u32::MAX, self.default, plain);
                }
            }
        }
        ranges
    }

    /// The numbers from `base` on.
    fn cover(&self, ranges: &mut Ranges, architecture: &Architecture, rules: &Rules, base: u32) {
        let architecture = *architecture;
        let mut push = |from: u32, decision: Decision| {
            ranges.push(Range { from, decision, architecture });
        };
        let newer = rules.last.filter(|_| self.newer);
        push(base, Decision::Always(self.default));
        if self.newer && is_s390(architecture.kind) {
            push(base, Decision::Always(NO_SUCH_CALL));
            push(base + 1, Decision::Always(self.default));
        }
        let known = |number: u32| newer.is_none_or(|last| number <= last);
        for (number, decision) in rules.decisions.iter().filter(|(number, _)| known(*number)) {
            push(base + number, decision.clone());
            push(base + number + 1, Decision::Always(self.default));
        }
        let Some(last) = newer else { return };
        push(base + last + 1, Decision::Always(NO_SUCH_CALL));
        // What is left are ARM's own calls, whose numbers say nothing of their age.
        if architecture.kind == Arch::ScmpArchArm {
            push(ARM_PRIVATE, Decision::Always(self.default));
            let private = rules.decisions.iter().filter(|(number, _)| *number >= ARM_PRIVATE);
            for (number, decision) in private {
                push(number, decision.clone());
                push(number + 1, Decision::Always(self.default));
            }
        }
    }
}

/// There calls that the kernel does not know show as setup(2), number 0, which no program makes.
fn is_s390(kind: Arch) -> bool {
    matches!(kind, Arch::ScmpArchS390 | Arch::ScmpArchS390x)
}

impl Ranges {
    fn extend_with(&mut self, from: u32, action: u32, like: Option<&(Architecture, Rules)>) {
        if let Some((architecture, _)) = like {
            let (decision, architecture) = (Decision::Always(action), *architecture);
            self.push(Range { from, decision, architecture });
        }
    }
}
