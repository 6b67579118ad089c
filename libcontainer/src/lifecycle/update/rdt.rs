//! The part of an update that changes the class of service.

use crate::error::Error;
use crate::plan::Rdt;
use crate::rdt::{Groups, mount_point};
use crate::state::{Entry, Record};
use std::fs;

/// What was changed, and what leads back.
pub(super) enum Changed {
    Nothing,
    /// The lines of before.
    Lines(Groups, Vec<String>),
    /// A class that was made.
    Made(Groups),
}

/// Changes the lines of the container's class. Without one it gets one of its own, with all its processes.
pub(super) fn change(entry: &Entry, record: &mut Record, wanted: &Rdt) -> Result<Changed, Error> {
    if wanted.schemata.is_empty() {
        return Ok(Changed::Nothing);
    }
    if let Some(groups) = &record.rdt {
        let before = groups.change(&wanted.schemata)?;
        return Ok(Changed::Lines(groups.clone(), before));
    }
    let mut groups = Groups::planned(wanted, &mount_point()?);
    // Entered before it is made, so that delete finds it.
    record.rdt = Some(groups.clone());
    entry.save(record)?;
    let made = groups.create(wanted).map_err(Error::from).and_then(|()| enter_all(&groups, record));
    record.rdt = Some(groups.clone());
    let changed = Changed::Made(groups);
    match made {
        Ok(()) => Ok(changed),
        Err(error) => {
            changed.take_back(entry, record);
            Err(error)
        }
    }
}

impl Changed {
    /// The error that led here is the one that counts; what cannot be taken back is a warning.
    pub(super) fn take_back(self, entry: &Entry, record: &mut Record) {
        let outcome = match self {
            Changed::Nothing => Ok(()),
            Changed::Lines(groups, before) => groups.change(&before).map(drop).map_err(Error::from),
            Changed::Made(groups) => groups.remove().map_err(Error::from).and_then(|()| {
                record.rdt = None;
                entry.save(record)?;
                Ok(())
            }),
        };
        if let Err(error) = outcome {
            log::warn!("the class of service keeps its new schema: {error}");
        }
    }
}

/// Every thread is entered by itself; one that has ended meanwhile is left out.
fn enter_all(groups: &Groups, record: &Record) -> Result<(), Error> {
    let Some(cgroup) = record.open_cgroup()? else { return Ok(()) };
    for pid in cgroup.pids()? {
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let thread = thread.file_name().to_string_lossy().parse().unwrap_or(pid);
            match groups.enter(thread) {
                Err(error) if error.is_of_gone_process() => {}
                result => result?,
            }
        }
    }
    Ok(())
}
