//! Device rules as writes to `devices.deny` and `devices.allow` of version 1
//! (the kernel's admin-guide/cgroup-v1/devices).
//!
//! The kernel keeps a verdict for all devices and a list of exceptions from it, and takes an
//! exception away only as a whole. So the state that the ordered rules lead to is worked out here,
//! and a rule that would cut a hole into a wider exception is refused rather than lost.

use super::{Access, Kind, Rule, device_text};
use crate::cgroups::error::Error;
use crate::cgroups::plan::Write;
use crate::cgroups::resources::Writes;

/// Plan the writes that bring any cgroup, new or used, to what the rules say.
pub(in crate::cgroups) fn plan(rules: &[Rule], writes: &mut Writes) -> Result<(), Error> {
    let state = State::after(rules)?;
    let verb = |allow: bool| if allow { "devices.allow" } else { "devices.deny" };
    let everything = device_text(Kind::Any, None, None, Access::ALL);
    writes.push("devices", verb(state.allow), everything, state.json_path);
    for exception in state.exceptions {
        let Exception { kind, major, minor, access, json_path } = exception;
        let device = device_text(kind, major, minor, access);
        writes.push("devices", verb(!state.allow), device, json_path);
    }
    Ok(())
}

/// The writes that lead from what some rules say to what others do. What both say the same of is not touched, so
/// that no device is denied in between.
pub(in crate::cgroups) fn change(before: &[Rule], after: &[Rule]) -> Result<Vec<Write>, Error> {
    let (old, new) = (State::after(before)?, State::after(after)?);
    let mut writes = Writes::default();
    if old.allow != new.allow {
        plan(after, &mut writes)?;
        return Ok(writes.of_v2());
    }
    // An exception from "deny" is made by allowing and taken away by denying, and the other way round.
    let make = if new.allow { "devices.deny" } else { "devices.allow" };
    let take_away = if new.allow { "devices.allow" } else { "devices.deny" };
    for (file, these, those) in [(take_away, &old, &new), (make, &new, &old)] {
        for exception in &these.exceptions {
            let access = Access(exception.access.0 & !those.access_of(exception).0);
            if access.0 != 0 {
                let Exception { kind, major, minor, .. } = *exception;
                let device = device_text(kind, major, minor, access);
                writes.push("devices", file, device, exception.json_path.as_str());
            }
        }
    }
    Ok(writes.of_v2())
}

/// What the kernel keeps: a verdict, and the devices that it does not hold for.
struct State {
    allow: bool,
    exceptions: Vec<Exception>,
    /// The rule that the verdict is from.
    json_path: String,
}

/// Never of [`Kind::Any`].
struct Exception {
    kind: Kind,
    major: Option<u32>,
    minor: Option<u32>,
    access: Access,
    /// The rule that it is from.
    json_path: String,
}

impl State {
    fn after(rules: &[Rule]) -> Result<State, Error> {
        let json_path = "linux.resources.devices".to_owned();
        let mut state = State { allow: false, exceptions: Vec::new(), json_path };
        for rule in rules {
            if rule.is_total() {
                let json_path = rule.json_path();
                state = State { allow: rule.allow, exceptions: Vec::new(), json_path };
                continue;
            }
            let kinds: &[Kind] = match rule.kind {
                Kind::Any => &[Kind::Block, Kind::Char],
                Kind::Block => &[Kind::Block],
                Kind::Char => &[Kind::Char],
            };
            for &kind in kinds {
                match rule.allow == state.allow {
                    true => state.take_away(rule, kind)?,
                    false => state.add(rule, kind),
                }
            }
        }
        Ok(state)
    }

    fn add(&mut self, rule: &Rule, kind: Kind) {
        let same =
            |e: &&mut Exception| (e.kind, e.major, e.minor) == (kind, rule.major, rule.minor);
        match self.exceptions.iter_mut().find(same) {
            Some(exception) => exception.access.0 |= rule.access.0,
            None => self.exceptions.push(Exception {
                kind,
                major: rule.major,
                minor: rule.minor,
                access: rule.access,
                json_path: rule.json_path(),
            }),
        }
    }

    /// What the exceptions of the same device say.
    fn access_of(&self, device: &Exception) -> Access {
        let same = |e: &&Exception| {
            (e.kind, e.major, e.minor) == (device.kind, device.major, device.minor)
        };
        self.exceptions.iter().find(same).map_or(Access(0), |exception| exception.access)
    }

    fn take_away(&mut self, rule: &Rule, kind: Kind) -> Result<(), Error> {
        for exception in self.exceptions.iter_mut().filter(|e| e.kind == kind) {
            let major = Overlap::of(rule.major, exception.major);
            let minor = Overlap::of(rule.minor, exception.minor);
            let is_touched = exception.access.0 & rule.access.0 != 0;
            match (major, minor) {
                (Overlap::None, _) | (_, Overlap::None) => {}
                (Overlap::Whole, Overlap::Whole) => exception.access.0 &= !rule.access.0,
                _ if is_touched => {
                    return Err(Error::DeviceHole {
                        rule: rule.to_string(),
                        json_path: rule.json_path(),
                        wider: exception.json_path.clone(),
                    });
                }
                _ => {}
            }
        }
        self.exceptions.retain(|exception| exception.access.0 != 0);
        Ok(())
    }
}

/// How much of an exception's numbers a rule is about.
enum Overlap {
    None,
    Part,
    Whole,
}

impl Overlap {
    fn of(rule: Option<u32>, exception: Option<u32>) -> Overlap {
        match (rule, exception) {
            (None, _) => Overlap::Whole,
            (Some(_), None) => Overlap::Part,
            (Some(a), Some(b)) if a == b => Overlap::Whole,
            (Some(_), Some(_)) => Overlap::None,
        }
    }
}
