//! `run`: create and start in one, and in the foreground wait and delete.

use super::create::{CreateOptions, Prepared};
use super::notify::Readiness;
use super::talk::go;
use super::{Runtime, delete, foreground, start};
use crate::error::Error;
use crate::process::conversation::Report;
use crate::process::launch::Init;
use crate::process::{Exit, StepError, wait};
use crate::state::{Record, StoreError};
use std::os::fd::AsFd;

/// How a container is run.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Return when the program runs.
    pub detach: bool,
    /// Leave the stopped container's state behind.
    pub keep: bool,
    /// Leave orphans of the container to the caller's reaper. Otherwise, in the foreground, this process becomes
    /// a subreaper and every child of it that ends is reaped: a program with other children sets this.
    pub no_subreaper: bool,
}

impl Runtime {
    /// Creates and starts a container. In the foreground signals are passed on, and the container is deleted
    /// when its process has ended.
    ///
    /// Returns how the process ended; `None` when detached.
    ///
    /// # Errors
    /// As [`Runtime::create`] and [`super::Container::start`]; whatever fails, nothing is left behind.
    pub fn run(
        &self,
        id: &str,
        options: &CreateOptions,
        run: &RunOptions,
    ) -> Result<Option<Exit>, Error> {
        let watch = (!run.detach).then(|| foreground::Watch::new(run.no_subreaper)).transpose()?;
        let prepared = match run.detach {
            true => self.prepare_detached(id, options)?,
            false => self.prepare(id, options, false)?,
        };
        let readiness = match listen(&prepared, options) {
            Ok(readiness) => readiness,
            Err(error) => return Err(abandon(prepared, error)),
        };
        if let Err(error) = launch(&prepared) {
            return Err(abandon(prepared, error));
        }
        let Prepared { entry, record, init, terminal, .. } = prepared;
        // It runs: whatever hooks it still has and however long it lives, others may delete it.
        drop(entry);
        if let Err(error) = start::poststart(&record) {
            return Err(self.end(id, &record, &init, error));
        }
        let Some(watch) = watch else {
            readiness.map_or(Ok(()), |ready| ready.wait(init.pidfd.as_fd(), init.pid))?;
            return Ok(None);
        };
        let exit = match watch.attend(&init, terminal, readiness.as_ref()) {
            Ok(exit) => exit,
            // As when nobody reads its output any more.
            Err(error) => return Err(self.end(id, &record, &init, error)),
        };
        if !run.keep {
            self.remove(id, &record)?;
        }
        Ok(Some(exit))
    }

    /// Ends and removes a container that runs.
    fn end(&self, id: &str, record: &Record, init: &Init, error: Error) -> Error {
        let _ = crate::sys::send_signal(init.pidfd.as_fd(), libc::SIGKILL);
        wait::reap(init.pidfd.as_fd());
        if let Err(second) = self.remove(id, record) {
            log::warn!("cleaning up after the failed run: {second}");
        }
        error
    }

    /// Removes the container of this record, if it is still there: somebody may have deleted it, and made another
    /// of its name.
    fn remove(&self, id: &str, record: &Record) -> Result<(), Error> {
        let found = self.store.lock(id).and_then(|entry| Ok((entry.load()?, entry)));
        let (now, entry) = match found {
            Err(StoreError::NotFound { .. }) => return Ok(()),
            found => found?,
        };
        let process = |record: &Record| record.init.map(|init| init.identity);
        match process(&now) == process(record) {
            true => delete::clean_up(entry, &now, true),
            false => Ok(()),
        }
    }

    fn prepare_detached(&self, id: &str, options: &CreateOptions) -> Result<Prepared, Error> {
        let mut prepared = self.prepare(id, options, false)?;
        if prepared.terminal.take().is_some() {
            let problem = "process.terminal is true: run --detach needs --console-socket to hand the terminal to";
            return Err(abandon(prepared, Error::Terminal { problem }));
        }
        Ok(prepared)
    }
}

fn listen(prepared: &Prepared, options: &CreateOptions) -> Result<Option<Readiness>, Error> {
    let manager = options.notify_socket.as_deref();
    Ok(manager.map(|manager| Readiness::listen(&prepared.entry, manager)).transpose()?.flatten())
}

fn launch(prepared: &Prepared) -> Result<(), Error> {
    go(&prepared.init.conversation)?;
    let explain = |report: Report| StepError::new(report, &prepared.steps);
    start::follow(&prepared.init.conversation, explain)
}

/// Ends and removes what was prepared.
fn abandon(prepared: Prepared, error: Error) -> Error {
    let Prepared { entry, record, init, .. } = prepared;
    let _ = crate::sys::send_signal(init.pidfd.as_fd(), libc::SIGKILL);
    wait::reap(init.pidfd.as_fd());
    if let Err(second) = delete::clean_up(entry, &record, true) {
        log::warn!("cleaning up after the failed run: {second}");
    }
    error
}
