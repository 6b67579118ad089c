//! What a profile says of one call, worked out rule by rule: slow, plain, and nothing like the compiler.

use super::against_libseccomp::number_of;
use crate::seccomp::architecture::{Architecture, multiplexed};
use crate::seccomp::interpreter::Data;
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompArg, LinuxSeccompOperator, LinuxSyscall};
use std::collections::BTreeMap;

/// What becomes of a call that the profile names.
pub(super) struct Verdict {
    pub(super) value: u32,
    /// How many rules with conditions there are for it.
    pub(super) conditional_rules: usize,
}

struct Rule {
    action: u32,
    /// The first argument, where the call is carried by another one.
    carried: Option<u32>,
    conditions: Vec<LinuxSeccompArg>,
}

/// A profile on one architecture: the rules for each number, in their order.
pub(super) struct Model {
    default: u32,
    wide: bool,
    rules: BTreeMap<u32, Vec<Rule>>,
}

impl Model {
    pub(super) fn of(profile: &LinuxSeccomp, kind: Arch) -> Model {
        let default = profile.default_action().as_u32(profile.default_errno_ret());
        let architecture = Architecture::of(kind, kind);
        let mut rules: BTreeMap<u32, Vec<Rule>> = BTreeMap::new();
        let mut add = |number: Option<u32>, rule: Rule| {
            rules.entry(number.unwrap_or(u32::MAX)).or_default().push(rule);
        };
        for entry in profile.syscalls().iter().flatten() {
            let action = entry.action().as_u32(entry.errno_ret());
            for name in entry.names().iter().filter(|_| action != default) {
                for conditions in alternatives(entry) {
                    let other = conditions.iter().copied().filter(|c| c.index() != 0).collect();
                    add(number_of(kind, name), Rule { action, carried: None, conditions });
                    let carrier = multiplexed(name).filter(|_| architecture.multiplexes);
                    if let Some((carrier, code)) = carrier {
                        let rule = Rule { action, carried: Some(code), conditions: other };
                        add(number_of(kind, carrier), rule);
                    }
                }
            }
        }
        // Names that the architecture does not know.
        rules.remove(&u32::MAX);
        Model { default, wide: architecture.wide, rules }
    }

    /// `call` is one of this architecture.
    pub(super) fn decide(&self, call: &Data) -> Verdict {
        let rules = self.rules.get(&call.number).map_or(&[][..], Vec::as_slice);
        let holds = |rule: &&Rule| holds(rule, call, self.wide);
        let always = rules.iter().find(|r| r.carried.is_none() && r.conditions.is_empty());
        let whole = |r: &&Rule| r.carried.is_some() && r.conditions.is_empty() && holds(r);
        let found =
            always.or_else(|| rules.iter().find(whole)).or_else(|| rules.iter().find(holds));
        let value = found.map_or(self.default, |rule| rule.action);
        let conditional = |rule: &&Rule| rule.carried.is_some() || !rule.conditions.is_empty();
        Verdict { value, conditional_rules: rules.iter().filter(conditional).count() }
    }
}

/// Several conditions on one argument are alternatives, each a rule of its own.
fn alternatives(entry: &LinuxSyscall) -> Vec<Vec<LinuxSeccompArg>> {
    let args = entry.args().clone().unwrap_or_default();
    let single = (0..6).all(|i| args.iter().filter(|a| a.index() == i).count() < 2);
    if single { vec![args] } else { args.into_iter().map(|arg| vec![arg]).collect() }
}

fn holds(rule: &Rule, call: &Data, wide: bool) -> bool {
    let seen = |value: u64| if wide { value } else { value & 0xffff_ffff };
    let carried = rule.carried.is_none_or(|code| seen(call.arguments[0]) == u64::from(code));
    let condition = |condition: &LinuxSeccompArg| {
        let given = seen(call.arguments[condition.index()]);
        let value = seen(condition.value());
        match condition.op() {
            LinuxSeccompOperator::ScmpCmpNe => given != value,
            LinuxSeccompOperator::ScmpCmpLt => given < value,
            LinuxSeccompOperator::ScmpCmpLe => given <= value,
            LinuxSeccompOperator::ScmpCmpEq => given == value,
            LinuxSeccompOperator::ScmpCmpGe => given >= value,
            LinuxSeccompOperator::ScmpCmpGt => given > value,
            LinuxSeccompOperator::ScmpCmpMaskedEq => {
                given & value == seen(condition.value_two().unwrap_or(0)) & value
            }
        }
    };
    carried && rule.conditions.iter().all(condition)
}
