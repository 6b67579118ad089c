//! `pause` and `resume`: the container's processes stand still, and go on.

use super::{Container, state};
use crate::cgroups::{self, Cgroup};
use crate::error::Error;
use crate::state::{Entry, Record, Status};
use std::time::Duration;

/// How long processes may take to freeze or thaw.
const PATIENCE: Duration = Duration::from_secs(10);

impl Container {
    /// Freezes every process in the container's cgroup; returns when all stand still.
    ///
    /// # Errors
    /// [`Error::Status`] unless it is created or running; [`Error::Cgroup`] when they do not freeze, after
    /// which none is frozen.
    pub fn pause(&self) -> Result<(), Error> {
        let (_entry, record, status) = self.locked()?;
        if !matches!(status, Status::Created | Status::Running) {
            return Err(Error::Status { action: "pause", id: self.id.clone(), status });
        }
        Ok(cgroup(&record)?.freeze(PATIENCE)?)
    }

    /// Lets the processes of a paused container go on.
    ///
    /// # Errors
    /// [`Error::Status`] unless it is paused.
    pub fn resume(&self) -> Result<(), Error> {
        let (_entry, record, status) = self.locked()?;
        if status != Status::Paused {
            return Err(Error::Status { action: "resume", id: self.id.clone(), status });
        }
        Ok(cgroup(&record)?.thaw(PATIENCE)?)
    }

    /// The container with nobody else changing it, and where it is in its life.
    pub(super) fn locked(&self) -> Result<(Entry, Record, Status), Error> {
        let entry = self.store.lock(&self.id)?;
        let record = entry.load()?;
        let status = state::status(&record, entry.waits_for_start())?;
        Ok((entry, record, status))
    }
}

/// The cgroup of a container that has a process.
pub(super) fn cgroup(record: &Record) -> Result<Cgroup, Error> {
    if record.cgroup.is_none() {
        return Err(cgroups::Error::NoneOfItsOwn.into());
    }
    match record.open_cgroup()? {
        Some(cgroup) => Ok(cgroup),
        None => Err(cgroups::Error::Gone { path: record.cgroup.first_path() }.into()),
    }
}
