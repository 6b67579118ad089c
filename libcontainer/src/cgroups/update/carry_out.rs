//! Carrying an update out: all of it, or nothing.

use std::io;
use std::os::fd::AsFd;

use super::{Checked, DeviceChange, Update, undo};
use crate::cgroups::apply::{explain_missing, is_denied, is_missing};
use crate::cgroups::cgroup::Cgroup;
use crate::cgroups::devices::Filter;
use crate::cgroups::dir::Dir;
use crate::cgroups::error::Error;
use crate::cgroups::plan::{IfMissing, Kind, Write};
use crate::cgroups::record::Driver;
use crate::cgroups::systemd::{self, Told};
use crate::sys::bpf;

/// A write that is to be made, and what leads back.
struct Change<'a> {
    dir: &'a Dir,
    file: &'a str,
    value: &'a str,
    json_path: &'a str,
    back: Option<String>,
}

impl Cgroup {
    /// Carry an update out. When a part of it fails, what was changed before is taken back; where that is not
    /// possible a warning says so.
    ///
    /// # Errors
    /// [`Error::BelowUsage`], and [`Error::Systemd`] when systemd refuses, before anything is changed; [`Error::Write`]
    /// and its like; [`Error::DeviceFilter`].
    pub fn update(&self, update: &Update) -> Result<(), Error> {
        self.check_usage(update)?;
        let changes = self.changes(update)?;
        // First, since it writes the files with values of its own.
        let told = self.tell_systemd(update)?;
        let mut done = Vec::new();
        let outcome =
            write_all(&changes, &mut done).and_then(|()| self.change_devices(&update.devices));
        if outcome.is_err() {
            told.into_iter().for_each(Told::take_back);
            done.iter().rev().for_each(|change| take_back(change));
            // BFQ forgets these when the weight of all devices is written.
            let weights = done.iter().filter(|change| change.is_weight_of_device());
            weights.for_each(|change| take_back(change));
        }
        outcome
    }

    /// What is to be written, with what the files say now.
    fn changes<'a>(&'a self, update: &'a Update) -> Result<Vec<Change<'a>>, Error> {
        let mut changes = Vec::new();
        for (path, write) in &update.writes {
            let dir = self.dir(path).ok_or_else(|| Error::Gone { path: path.clone() })?;
            changes.extend(to_change(dir, write)?);
        }
        Ok(changes)
    }

    fn tell_systemd(&self, update: &Update) -> Result<Option<Told>, Error> {
        let Driver::Systemd { unit, manager } = &self.record().driver else { return Ok(None) };
        let devices = match &update.devices {
            DeviceChange::Filter(Some(filter)) => Some(filter.rules.as_slice()),
            DeviceChange::Filter(None) => Some(&[][..]),
            DeviceChange::None | DeviceChange::Files { .. } => None,
        };
        let writes = update.writes.iter().map(|(_, write)| write);
        Ok(systemd::tell(unit, *manager, writes, devices)?)
    }

    fn check_usage(&self, update: &Update) -> Result<(), Error> {
        let Some(dir) = self.only(Kind::V2).filter(|_| update.checked != Checked::default()) else {
            return Ok(());
        };
        let read = |file: &str| match dir.read_line(file) {
            Ok(usage) => Ok(usage.parse::<u64>().unwrap_or(0)),
            // A kernel without swap.
            Err(source) if is_missing(&source) => Ok(0),
            Err(source) => Err(Error::Read { path: dir.file(file), source }),
        };
        let memory = read("memory.current")?;
        let sum = memory + read("memory.swap.current")?;
        let Checked { memory: limit, sum: limit_of_sum } = update.checked;
        for (member, limit, usage) in [("limit", limit, memory), ("swap", limit_of_sum, sum)] {
            if let Some(limit) = limit.filter(|limit| usage > *limit) {
                return Err(Error::BelowUsage { member, limit, usage });
            }
        }
        Ok(())
    }

    fn change_devices(&self, change: &DeviceChange) -> Result<(), Error> {
        match change {
            DeviceChange::None => Ok(()),
            DeviceChange::Filter(filter) => self.replace_filter(filter.as_ref()),
            DeviceChange::Files { directory, there, back } => {
                let gone = || Error::Gone { path: directory.clone() };
                let dir = self.dir(directory).ok_or_else(gone)?;
                let write = |write| to_change(dir, write)?.map_or(Ok(()), |change| change.write());
                let outcome = there.iter().try_for_each(write);
                if outcome.is_err() {
                    for write in back {
                        warn_of(dir.write(&write.file, &write.value), dir, &write.file);
                    }
                }
                outcome
            }
        }
    }

