//! Telling systemd of other limits, so that a daemon-reload does not set them back.

use super::bus::Bus;
use super::error::SystemdError;
use super::manager::Manager;
use super::properties;
use super::unit::Property;
use super::value::Value;
use crate::cgroups::devices;
use crate::cgroups::plan::Write;

/// What systemd was told, and what it knew before.
#[derive(Debug)]
pub(in crate::cgroups) struct Told {
    unit: String,
    bus: Bus,
    before: Vec<Property>,
}

/// Tell systemd what is going to be changed; `devices` are the rules, where they change, or none where all
/// is allowed. When it refuses a part it takes none. It writes files as well, which the caller has to write
/// afterwards, with the exact values.
pub(in crate::cgroups) fn tell<'a>(
    unit: &str,
    manager: Manager,
    writes: impl Iterator<Item = &'a Write>,
    devices: Option<&[devices::Rule]>,
) -> Result<Option<Told>, SystemdError> {
    let mut wanted: Vec<Property> = writes.flat_map(properties::of_write).collect();
    if let Some(rules) = devices.filter(|_| manager == Manager::System) {
        wanted.extend(device_list(rules));
    }
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut bus = Bus::open(manager)?;
    let before = current(&mut bus, unit, &wanted)?;
    let mut told = Told { unit: unit.to_owned(), bus, before };
    told.set(&wanted)?;
    Ok(Some(told))
}

impl Told {
    /// Tell systemd that all is as before; this writes files, too.
    pub(in crate::cgroups) fn take_back(mut self) {
        let before = std::mem::take(&mut self.before);
        if let Err(error) = self.set(&before) {
            log::warn!("{} keeps its new properties: {error}", self.unit);
        }
    }

    fn set(&mut self, properties: &[Property]) -> Result<(), SystemdError> {
        set(&mut self.bus, &self.unit, properties)
    }
}

/// systemd answers before it writes the files, and does so before it reads the next call.
pub(super) fn set(bus: &mut Bus, unit: &str, properties: &[Property]) -> Result<(), SystemdError> {
    bus.set_unit_properties(unit, properties.iter())?;
    bus.object_of(unit).map(drop)
}

/// What leads back from `wanted`.
fn current(bus: &mut Bus, unit: &str, wanted: &[Property]) -> Result<Vec<Property>, SystemdError> {
    let object = bus.object_of(unit)?;
    let mut before: Vec<Property> = Vec::new();
    for Property { name, .. } in wanted {
        if before.iter().any(|known| known.name == *name) {
            continue;
        }
        let Some(value) = bus.scope_property(&object, name)? else { continue };
        let property = |value| Property { name: name.clone(), value };
        // Entries are added to a list, after an empty one has taken all away.
        before.extend(empty_list(&value).map(property));
        if empty_list(&value).as_ref() != Some(&value) {
            before.push(property(value));
        }
    }
    Ok(before)
}

fn empty_list(value: &Value) -> Option<Value> {
    match value {
        Value::Pairs(_) => Some(Value::Pairs(Vec::new())),
        Value::Rates(_) => Some(Value::Rates(Vec::new())),
        _ => None,
    }
}

fn device_list(rules: &[devices::Rule]) -> Vec<Property> {
    let allowed = devices::systemd::allowed(rules).filter(|_| !rules.is_empty());
    let policy = if allowed.is_some() { "strict" } else { "auto" };
    let property = |name: &str, value| Property { name: name.to_owned(), value };
    let mut properties = vec![
        property("DevicePolicy", Value::from(policy)),
        property("DeviceAllow", Value::Pairs(Vec::new())),
    ];
    properties.extend(allowed.map(|list| property("DeviceAllow", Value::Pairs(list))));
    properties
}
