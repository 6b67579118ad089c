//! What a profile says of each system call of one architecture.

use super::action::value;
use super::architecture::{Architecture, index as place_of, multiplexed};
use super::condition::Condition;
use super::decisions::Decisions;
use super::error::Error;
use oci_spec::runtime::{LinuxSeccomp, LinuxSyscall};

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

/// An entry of the profile, its names found in the tables.
pub(super) struct Entry {
    names: Vec<Name>,
    action: u32,
    /// See [`alternatives`].
    alternatives: Vec<Vec<Condition>>,
}

/// A system call by its place in the tables.
struct Name {
    place: usize,
    /// The place of the call that carries it on some architectures, and the first argument there.
    carried: Option<(usize, u32)>,
}

/// All entries, taken apart once for all architectures. A name that no architecture knows is left out.
pub(super) fn entries(profile: &LinuxSeccomp) -> Result<Vec<Entry>, Error> {
    let one = |(index, syscall): (usize, &LinuxSyscall)| {
        let path = || format!("linux.seccomp.syscalls[{index}].errnoRet");
        let action = value(syscall.action(), syscall.errno_ret(), path)?;
        let names = syscall.names().iter().filter_map(|name| {
            let carried = multiplexed(name);
            let carried = carried.and_then(|(carrier, code)| Some((place_of(carrier)?, code)));
            Some(Name { place: place_of(name)?, carried })
        });
        Ok(Entry { names: names.collect(), action, alternatives: alternatives(syscall) })
    };
    profile.syscalls().iter().flatten().enumerate().map(one).collect()
}

/// The profile for one architecture.
pub(super) struct Rules {
    pub(super) decisions: Decisions,
    /// The highest number of the calls that the profile names, whatever it says of them.
    pub(super) last: Option<u32>,
}

impl Rules {
    pub(super) fn of(entries: &[Entry], architecture: &Architecture, default: u32) -> Self {
        let common = place_of("read").and_then(|place| architecture.number_at(place));
        let decisions = Decisions::around(common.unwrap_or(0));
        let mut rules = Rules { decisions, last: None };
        for entry in entries {
            for name in &entry.names {
                let number = architecture.number_at(name.place);
                rules.last = rules.last.max(number.filter(|number| *number < ARM_PRIVATE));
                // As runc: what the default does anyway is no rule.
                if entry.action != default {
                    rules.add_call(architecture, name, number, entry);
                }
            }
        }
        rules
    }

    /// A call by its own number, and by that of the call that carries it on some architectures. A name that
    /// the architecture does not know is skipped.
    fn add_call(
        &mut self,
        architecture: &Architecture,
        name: &Name,
        number: Option<u32>,
        entry: &Entry,
    ) {
        if let Some(number) = number {
            for all in &entry.alternatives {
                self.add(architecture, number, all.clone(), entry.action, false);
            }
        }
        let carried = name.carried.filter(|_| architecture.multiplexes);
        let Some((carrier, code)) = carried else { return };
        let Some(carrier) = architecture.number_at(carrier) else { return };
        self.last = self.last.max(Some(carrier));
        for all in &entry.alternatives {
            // The real arguments lie in memory, where no filter can look; the first one says which call it is.
            let mut all: Vec<Condition> = all.iter().copied().filter(|c| c.index != 0).collect();
            all.insert(0, Condition::first_is(code));
            self.add(architecture, carrier, all, entry.action, true);
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
        let known = self.decisions.of(number);
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