    /// In one step where there was one filter, so that at no moment more or less is allowed than by the one or the other.
    pub(in crate::cgroups) fn replace_filter(&self, filter: Option<&Filter>) -> Result<(), Error> {
        let Some(cgroup) = self.fd() else { return Ok(()) };
        let error = |step| move |source| Error::DeviceFilter { step, source };
        let old = match bpf::own_device_programs(cgroup) {
            Err(source) if self.record().rootless && is_denied(&source) => {
                log::debug!("no device filter: {source}");
                return Ok(());
            }
            found => found.map_err(error("find"))?,
        };
        let new = match filter {
            Some(filter) => Some(bpf::load_device_program(&filter.program).map_err(error("load"))?),
            None => None,
        };
        let replaced = match (&new, old.as_slice()) {
            (Some(new), [old]) => bpf::replace_device_program(cgroup, new.as_fd(), old.as_fd()),
            (Some(new), _) => bpf::attach_device_program(cgroup, new.as_fd()).map(|()| false),
            (None, _) => Ok(false),
        };
        if replaced.map_err(error("attach"))? {
            return Ok(());
        }
        for old in &old {
            bpf::detach_device_program(cgroup, old.as_fd()).map_err(error("detach"))?;
        }
        Ok(())
    }
}

/// Some values can only be written once another was: version 1's limit of memory and swap may not be below that of memory,
/// a burst not above its quota, a quota not above the parent's share. What is refused is tried again after the
/// rest, as long as that leads anywhere.
fn write_all<'c, 'a>(
    changes: &'c [Change<'a>],
    done: &mut Vec<&'c Change<'a>>,
) -> Result<(), Error> {
    let mut left: Vec<_> = changes.iter().collect();
    loop {
        let mut refused = Vec::new();
        let mut first = None;
        let count = left.len();
        for change in left {
            match change.write() {
                Ok(()) => done.push(change),
                Err(error) if may_work_later(&error) => {
                    refused.push(change);
                    first.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match first {
            None => return Ok(()),
            Some(error) if refused.len() == count => return Err(error),
            Some(_) => left = refused,
        }
    }
}

fn may_work_later(error: &Error) -> bool {
    match error {
        Error::Write { source, .. } => {
            matches!(source.raw_os_error(), Some(libc::EINVAL | libc::EBUSY))
        }
        _ => false,
    }
}

/// The change that a write is; `None` where there is nothing to write.
fn to_change<'a>(dir: &'a Dir, write: &'a Write) -> Result<Option<Change<'a>>, Error> {
    let (file, value, before) = match (old(dir, &write.file), &write.if_missing) {
        (Ok(before), _) => (&write.file, &write.value, before),
        (Err(_), IfMissing::Skip) => return Ok(None),
        (Err(_), IfMissing::Instead { file, value }) => match old(dir, file) {
            Ok(before) => (file, value, before),
            Err(_) => return Err(explain_missing(dir, write)),
        },
        (Err(_), IfMissing::Fail) => return Err(explain_missing(dir, write)),
    };
    let back = before.and_then(|before| undo::value(file, value, &before));
    Ok(Some(Change { dir, file, value, json_path: &write.json_path, back }))
}

impl Change<'_> {
    fn is_weight_of_device(&self) -> bool {
        self.file.contains("bfq.weight") && self.back.as_ref().is_some_and(|b| b.contains(':'))
    }

    fn write(&self) -> Result<(), Error> {
        self.dir.write(self.file, self.value).map_err(|source| Error::Write {
            path: self.dir.file(self.file),
            value: self.value.to_owned(),
            json_path: self.json_path.to_owned(),
            source,
        })
    }
}

/// What a file says before it is written, `None` of one that cannot be read; an error when it is missing.
fn old(dir: &Dir, file: &str) -> io::Result<Option<String>> {
    match dir.read_text(file) {
        // cgroup2: the parent's processors. A cgroup with processes that had some of its own never has none again.
        Ok(text) if text.trim_end().is_empty() && matches!(file, "cpuset.cpus" | "cpuset.mems") => {
            Ok(dir.read_line(&format!("{file}.effective")).ok())
        }
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if is_missing(&error) => Err(error),
        // devices.allow and its like have no reading, whatever the errno.
        Err(_) => Ok(None),
    }
}

fn take_back(done: &Change<'_>) {
    let Some(before) = &done.back else {
        log::warn!("{} keeps its new value", done.dir.file(done.file).display());
        return;
    };
    warn_of(done.dir.write(done.file, before), done.dir, done.file);
}

fn warn_of(outcome: io::Result<()>, dir: &Dir, file: &str) {
    if let Err(error) = outcome {
        log::warn!("{} keeps its new value: {error}", dir.file(file).display());
    }
}
