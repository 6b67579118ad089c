//! A container's first process, to wait for.

use super::Container;
use crate::error::Error;
use crate::process::{Exit, Process, children};
use crate::state::{Record, Status};

impl Container {
    /// The container's first process; `None` when it has ended, unless it was started by this program and nobody
    /// has waited for it, or this is the container as it was created.
    ///
    /// # Errors
    /// [`Error::Store`] when there is no such container.
    pub fn process(&self) -> Result<Option<Process>, Error> {
        if let Some(process) = &self.process {
            return Ok(Some(process.clone()));
        }
        let Some(init) = self.store.read(&self.id)?.init else { return Ok(None) };
        if let Some(child) = children::first(init.identity) {
            return Ok(Some(child));
        }
        let opened = init.identity.open();
        let opened = opened.map_err(|source| Error::io("open the process of", &self.id, source))?;
        Ok(opened.map(|pidfd| Process::found(init.identity, pidfd)))
    }

    /// Waits for the container's first process to end.
    ///
    /// # Errors
    /// As [`Process::wait`]; [`Error::Status`] for a loaded container whose process has ended before.
    pub fn wait(&self) -> Result<Exit, Error> {
        let stopped =
            || Error::Status { action: "wait for", id: self.id.clone(), status: Status::Stopped };
        self.process()?.ok_or_else(stopped)?.wait()
    }

    /// Once it has ended: if it is a child of this program, it stays no zombie.
    pub(super) fn reap(&self, record: &Record) {
        let Some(init) = record.init else { return };
        if let Some(child) = children::first(init.identity) {
            // How it ended is kept for who asks.
            drop(child.reap_if_ended());
        }
    }
}
