//! `run`: create and start in one, and in the foreground wait and delete.

use super::create::{Prepared, TerminalFor};
use super::create_options::CreateOptions;
use super::foreground::{Foreground, Orphans};
use super::listener::{Agent, Asked};
use super::notify::Readiness;
use super::talk::go;
use super::{Container, Running, Runtime, delete, start};
use crate::error::Error;
use crate::process::conversation::Report;
use crate::process::{Exit, Process, StepError};
use crate::state::{Record, Status, StoreError, Written};
use crate::trace::{self, Trace};
use std::os::fd::AsFd;

/// How a container is run in the foreground.
#[derive(Debug, Clone, Default)]
pub struct ForegroundOptions {
    /// Leave the stopped container's state behind.
    pub keep: bool,
    /// Who reaps the container's orphans.
    pub orphans: Orphans,
    /// See [`Foreground::when_quiet`].
    pub when_quiet: Option<fn()>,
}

/// A container that runs, and what is known of it.
struct Run {
    running: Running,
    record: Box<Record>,
    saved: Written,
    readiness: Option<Readiness>,
}

impl Runtime {
    /// Creates and starts a container, and returns when its program runs and the poststart hooks have run, and with
    /// [`CreateOptions::notify_socket`] when it has said that it is ready, or has ended.
    ///
    /// # Errors
    /// As [`Runtime::create`] and [`Container::start`]; whatever fails, nothing is left behind.
    pub fn run(&self, id: &str, options: &CreateOptions) -> Result<Running, Error> {
        let nobody =
            "process.terminal is true: run --detach needs --console-socket to hand the terminal to";
        let _trace = Trace::begin();
        let terminal = match options.take_terminal {
            true => TerminalFor::Caller,
            false => TerminalFor::Socket { otherwise: nobody },
        };
        let Run { running, record, saved, readiness } = self.run_with(id, options, terminal)?;
        let Some(readiness) = readiness else { return Ok(running) };
        match readiness.wait(running.process.as_fd(), running.process.pid()) {
            Ok(()) => Ok(running),
            Err(error) => Err(self.end(&running.process, &record, &saved, error)),
        }
    }

    /// As [`Self::run`], with the caller's standard streams and signals, until its process has ended (see
    /// [`Foreground`]); then the container is deleted.
    ///
    /// # Errors
    /// As [`Self::run`] and [`Foreground::attend`]; whatever fails, nothing is left behind.
    pub fn run_in_foreground(
        &self,
        id: &str,
        options: &CreateOptions,
        run: &ForegroundOptions,
    ) -> Result<Exit, Error> {
        let _trace = Trace::begin();
        let mut foreground = Foreground::begin(run.orphans)?;
        foreground.when_quiet = run.when_quiet;
        let run_with = self.run_with(id, options, TerminalFor::Caller)?;
        let Run { running, record, saved, readiness } = run_with;
        let exit =
            match foreground.attend_with(&running.process, running.terminal, readiness.as_ref()) {
                Ok(exit) => exit,
                // As when nobody reads its output any more.
                Err(error) => return Err(self.end(&running.process, &record, &saved, error)),
            };
        trace::done("waited for the program's end");
        if !run.keep {
            self.remove(&record, &saved)?;
            trace::done("removed the container");
        }
        Ok(exit)
    }

    fn run_with(
        &self,
        id: &str,
        options: &CreateOptions,
        terminal: TerminalFor,
    ) -> Result<Run, Error> {
        let mut prepared = self.prepare(id, options, terminal, false)?;
        let readiness = match listen(&prepared, options) {
            Ok(readiness) => readiness,
            Err(error) => return Err(abandon(prepared, error)),
        };
        if let Err(error) = launch(&prepared) {
            return Err(abandon(prepared, error));
        }
        trace::done("waited for the program to run");
        trace::inside(prepared.times.take(), &prepared.steps);
        let Prepared { entry, record, saved, init, terminal, .. } = prepared;
        // It runs: whatever hooks it still has and however long it lives, others may delete it.
        drop(entry);
        let identity = record.init.map(|init| init.identity);
        let process = Process::started(identity, init.pid, init.pidfd);
        if let Err(error) = start::poststart(&record) {
            return Err(self.end(&process, &record, &saved, error));
        }
        let container = Container { process: Some(process.clone()), ..self.container(id) };
        let running = Running { container, process, terminal };
        Ok(Run { running, record, saved, readiness })
    }

    /// Ends and removes a container that runs.
    fn end(&self, process: &Process, record: &Record, saved: &Written, error: Error) -> Error {
        // ESRCH: it has ended by itself.
        let _ = process.signal(libc::SIGKILL);
        let _ = process.wait();
        if let Err(second) = self.remove(record, saved) {
            log::warn!("cleaning up after the failed run: {second}");
        }
        error
    }

    /// Removes the container of this record, if it is still there: somebody may have deleted it, and made another
    /// of its name.
    fn remove(&self, record: &Record, saved: &Written) -> Result<(), Error> {
        let entry = match self.store.lock(&record.id) {
            Err(StoreError::NotFound { .. }) => return Ok(()),
            entry => entry?,
        };
        if entry.holds(saved) {
            return delete::clean_up(entry, record, true);
        }
        // Changed, by an update, or another's.
        let now = match entry.load() {
            Err(StoreError::NotFound { .. }) => return Ok(()),
            now => now?,
        };
        let process = |record: &Record| record.init.map(|init| init.identity);
        match process(&now) == process(record) {
            true => delete::clean_up(entry, &now, true),
            false => Ok(()),
        }
    }
}

fn listen(prepared: &Prepared, options: &CreateOptions) -> Result<Option<Readiness>, Error> {
    let manager = options.notify_socket.as_deref();
    Ok(manager.map(|manager| Readiness::listen(&prepared.entry, manager)).transpose()?.flatten())
}

fn launch(prepared: &Prepared) -> Result<(), Error> {
    go(&prepared.init.conversation)?;
    let explain = |report: Report| StepError::new(report, &prepared.steps);
    let init = &prepared.init;
    let asked = Asked { pid: init.pid, pidfd: init.pidfd.as_fd() };
    let agent = Agent::of(&prepared.record, asked, Status::Created);
    start::follow(&init.conversation, agent.as_ref(), explain)
}

/// Ends and removes what was prepared.
fn abandon(prepared: Prepared, error: Error) -> Error {
    let Prepared { entry, record, mut init, .. } = prepared;
    init.end();
    if let Err(second) = delete::clean_up(entry, &record, true) {
        log::warn!("cleaning up after the failed run: {second}");
    }
    error
}
