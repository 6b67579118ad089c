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
use crate::cgroups::systemd;
use crate::sys::bpf;

/// A write that was made, and what leads back.
struct Done<'a> {
    dir: &'a Dir,
    file: String,
    before: Option<String>,
}

impl Done<'_> {
    fn is_weight_of_device(&self) -> bool {
        self.file.contains("bfq.weight") && self.before.as_ref().is_some_and(|b| b.contains(':'))
    }
}

impl Cgroup {
    /// Carry an update out. When a part of it fails, what was written before is taken back; where that is not
    /// possible a warning says so.
    ///
    /// # Errors
    /// [`Error::BelowUsage`] before anything is written; [`Error::Write`] and its like; [`Error::DeviceFilter`].
    pub fn update(&self, update: &Update) -> Result<(), Error> {
        self.check_usage(update)?;
        let mut done = Vec::new();
        let outcome = self
            .write_all(update, &mut done)
            .and_then(|()| self.change_devices(&update.devices))
            .and_then(|()| self.tell_systemd(update));
        if outcome.is_err() {
            done.iter().rev().for_each(take_back);
            // BFQ forgets these when the weight of all devices is written.
            done.iter().filter(|done| done.is_weight_of_device()).for_each(take_back);
        }
        outcome
    }

    fn tell_systemd(&self, update: &Update) -> Result<(), Error> {
        let Driver::Systemd { unit } = &self.record().driver else { return Ok(()) };
        let devices = match &update.devices {
            DeviceChange::Filter(Some(filter)) => Some(filter.rules.as_slice()),
            DeviceChange::Filter(None) => Some(&[][..]),
            DeviceChange::None | DeviceChange::Files { .. } => None,
        };
        let writes = update.writes.iter().map(|(_, write)| write);
        Ok(systemd::update(unit, writes, devices)?)
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

    /// Some values can only be written once another was: version 1's limit of memory and swap may not be below that of memory,
    /// a burst not above its quota, a quota not above the parent's share. What is refused is tried again after the
    /// rest, as long as that leads anywhere.
    fn write_all<'a>(&'a self, update: &Update, done: &mut Vec<Done<'a>>) -> Result<(), Error> {
        let mut left: Vec<_> = update.writes.iter().collect();
        loop {
            let mut refused = Vec::new();
            let mut first = None;
            let count = left.len();
            for one in left {
                let (path, write) = one;
                let dir = self.dir(path).ok_or_else(|| Error::Gone { path: path.clone() })?;
                match write_one(dir, write) {
                    Ok(written) => done.extend(written),
                    Err(error) if may_work_later(&error) => {
                        refused.push(one);
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

    fn change_devices(&self, change: &DeviceChange) -> Result<(), Error> {
        match change {
            DeviceChange::None => Ok(()),
            DeviceChange::Filter(filter) => self.replace_filter(filter.as_ref()),
            DeviceChange::Files { directory, there, back } => {
                let gone = || Error::Gone { path: directory.clone() };
                let dir = self.dir(directory).ok_or_else(gone)?;
                let outcome = there.iter().try_for_each(|write| write_one(dir, write).map(drop));
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

fn may_work_later(error: &Error) -> bool {
    match error {
        Error::Write { source, .. } => {
            matches!(source.raw_os_error(), Some(libc::EINVAL | libc::EBUSY))
        }
        _ => false,
    }
}

/// The file that was written; `None` where there is nothing to write.
fn write_one<'a>(dir: &'a Dir, write: &Write) -> Result<Option<Done<'a>>, Error> {
    let failed = |file: &str, value: &str, source| Error::Write {
        path: dir.file(file),
        value: value.to_owned(),
        json_path: write.json_path.clone(),
        source,
    };
    let (file, value) = match (old(dir, &write.file), &write.if_missing) {
        (Ok(before), _) => (Some((&write.file, before)), &write.value),
        (Err(source), IfMissing::Skip) if is_missing(&source) => return Ok(None),
        (Err(source), IfMissing::Instead { file, value }) if is_missing(&source) => {
            (old(dir, file).ok().map(|before| (file, before)), value)
        }
        (Err(source), IfMissing::Fail) if is_missing(&source) => (None, &write.value),
        (Err(source), _) => return Err(failed(&write.file, &write.value, source)),
    };
    let Some((file, before)) = file else { return Err(explain_missing(dir, write)) };
    dir.write(file, value).map_err(|source| failed(file, value, source))?;
    let before = before.and_then(|before| undo::value(file, value, &before));
    Ok(Some(Done { dir, file: file.clone(), before }))
}

/// What a file says before it is written; `None` of one that cannot be read.
fn old(dir: &Dir, file: &str) -> io::Result<Option<String>> {
    match dir.read_text(file) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if is_missing(&error) => Err(error),
        // devices.allow and its like have no reading, whatever the errno.
        Err(_) => Ok(None),
    }
}

fn take_back(done: &Done<'_>) {
    let Some(before) = &done.before else {
        log::warn!("{} keeps its new value", done.dir.file(&done.file).display());
        return;
    };
    warn_of(done.dir.write(&done.file, before), done.dir, &done.file);
}

fn warn_of(outcome: io::Result<()>, dir: &Dir, file: &str) {
    if let Err(error) = outcome {
        log::warn!("{} keeps its new value: {error}", dir.file(file).display());
    }
}
