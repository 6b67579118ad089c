//! A container's first process, to wait for.

use super::Container;
use crate::error::Error;
use crate::process::{Exit, Process};
use crate::state::{Record, Status};

impl Container {
    /// The container's first process; `None` when it has ended, unless this container was created by this
    /// program and is not merely loaded.
    ///
    /// # Errors
    /// [`Error::Store`] when there is no such container.
    pub fn process(&self) -> Result<Option<Process>, Error> {
        if let Some(process) = &self.process {
            return Ok(Some(process.clone()));
        }
        let Some(init) = self.store.read(&self.id)?.init else { return Ok(None) };
        let opened = init.identity.open();
        let opened = opened.map_err(|source| Error::io("open the process of", &self.id, source))?;
        Ok(opened.map(|pidfd| Process::new(init.identity.pid, pidfd)))
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
        match (&self.process, record.init) {
            (Some(process), _) => drop(process.wait_timeout(std::time::Duration::ZERO)),
            (None, Some(init)) => init.identity.reap(),
            (None, None) => {}
        }
    }
}
