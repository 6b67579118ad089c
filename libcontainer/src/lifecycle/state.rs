//! `state` and `list`: where containers are in their lives.

use super::{Container, Runtime};
use crate::cgroups;
use crate::error::Error;
use crate::owner::user_name;
use crate::process::image::is_still_init;
use crate::state::{Record, RunningProcess, State, Status, StoreError, is_locked, waits_for_start};
use std::collections::BTreeMap;

impl Container {
    /// Where the container is in its life.
    ///
    /// # Errors
    /// [`Error::Store`] when it is gone or its state is damaged.
    pub fn state(&self) -> Result<State, Error> {
        Ok(self.state_and_owner()?.0)
    }

    fn state_and_owner(&self) -> Result<(State, u32), Error> {
        let (directory, outline) = self.store.outline(&self.id)?;
        let status = match outline.init {
            Some(init) => status_of(init, &outline.cgroup, waits_for_start(&directory))?,
            // It is being created, or was when its runtime was killed.
            None if is_locked(directory) => Status::Creating,
            None => Status::Stopped,
        };
        let owner = outline.owner;
        Ok((outline.state(status), owner))
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
        // Most containers of a host are one user's.
        let mut names: BTreeMap<u32, String> = BTreeMap::new();
        for id in self.store.ids()? {
            match self.container(&id).state_and_owner() {
                Ok((state, owner)) => {
                    let name = names.entry(owner).or_insert_with(|| user_name(owner));
                    states.push(State { owner: name.clone(), ..state });
                }
                Err(Error::Store(StoreError::NotFound { .. })) => {}
                Err(error) => log::warn!("container {id}: {error}"),
            }
        }
        Ok(states)
    }
}

/// From what is saved and what the kernel says of the process.
pub(super) fn status(record: &Record, waits_for_start: bool) -> Result<Status, Error> {
    match record.init {
        Some(init) => status_of(init, &record.cgroup, waits_for_start),
        None => Ok(Status::Stopped),
    }
}

fn status_of(
    RunningProcess { identity: init }: RunningProcess,
    cgroup: &cgroups::Record,
    waits_for_start: bool,
) -> Result<Status, Error> {
    if !init.is_alive() {
        return Ok(Status::Stopped);
    }
    // A `start` that was killed may not have got to mark it as started.
    let is_created = waits_for_start && is_still_init(init.pid);
    Ok(match (cgroup.is_frozen()?, is_created) {
        (true, _) => Status::Paused,
        (false, true) => Status::Created,
        (false, false) => Status::Running,
    })
}
