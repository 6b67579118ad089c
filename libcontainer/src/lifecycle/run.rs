//! `run`: create and start in one, and in the foreground wait and delete.

use super::create::{CreateOptions, Prepared, go};
use super::{Runtime, delete, foreground, start};
use crate::error::Error;
use crate::process::conversation::Report;
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
    /// Leave orphans of the container to the caller's reaper.
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
        if run.detach {
            let prepared = self.prepare_detached(id, options)?;
            return match launch(&prepared) {
                Ok(()) => Ok(None),
                Err(error) => Err(abandon(prepared, error)),
            };
        }
        let watch = foreground::Watch::new(run.no_subreaper)?;
        let prepared = self.prepare(id, options, false)?;
        if let Err(error) = launch(&prepared) {
            return Err(abandon(prepared, error));
        }
        let Prepared { entry, record, init, terminal, .. } = prepared;
        // Others may pause, update or delete it while it runs.
        drop(entry);
        let exit = watch.attend(&init, terminal);
        if !run.keep {
            self.remove_own(id, &record)?;
        }
        exit.map(Some)
    }

    /// Removes the container that has run, unless somebody else has meanwhile, and perhaps made another.
    fn remove_own(&self, id: &str, own: &Record) -> Result<(), Error> {
        let entry = match self.store.lock(id) {
            Ok(entry) => entry,
            Err(StoreError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let record = entry.load()?;
        let process = |record: &Record| record.init.map(|init| init.identity);
        if process(&record) != process(own) {
            return Ok(());
        }
        delete::clean_up(entry, &record, true)
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

fn launch(prepared: &Prepared) -> Result<(), Error> {
    go(&prepared.init.conversation)?;
    let explain = |report: Report| StepError::new(report, &prepared.steps);
    start::follow(&prepared.init.conversation, explain)?;
    start::poststart(&prepared.record)
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
