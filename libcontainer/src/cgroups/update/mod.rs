//! What changes in a running container's cgroup when it gets other resources: pure, from what it has, what
//! is asked for, and where its directories are.

mod carry_out;
mod merge;
mod undo;

use std::path::PathBuf;

use oci_spec::runtime::LinuxResources;
use serde_json::Value;

use super::devices::{self, Filter};
use super::error::Error;
use super::plan::{Ignored, Write};
use super::record::Record;
use super::resources::{self, Writes};

/// Everything that is done for one update.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// What the container has afterwards, for its state.
    pub resources: LinuxResources,
    /// Settings that mean nothing on this layout.
    pub ignored: Vec<Ignored>,
    pub(super) writes: Vec<(PathBuf, Write)>,
    pub(super) devices: DeviceChange,
    /// The limits that may not be below what is in use (`checkBeforeUpdate`).
    pub(super) checked: Checked,
}

/// Limits in bytes that are compared with what is in use before anything is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Checked {
    /// Of memory.
    pub(super) memory: Option<u64>,
    /// Of memory and swap together.
    pub(super) sum: Option<u64>,
}

/// How other device rules come into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DeviceChange {
    /// They are the same.
    None,
    /// Version 1: the writes, and those that lead back.
    Files { directory: PathBuf, there: Vec<Write>, back: Vec<Write> },
    /// cgroup2: another filter, or none.
    Filter(Option<Filter>),
}

impl Update {
    /// Plan an update; nothing is read from or changed on the system.
    ///
    /// `request` changes what it names: objects member by member, lists as a whole. A zero where the
    /// specification has no use for one (shares, quota, period, limits of memory, weights) names nothing,
    /// as callers fill in what they do not mean. What follows from a changed setting is written as well:
    /// without that, the limit of swap alone (cgroup2) would keep to the old limit of memory.
    ///
    /// # Errors
    /// As [`plan`](super::plan::plan).
    pub fn new(
        current: &LinuxResources,
        request: &LinuxResources,
        record: &Record,
    ) -> Result<Update, Error> {
        let asked = merge::named(request);
        let resources = merge::merge(current, &asked);
        let is_v2 = record.is_v2();
        let before = limits(current, record)?;
        let mut after = limits(&resources, record)?;
        let is_new =
            |write: &Write| !before.contains(write) || merge::names(&asked, &write.json_path);
        after.retain(is_new);
        // Without a word the OOM killer is on; only an update has to say so.
        let killer = "linux.resources.memory.disableOOMKiller";
        let is_on = resources.memory().is_some_and(|m| m.disable_oom_killer() == Some(false));
        if !is_v2 && is_on && merge::names(&asked, killer) {
            after.push("memory", "memory.oom_control", 0, killer);
        }
        let ignored = std::mem::take(&mut after.ignored);
        let ignored = ignored.into_iter().filter(|i| merge::names(&asked, &i.json_path)).collect();
        Ok(Update {
            writes: place(after, record)?,
            devices: device_change(current, &resources, record)?,
            checked: checked(&asked, &resources, is_v2),
            ignored,
            resources,
        })
    }
}

fn limits(resources: &LinuxResources, record: &Record) -> Result<Writes, Error> {
    let mut writes = Writes::default();
    if record.is_v2() {
        resources::v2::plan(resources, &mut writes)?;
        return Ok(writes);
    }
    let (v1, unified) = record.controllers();
    resources::plan_hybrid(resources, (&v1, &unified), &mut writes)?;
    Ok(writes)
}

fn place(mut writes: Writes, record: &Record) -> Result<Vec<(PathBuf, Write)>, Error> {
    let mut placed = Vec::new();
    for (controllers, path) in record.hierarchies() {
        let taken = if record.is_v2() { writes.of_v2() } else { writes.take(&controllers) };
        placed.extend(taken.into_iter().map(|write| (path.to_owned(), write)));
    }
    writes.check_none_left()?;
    Ok(placed)
}

fn device_change(
    current: &LinuxResources,
    wanted: &LinuxResources,
    record: &Record,
) -> Result<DeviceChange, Error> {
    if current.devices() == wanted.devices() {
        return Ok(DeviceChange::None);
    }
    let before = devices::rules(current.devices().as_deref())?;
    let after = devices::rules(wanted.devices().as_deref())?;
    if record.is_v2() {
        return Ok(DeviceChange::Filter(Filter::new(&after)?));
    }
    let Some(directory) = record.paths.get("devices").cloned() else {
        let (controller, json_path) = ("devices".to_owned(), "linux.resources.devices".to_owned());
        return Err(Error::MissingController { controller, json_path });
    };
    let there = devices::v1::change(&before, &after)?;
    let back = devices::v1::change(&after, &before)?;
    Ok(DeviceChange::Files { directory, there, back })
}

/// Version 1 refuses by itself a limit below what is in use; cgroup2 kills for it, unless it is checked.
fn checked(asked: &Value, resources: &LinuxResources, is_v2: bool) -> Checked {
    let memory = resources.memory().filter(|_| is_v2);
    let Some(memory) = memory.filter(|memory| memory.check_before_update() == Some(true)) else {
        return Checked::default();
    };
    let limit = |name: &str, value: Option<i64>| {
        let is_asked = merge::names(asked, &format!("linux.resources.memory.{name}"));
        value.filter(|value| is_asked && *value > 0).and_then(|value| u64::try_from(value).ok())
    };
    Checked { memory: limit("limit", memory.limit()), sum: limit("swap", memory.swap()) }
}

#[cfg(test)]
mod tests;
