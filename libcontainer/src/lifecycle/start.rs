//! `start`: the waiting process becomes the container's program.

use super::listener::{Agent, Asked, Followed};
use super::notify::Readiness;
use super::talk::{go, next};
use super::{Container, state};
use crate::error::Error;
use crate::hooks;
use crate::plan::Hook;
use crate::process::conversation::{Conversation, Event, Report};
use crate::process::{StepError, image};
use crate::state::{Entry, Record, StartStep, Status};
use crate::trace::{self, Trace};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// How a created container is started.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// NOTIFY_SOCKET of sd_notify(3): the service manager's socket, which is told when the container's program says that
    /// it is ready. It is waited for.
    pub notify_socket: Option<OsString>,
}

impl Container {
    /// Starts the program of a created container, and returns when execve has succeeded and the poststart
    /// hooks have run.
    ///
    /// # Errors
    /// [`Error::Status`] unless it is created; [`Error::Step`] when a startContainer hook or execve fails,
    /// after which the container is stopped; [`Error::Hook`] likewise for a poststart hook.
    pub fn start(&self) -> Result<(), Error> {
        self.start_with(&StartOptions::default())
    }

    /// As [`Container::start`], with more to see to.
    ///
    /// # Errors
    /// As [`Container::start`].
    pub fn start_with(&self, options: &StartOptions) -> Result<(), Error> {
        let _trace = Trace::begin();
        let entry = self.store.lock(&self.id)?;
        let record = entry.load()?;
        let status = state::status(&record, entry.waits_for_start())?;
        if status != Status::Created {
            return Err(Error::Status { action: "start", id: self.id.clone(), status });
        }
        let process = record.init.map_or(Ok(None), |init| init.identity.open());
        let process =
            process.map_err(|source| Error::io("open the process of", &self.id, source))?;
        let pid = record.init.map_or(0, |init| init.identity.pid);
        let agent = process.as_ref().and_then(|process| {
            Agent::of(&record, Asked { pid, pidfd: process.as_fd() }, Status::Created)
        });
        let manager = options.notify_socket.as_deref();
        let readiness = manager.map(|manager| Readiness::listen(&entry, manager)).transpose()?;
        let conversation = connect_to(&entry)
            .map_err(|source| Error::io("reach the waiting process of", entry.path(), source))?;
        trace::done("found the waiting process");
        go(&conversation)?;
        let explain = |report| failed_start(&record, report);
        let outcome = follow(&conversation, agent.as_ref(), explain);
        if let Err(error) = entry.mark_started() {
            // It runs all the same, and is seen to.
            log::warn!("{error}");
        }
        outcome?;
        trace::done("waited for the program to run");
        // However long the hooks take, the container can be deleted meanwhile.
        drop(entry);
        poststart(&record)?;
        match readiness.flatten() {
            Some(readiness) => wait_until_ready(&readiness, &record),
            None => Ok(()),
        }
    }
}

fn wait_until_ready(readiness: &Readiness, record: &Record) -> Result<(), Error> {
    let Some(init) = record.init else { return Ok(()) };
    let process = init.identity.open();
    let process = process.map_err(|source| Error::io("open the process of", &record.id, source))?;
    // One that has ended already may have been ready before.
    match process {
        Some(process) => readiness.wait(process.as_fd(), init.identity.pid),
        None => {
            readiness.relay(None);
            Ok(())
        }
    }
}

fn connect_to(entry: &Entry) -> io::Result<Conversation> {
    let connection =
        socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    connect(connection.as_raw_fd(), &UnixAddr::new(entry.start_address().as_str())?)?;
    Ok(Conversation::over(connection))
}

/// `create` has ended and with it the plan; what its last steps were is saved.
fn failed_start(record: &Record, report: Report) -> StepError {
    let step = record.start_steps.iter().find(|step| Some(step.index) == report.step);
    let step = step.map(StartStep::planned);
    StepError::of_step(report, step)
}

/// Follows the process until execve: the connection is close-on-exec, so its end means success when it was
/// the next thing to happen, and no errno was left.
pub(super) fn follow(
    conversation: &Conversation,
    agent: Option<&Agent<'_>>,
    explain: impl Fn(Report) -> StepError,
) -> Result<(), Error> {
    let failed = |report| Err(Error::Step(Box::new(explain(report))));
    let mut executing = None;
    let mut followed = Followed::GoesOn;
    loop {
        match next(conversation)? {
            Event::Executing(step, report) => {
                executing = Some((step, report));
                if let Some(agent) = agent {
                    followed = agent.hand_over(conversation)?;
                }
            }
            Event::Failed(report) => return failed(report),
            Event::Closed => {
                let died =
                    |how: &str| Error::Died { during: "it was started", how: how.to_owned() };
                if followed == Followed::Ended {
                    return Err(died("killed"));
                }
                let Some((step, report)) = executing else {
                    return Err(died("killed, or started already by somebody else"));
                };
                let number = report.map_or(Ok(0), image::reported);
                return match number
                    .map_err(|source| Error::io("read the result of execve", "", source))?
                {
                    0 => Ok(()),
                    number => failed(Report::of_call(step, number)),
                };
            }
            _ => {}
        }
    }
}

/// Runtime spec, "Lifecycle": a failed poststart hook stops the container.
pub(super) fn poststart(record: &Record) -> Result<(), Error> {
    if record.poststart.is_empty() {
        return Ok(());
    }
    let pid = record.init.map_or(0, |init| init.identity.pid);
    let state = record
        .hook_state("running", pid)
        .map_err(|source| Error::io("write the state for hooks", "", source.into()))?;
    let outcome: Result<(), _> = hooks::run_all(&record.poststart as &[Hook], &state, |_| true);
    outcome.map_err(|error| {
        if let Ok(Some(pidfd)) = record.init.map_or(Ok(None), |init| init.identity.open()) {
            let _ = crate::sys::send_signal(pidfd.as_fd(), libc::SIGKILL);
        }
        Error::Hook(error)
    })
}
