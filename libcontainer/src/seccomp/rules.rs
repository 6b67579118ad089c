//! What a profile says of each system call of one architecture.

use super::action::value;
use super::architecture::{Architecture, multiplexed};
use super::condition::Condition;
use super::error::Error;
use oci_spec::runtime::{LinuxSeccomp, LinuxSyscall};
use std::collections::BTreeMap;

/// ARM's own calls (set_tls and its like) have numbers from here on, which say nothing of a profile's age.
pub(super) const ARM_PRIVATE: u32 = 0xf_0000;

/// Conditions that all have to hold, and what then happens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    pub(super) conditions: Vec<Condition>,
    pub(super) action: u32,
}

/// What happens with a system call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Decision {
    /// This, whatever the arguments.
    Always(u32),
    /// What the first rule says whose conditions hold, and the default otherwise.
    First(Vec<Rule>),
}

/// The profile for one architecture.
pub(super) struct Rules {
    pub(super) decisions: BTreeMap<u32, Decision>,
    /// The highest number of the calls that the profile names, whatever it says of them.
    pub(super) last: Option<u32>,
}

impl Rules {
    pub(super) fn of(
        profile: &LinuxSeccomp,
        architecture: &Architecture,
        default: u32,
    ) -> Result<Self, Error> {
        let mut rules = Rules { decisions: BTreeMap::new(), last: None };
        for (index, syscall) in profile.syscalls().iter().flatten().enumerate() {
            let path = format!("linux.seccomp.syscalls[{index}]");
            let action =
                value(syscall.action(), syscall.errno_ret(), || path.clone() + ".errnoRet")?;
            let alternatives = alternatives(syscall);
            for name in syscall.names() {
                let number = architecture.number(name);
                rules.last = rules.last.max(number.filter(|number| *number < ARM_PRIVATE));
                // As runc: what the default does anyway is no rule.
                if action != default {
                    rules.add_call(architecture, name, number, &alternatives, action);
                }
            }
        }
        Ok(rules)
    }

    /// A call by its own number, and by that of the call that carries it on some architectures. A name that
    /// the architecture does not know is skipped.
    fn add_call(
        &mut self,
        architecture: &Architecture,
        name: &str,
        number: Option<u32>,
        alternatives: &[Vec<Condition>],
        action: u32,
    ) {
        if let Some(number) = number {
            for all in alternatives {
                self.add(architecture, number, all.clone(), action, false);
            }
        }
        if !architecture.multiplexes {
            return;
        }
        let Some((carrier, code)) = multiplexed(name) else { return };
        let Some(carrier) = architecture.number(carrier) else { return };
        self.last = self.last.max(Some(carrier));
        for all in alternatives {
            // The real arguments lie in memory, where no filter can look; the first one says which call it is.
            let mut all: Vec<Condition> = all.iter().copied().filter(|c| c.index != 0).collect();
            all.insert(0, Condition::first_is(code));
            self.add(architecture, carrier, all, action, true);
        }
    }

    /// A rule without conditions stands above those with some; of two of them the first one counts.
    fn add(
        &mut self,
        architecture: &Architecture,
        number: u32,
        conditions: Vec<Condition>,
        action: u32,
        carried: bool,
    ) {
        let narrow = |c: Condition| if architecture.wide { c } else { c.narrowed() };
        let conditions: Vec<Condition> = conditions.into_iter().map(narrow).collect();
        let known = self.decisions.entry(number).or_insert_with(|| Decision::First(Vec::new()));
        match known {
            Decision::Always(_) => {}
            Decision::First(_) if conditions.is_empty() => *known = Decision::Always(action),
            // With the same conditions the first one counts too.
            Decision::First(rules) if rules.iter().any(|rule| rule.conditions == conditions) => {}
            Decision::First(rules) => {
                // All that a carrier call carries of one kind: that entry had no conditions.
                let whole = carried && conditions.len() == 1;
                let place = if whole { 0 } else { rules.len() };
                rules.insert(place, Rule { conditions, action });
            }
        }
    }
}

/// The conditions of one entry, as alternatives of which all conditions have to hold. Several conditions on
/// one argument are alternatives, as in runc: each condition is then a rule of its own.
fn alternatives(syscall: &LinuxSyscall) -> Vec<Vec<Condition>> {
    let arguments = syscall.args().as_deref().unwrap_or_default();
    let conditions: Vec<Condition> = arguments.iter().map(Condition::of).collect();
    let repeated = (0..6).any(|i| conditions.iter().filter(|c| c.index == i).count() > 1);
    if repeated { conditions.into_iter().map(|c| vec![c]).collect() } else { vec![conditions] }
}
