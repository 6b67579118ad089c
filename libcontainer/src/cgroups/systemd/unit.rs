//! The scope unit of a container: planned, started, stopped.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use oci_spec::runtime::LinuxDeviceCgroup;
use serde::Serialize;

use super::bus::Bus;
use super::error::SystemdError;
use super::manager::{Maker, Manager};
use super::name::UnitName;
use super::value::Value;
use super::{annotation, properties, update};
use crate::cgroups::error::Error;
use crate::cgroups::plan::{Plan, Request, plan_v2};
use crate::cgroups::{Layout, devices};

/// A transient unit that is to be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// Which systemd's it is.
    #[serde(skip_serializing_if = "Manager::is_system")]
    pub manager: Manager,
    /// Its properties in the order in which systemd gets them; `PIDs` comes when it is started.
    pub properties: Vec<Property>,
    /// Those that it gets later.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delayed: Vec<Property>,
}

/// A property of a unit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Property {
    /// Its name on the bus.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// Whether systemd is this system's init, as sd_booted(3) tells it.
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// As [`plan`](super::super::plan) does, with systemd as the maker.
pub(in crate::cgroups) fn plan(
    request: &Request,
    annotations: Option<&HashMap<String, String>>,
    layout: &Layout,
    maker: &Maker,
) -> Result<Plan, Error> {
    let Layout::V2 { mount } = layout else { return Err(SystemdError::NotV2.into()) };
    let manager = maker.manager;
    let name = UnitName::of(request.cgroups_path, request.id, manager)?;
    let mut plan = plan_v2(request, mount, maker.below.join(name.below()))?;
    let mut properties = basic(&name);
    for directory in &plan.directories {
        properties.extend(properties::of_writes(&directory.writes));
    }
    // A user's systemd cannot load device filters.
    if manager == Manager::System {
        properties.extend(device_properties(request)?);
    }
    properties.extend(annotation::properties(annotations.into_iter().flatten())?);
    plan.unit = Some(Unit { name: name.unit, manager, properties, delayed: Vec::new() });
    Ok(plan)
}

/// What every container's scope has.
fn basic(name: &UnitName) -> Vec<Property> {
    let property = |name: &str, value| Property { name: name.to_owned(), value };
    let mut properties = vec![
        property("Description", Value::Text(format!("container {}", name.name))),
        property("Slice", Value::Text(name.slice.clone())),
        // The files and the cgroups below are the runtime's and the container's.
        property("Delegate", Value::Bool(true)),
        // Not stopped with the default order at shutdown: engines end their containers.
        property("DefaultDependencies", Value::Bool(false)),
    ];
    for accounting in ["CPUAccounting", "MemoryAccounting", "IOAccounting", "TasksAccounting"] {
        properties.push(property(accounting, Value::Bool(true)));
    }
    properties
}

fn device_properties(request: &Request) -> Result<Vec<Property>, Error> {
    let given: Option<&[LinuxDeviceCgroup]> =
        request.resources.and_then(|resources| resources.devices().as_deref());
    let Some(allowed) = devices::systemd::allowed(&devices::rules(given)?) else {
        return Ok(Vec::new());
    };
    Ok(vec![
        Property { name: "DevicePolicy".to_owned(), value: Value::from("strict") },
        Property { name: "DeviceAllow".to_owned(), value: Value::Pairs(allowed) },
    ])
}

impl Unit {
    /// Start the unit with the process in it; it is in the unit's cgroup when this returns.
    ///
    /// A unit of the same name that has failed is forgotten first; one that is in use is an error,
    /// and is left alone.
    pub(in crate::cgroups) fn start(&self, pid: i32) -> Result<(), SystemdError> {
        let mut bus = Bus::open(self.manager)?;
        bus.watch_jobs()?;
        let job = match self.ask_to_start(&mut bus, pid) {
            Err(error) if is_named(&error, "UnitExists") => {
                // A failed unit stays until somebody has heard of it.
                let _ = bus.reset_failed(&self.name);
                match self.ask_to_start(&mut bus, pid) {
                    Err(error) if is_named(&error, "UnitExists") => {
                        return Err(SystemdError::UnitExists { unit: self.name.clone() });
                    }
                    result => result?,
                }
            }
            result => result?,
        };
        match bus.wait_for_job(&job)?.as_str() {
            "done" => Ok(()),
            result => {
                let result = result.to_owned();
                let _ = bus.reset_failed(&self.name);
                Err(SystemdError::Job { unit: self.name.clone(), job: "start", result })
            }
        }
    }

    pub(in crate::cgroups) fn delay_devices(&mut self) {
        let is_of_devices = |property: &Property| property.name.starts_with("Device");
        let properties = std::mem::take(&mut self.properties);
        (self.delayed, self.properties) = properties.into_iter().partition(is_of_devices);
    }

    /// Give the unit, which was started, the properties that were delayed.
    pub(in crate::cgroups) fn set_delayed(&self) -> Result<(), SystemdError> {
        match self.delayed.as_slice() {
            [] => Ok(()),
            delayed => update::set(&mut Bus::open(self.manager)?, &self.name, delayed),
        }
    }

    fn ask_to_start(&self, bus: &mut Bus, pid: i32) -> Result<String, SystemdError> {
        let pids = Value::U32s(vec![pid.unsigned_abs()]);
        let pids = Property { name: "PIDs".to_owned(), value: pids };
        bus.start_transient_unit(&self.name, self.properties.iter().chain([&pids]))
    }
}

/// Let this user's systemd move a process into one of its units, or into a cgroup below it.
pub(in crate::cgroups) fn attach(unit: &str, cgroup: &Path, pid: i32) -> Result<(), SystemdError> {
    let below = cgroup.components().skip_while(|part| part.as_os_str() != unit).skip(1);
    let below: PathBuf = std::iter::once(Component::RootDir).chain(below).collect();
    Bus::open(Manager::User)?.attach(unit, &below.to_string_lossy(), pid.unsigned_abs())
}

/// Stop a unit and forget that it failed; one that is gone is no error.
pub(in crate::cgroups) fn stop(unit: &str, manager: Manager) -> Result<(), SystemdError> {
    let mut bus = Bus::open(manager)?;
    bus.watch_jobs()?;
    match bus.stop_unit(unit) {
        Ok(job) => {
            let result = bus.wait_for_job(&job)?;
            // It is of no concern here how the unit ended; what is left of its cgroup is.
            log::debug!("systemd stopped {unit}: {result}");
        }
        Err(error) if is_named(&error, "NoSuchUnit") => return Ok(()),
        Err(error) => return Err(error),
    }
    match bus.reset_failed(unit) {
        Err(error) if is_named(&error, "NoSuchUnit") => Ok(()),
        result => result,
    }
}

fn is_named(error: &SystemdError, wanted: &str) -> bool {
    let SystemdError::Call { name, .. } = error else { return false };
    name.strip_prefix("org.freedesktop.systemd1.") == Some(wanted)
}
