//! `state` and `list`: where containers are in their lives.

use super::{Container, Runtime};
use crate::error::Error;
use crate::owner::user_name;
use crate::process::image::is_still_init;
use crate::state::{Record, State, Status, StoreError, is_locked, waits_for_start};

impl Container {
    /// Where the container is in its life.
    ///
    /// # Errors
    /// [`Error::Store`] when it is gone or its state is damaged.
    pub fn state(&self) -> Result<State, Error> {
        Ok(self.state_and_owner()?.0)
    }

    fn state_with_owner(&self) -> Result<State, Error> {
        let (state, owner) = self.state_and_owner()?;
        Ok(State { owner: user_name(owner), ..state })
    }

    fn state_and_owner(&self) -> Result<(State, u32), Error> {
        let (directory, record) = self.store.look(&self.id)?;
        let status = match record.init {
            Some(_) => status(&record, waits_for_start(&directory))?,
            // It is being created, or was when its runtime was killed.
            None if is_locked(directory) => Status::Creating,
            None => Status::Stopped,
        };
        Ok((record.state(status), record.owner))
    }
}

impl Runtime {
    /// The ids of all containers, sorted.
    ///
    /// # Errors
    /// [`Error::Store`] when the state root cannot be read.
    pub fn ids(&self) -> Result<Vec<String>, Error> {
        Ok(self.store.ids()?)
    }

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
