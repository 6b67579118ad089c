//! `state` and `list`: where containers are in their lives.

use super::{Container, Runtime};
use crate::error::Error;
use crate::owner::user_name;
use crate::process::image::is_still_init;
use crate::state::{Record, State, Status, StoreError};
use std::os::fd::OwnedFd;

impl Container {
    /// Where the container is in its life.
    ///
    /// # Errors
    /// [`Error::Store`] when it is gone or its state is damaged.
    pub fn state(&self) -> Result<State, Error> {
        let directory = self.store.directory(&self.id)?;
        let record = self.store.read(&self.id)?;
        if record.init.is_none() {
            return Ok(record.state(self.unfinished()));
        }
        Ok(record.state(status(&record, waits(&directory))?))
    }

    fn state_with_owner(&self) -> Result<State, Error> {
        let owner = user_name(self.store.read(&self.id)?.owner);
        Ok(State { owner, ..self.state()? })
    }

    /// A container without a process is being created, or was when its runtime was killed.
    fn unfinished(&self) -> Status {
        match self.store.is_locked(&self.id) {
            Ok(true) => Status::Creating,
            _ => Status::Stopped,
        }
    }
}

impl Runtime {
    /// The states of all containers, by id. One that vanishes meanwhile is left out, and one whose state
    /// cannot be read is passed over with a warning.
    ///
    /// # Errors
    /// [`Error::Store`] when the state root cannot be read.
    pub fn list(&self) -> Result<Vec<State>, Error> {
        let mut states = Vec::new();
        for id in self.store.ids()? {
            match self.container(&id).state_with_owner() {
                Ok(state) => states.push(state),
                Err(Error::Store(StoreError::NotFound { .. })) => {}
                Err(error) => log::warn!("container {id}: {error}"),
            }
        }
        Ok(states)
    }
}

fn waits(directory: &OwnedFd) -> bool {
    crate::state::waits_for_start(directory)
}

/// From what is saved and what the kernel says of the process.
pub(super) fn status(record: &Record, waits_for_start: bool) -> Result<Status, Error> {
    let alive = record.init.is_some_and(|init| init.identity.is_alive());
    if !alive {
        return Ok(Status::Stopped);
    }
    // A `start` that was killed may not have got to mark it as started.
    let is_still_init = || record.init.is_some_and(|init| is_still_init(init.identity.pid));
    let is_created = waits_for_start && is_still_init();
    let frozen = match record.open_cgroup()? {
        Some(cgroup) => cgroup.is_frozen()?,
        None => false,
    };
    Ok(match (frozen, is_created) {
        (true, _) => Status::Paused,
        (false, true) => Status::Created,
        (false, false) => Status::Running,
    })
}
