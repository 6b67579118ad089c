//! What a profile says of one call, worked out rule by rule: slow, plain, and nothing like the compiler.

use super::against_libseccomp::number_of;
use crate::seccomp::architecture::{Architecture, multiplexed};
use crate::seccomp::interpreter::Data;
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompArg, LinuxSeccompOperator};

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

/// `call` is one of this architecture.
pub(super) fn decide(profile: &LinuxSeccomp, kind: Arch, call: &Data) -> Verdict {
    let default = profile.default_action().as_u32(profile.default_errno_ret());
    let rules = rules(profile, kind, call.number, default);
    let wide = Architecture::of(kind, kind).wide;
    let always = rules.iter().find(|r| r.carried.is_none() && r.conditions.is_empty());
    let whole = |r: &&Rule| r.carried.is_some() && r.conditions.is_empty() && holds(r, call, wide);
    let found = always
        .or_else(|| rules.iter().find(whole))
        .or_else(|| rules.iter().find(|rule| holds(rule, call, wide)));
    let value = found.map_or(default, |rule| rule.action);
    let conditional = |rule: &&Rule| rule.carried.is_some() || !rule.conditions.is_empty();
    Verdict { value, conditional_rules: rules.iter().filter(conditional).count() }
}

fn rules(profile: &LinuxSeccomp, kind: Arch, number: u32, default: u32) -> Vec<Rule> {
    let mut rules = Vec::new();
    for entry in profile.syscalls().iter().flatten() {
        let action = entry.action().as_u32(entry.errno_ret());
        let args = entry.args().clone().unwrap_or_default();
        let single = (0..6).all(|i| args.iter().filter(|a| a.index() == i).count() < 2);
        let alternatives: Vec<Vec<LinuxSeccompArg>> =
            if single { vec![args] } else { args.into_iter().map(|arg| vec![arg]).collect() };
        for name in entry.names().iter().filter(|_| action != default) {
            for conditions in &alternatives {
                if number_of(kind, name) == Some(number) {
                    rules.push(Rule { action, carried: None, conditions: conditions.clone() });
                }
                let Some((carrier, code)) = multiplexed(name) else { continue };
                if Architecture::of(kind, kind).multiplexes
                    && number_of(kind, carrier) == Some(number)
                {
                    let other = conditions.iter().copied().filter(|c| c.index() != 0).collect();
                    rules.push(Rule { action, carried: Some(code), conditions: other });
                }
            }
        }
    }
    rules
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
