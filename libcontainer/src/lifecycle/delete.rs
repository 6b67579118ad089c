//! `delete`: nothing of the container is left.

use super::{Container, Runtime, state};
use crate::cgroups::{self, Cgroup};
use crate::error::Error;
use crate::hooks;
use crate::plan::Namespace;
use crate::process::children;
use crate::process::image::is_seen_as_init;
use crate::spec;
use crate::state::{Entry, Record, Status, StoreError, is_locked};
use crate::trace::{self, Trace};
use std::os::fd::AsFd;
use std::time::Duration;

/// How long a killed process may take to end, in milliseconds: the kernel may have much to tear down.
const PATIENCE_MS: u16 = 10_000;
/// How long a creel-init whose runtime was killed may take to end.
const UNMADE_PATIENCE_MS: u16 = 2_000;

impl Container {
    /// Removes a stopped or a created container. With `force` a running one is killed first, and what a
    /// killed runtime left is removed too. Of one whose state is damaged only that is removed, with a warning.
    ///
    /// # Errors
    /// [`Error::Status`] when it runs and `force` is not given; [`Error::StillRunning`] when it cannot be
    /// killed. What could not be removed stays entered, so that delete can be repeated.
    pub fn delete(&self, force: bool) -> Result<(), Error> {
        let _trace = Trace::begin();
        if force {
            self.kill_before_lock();
            trace::done("killed what keeps the container locked");
        }
        let entry = self.store.lock(&self.id)?;
        let record = match entry.load() {
            Ok(record) => record,
            // A runtime was killed before it saved anything, and so before it made anything.
            Err(StoreError::NotFound { .. }) if force => return Ok(entry.remove()?),
            // Nothing else could ever remove it.
            Err(StoreError::Broken { path, .. }) if force => {
                log::warn!(
                    "{} is damaged, so the container's process and cgroup are not known: what there is of them is left",
                    path.display()
                );
                return Ok(entry.remove()?);
            }
            Err(error) => return Err(error.into()),
        };
        let status = state::status(&record, entry.waits_for_start())?;
        match status {
            Status::Stopped | Status::Creating => {}
            // Engines delete what they created and did not start.
            Status::Created => self.end(&record)?,
            _ if force => self.end(&record)?,
            _ => return Err(Error::Status { action: "delete", id: self.id.clone(), status }),
        }
        self.reap(&record);
        trace::done("waited for its processes to end");
        clean_up(entry, &record, true)?;
        trace::done("removed the cgroup and the state");
        Ok(())
    }

    /// A `start` that waits for a hook inside holds the lock for as long as the hook runs; it ends with the
    /// container. So does a `create`, whose hooks are ended here: it fails then, and takes back what it made.
    fn kill_before_lock(&self) {
        let unwanted = || self.store.mark_unwanted(&self.id).unwrap_or_default();
        let waited_for = match self.store.look(&self.id) {
            Ok((directory, record)) => match record.init {
                Some(init) => vec![init.identity],
                None if !is_locked(directory) => return,
                None => unwanted(),
            },
            // Nothing is saved yet.
            Err(StoreError::NotFound { .. }) => unwanted(),
            Err(_) => return,
        };
        for process in waited_for.into_iter().filter_map(|identity| identity.open().ok().flatten())
        {
            // What goes wrong is seen under the lock, where it is tried again.
            let _ = crate::sys::send_signal(process.as_fd(), libc::SIGKILL);
        }
    }

    fn end(&self, record: &Record) -> Result<(), Error> {
        let Some(init) = record.init else { return Ok(()) };
        let failed = |source| Error::io("end the process of", &self.id, source);
        let Some(pidfd) = init.identity.open().map_err(failed)? else { return Ok(()) };
        match crate::sys::send_signal(pidfd.as_fd(), libc::SIGKILL) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            result => result.map_err(failed)?,
        }
        if state::status(record, false)? == Status::Paused {
            // A frozen process dies only when it is thawed (v1).
            kill_rest(record)?;
        }
        let (identity, patience) = (init.identity, Duration::from_millis(PATIENCE_MS.into()));
        let process = (identity.pid, pidfd.as_fd());
        if children::wait_for_end(Some(identity), process, patience).map_err(failed)? {
            return Ok(());
        }
        Err(Error::StillRunning { id: self.id.clone(), pid: init.identity.pid })
    }
}

impl Runtime {
    /// Removes a container as [`Container::delete`] does with force; that there is none is no error.
    ///
    /// # Errors
    /// As [`Container::delete`].
    pub fn delete_force(&self, id: &str) -> Result<(), Error> {
        spec::check_id(id)?;
        match self.container(id).delete(true) {
            Err(Error::Store(StoreError::NotFound { .. })) => Ok(()),
            result => result,
        }
    }
}

/// Removes all that was entered.
pub(super) fn clean_up(entry: Entry, record: &Record, run_hooks: bool) -> Result<(), Error> {
    // The end of a pid namespace's init ends all that is in it; without one others may be left, and so may the
    // init itself when a killed create did not get to record it.
    if !record.namespaces.contains(&Namespace::Pid) || record.joined_pid || record.init.is_none() {
        kill_rest(record)?;
    }
    remove_cgroup(record)?;
    if let Some(groups) = &record.rdt {
        groups.remove()?;
    }
    forget(entry, record, run_hooks)
}

/// The entry goes last but for the poststop hooks, which the spec wants to run when the container is gone.
pub(super) fn forget(entry: Entry, record: &Record, run_hooks: bool) -> Result<(), Error> {
    entry.remove()?;
    if !run_hooks || record.poststop.is_empty() {
        return Ok(());
    }
    let state = record.hook_state("stopped", 0);
    let state =
        state.map_err(|source| Error::io("write the state for hooks", "", source.into()))?;
    for failure in hooks::run_each(&record.poststop, &state) {
        let cause = std::error::Error::source(&failure).map(|cause| format!(": {cause}"));
        log::warn!("{failure}{}", cause.unwrap_or_default());
    }
    Ok(())
}

/// A runtime that was killed may have left a creel-init that is just ending; a cgroup that stays in use was
/// never ours, since create refuses such a one, and is left alone. Unless a creel-init is what stays, as one does that hangs
/// on a file system: it may be ours, and is not forgotten, or somebody else's, and is not killed.
fn remove_cgroup(record: &Record) -> Result<(), Error> {
    let patience = if record.cgroup.made { PATIENCE_MS } else { UNMADE_PATIENCE_MS };
    let is_others = |pids: &[i32]| !pids.iter().any(|pid| is_seen_as_init(*pid));
    match record.cgroup.remove(Duration::from_millis(u64::from(patience))) {
        Err(cgroups::Error::Busy { pids, .. }) if !record.cgroup.made && is_others(&pids) => Ok(()),
        result => Ok(result?),
    }
}

fn kill_rest(record: &Record) -> Result<(), Error> {
    if record.cgroup.is_none() {
        return record.end_launched(PATIENCE_MS);
    }
    if let Some(cgroup) = record.open_cgroup()? {
        Cgroup::kill_all(&cgroup, libc::SIGKILL)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
