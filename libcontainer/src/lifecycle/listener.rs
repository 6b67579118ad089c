//! Handing the listener of a filter to its agent (config-linux.md, "The Container Process State").
//!
//! The filter is the last thing before execve(2), and the process may make no other call under it. So it is this
//! side that acts: it reaches the agent first, stops the process with ptrace(2) where seccomp(2) has returned,
//! takes the listener from it with pidfd_getfd(2), sends it, and lets the process go on to its execve.

use crate::error::Error;
use crate::process::conversation::Conversation;
use crate::seccomp::Listener;
use crate::state::{Record, Status};
use crate::sys::ptrace::Traced;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, sendmsg,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How long an agent may take to accept, in seconds.
const PATIENCE: i64 = 10;

/// The process whose calls the agent is asked about.
pub(super) struct Asked<'a> {
    pub(super) pid: i32,
    pub(super) pidfd: BorrowedFd<'a>,
}

/// Who gets the listener, and what it is told.
pub(super) struct Agent<'a> {
    listener: &'a Listener,
    record: &'a Record,
    asked: Asked<'a>,
    /// Of the container.
    status: Status,
}

/// What became of a process that was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    GoesOn,
    /// It never installed its filter.
    Ended,
}

/// The listener of a filter could not be handed to its agent; the process was killed.
#[derive(Debug)]
pub struct ListenerError {
    /// The agent's socket.
    pub path: PathBuf,
    /// What failed.
    pub doing: ListenerStep,
    /// Why.
    pub source: io::Error,
}

/// A part of the handing over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerStep {
    /// Connecting to the agent's socket.
    Connect,
    /// Following the process until the filter is installed.
    Trace,
    /// Taking the listener from the process.
    Take,
    /// Sending it to the agent.
    Send,
}

impl ListenerError {
    /// What the user can do about it.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self.doing {
            ListenerStep::Connect => {
                Some("start the agent before the container, and let it listen there")
            }
            ListenerStep::Trace | ListenerStep::Take => {
                Some("it needs CAP_SYS_PTRACE, and sysctl kernel.yama.ptrace_scope below 3")
            }
            ListenerStep::Send => None,
        }
    }
}

impl fmt::Display for ListenerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.doing {
            ListenerStep::Connect => {
                write!(f, "linux.seccomp.listenerPath: cannot connect to the agent at {path}")
            }
            ListenerStep::Trace => f.write_str(
                "linux.seccomp: cannot follow the process until its filter is installed",
            ),
            ListenerStep::Take => {
                f.write_str("linux.seccomp: cannot take the filter's listener from the process")
            }
            ListenerStep::Send => write!(
                f,
                "linux.seccomp.listenerPath: cannot send the listener to the agent at {path}"
            ),
        }
    }
}

impl std::error::Error for ListenerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl<'a> Agent<'a> {
    /// `None` when the container's filter asks nobody.
    pub(super) fn of(record: &'a Record, asked: Asked<'a>, status: Status) -> Option<Self> {
        let listener = record.seccomp.as_ref()?.listener.as_ref()?;
        Some(Agent { listener, record, asked, status })
    }

    /// For a process that is about to install its filter and waits for Go. When it fails the process is killed.
    pub(super) fn hand_over(&self, conversation: &Conversation) -> Result<Followed, Error> {
        let mut stopped = None;
        self.transfer(conversation, &mut stopped).map_err(|(doing, source)| {
            // While it is stopped still, so that it does nothing any more. ESRCH: it has ended.
            let _ = crate::sys::send_signal(self.asked.pidfd, libc::SIGKILL);
            Error::Listener(ListenerError { path: self.listener.path.clone(), doing, source })
        })
    }

    fn transfer(
        &self,
        conversation: &Conversation,
        stopped: &mut Option<Traced>,
    ) -> Result<Followed, (ListenerStep, io::Error)> {
        let at = |doing| move |source| (doing, source);
        let agent = reach(&self.listener.path).map_err(at(ListenerStep::Connect))?;
        let process = stop(&self.asked).map_err(at(ListenerStep::Trace))?;
        let process = stopped.insert(process);
        conversation.go().map_err(at(ListenerStep::Trace))?;
        let result = process.result_of(libc::SYS_seccomp as u64);
        let number = match result.map_err(at(ListenerStep::Trace))? {
            Some(number) if number >= 0 => number as i32,
            // The kernel refused the filter, which the process says itself.
            Some(_) => return Ok(Followed::GoesOn),
            None => return Ok(Followed::Ended),
        };
        let listener = crate::sys::get_descriptor(self.asked.pidfd, number);
        let listener = listener.map_err(at(ListenerStep::Take))?;
        self.send(&agent, &listener).map_err(at(ListenerStep::Send))?;
        Ok(Followed::GoesOn)
    }

    fn send(&self, agent: &OwnedFd, listener: &OwnedFd) -> io::Result<()> {
        let metadata = self.listener.metadata.as_deref();
        let state = self.record.process_state(self.status, self.asked.pid, metadata)?;
        let descriptors = [listener.as_raw_fd()];
        let control = [ControlMessage::ScmRights(&descriptors)];
        let part = [IoSlice::new(&state)];
        let sent = sendmsg::<()>(agent.as_raw_fd(), &part, &control, MsgFlags::MSG_NOSIGNAL, None)?;
        if sent == state.len() { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

/// Stops the process by its number, which may be another's since its descriptor was opened: that one is let go.
fn stop(asked: &Asked<'_>) -> io::Result<Traced> {
    let traced = Traced::stop(asked.pid)?;
    match crate::sys::send_signal(asked.pidfd, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(error),
        _ => Ok(traced),
    }
}

/// A connection of this process's own, for this message alone.
fn reach(path: &Path) -> io::Result<OwnedFd> {
    let agent = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&agent, sockopt::SendTimeout, &TimeVal::seconds(PATIENCE))?;
    match connect(agent.as_raw_fd(), &UnixAddr::new(path)?) {
        Ok(()) => Ok(agent),
        Err(nix::Error::EAGAIN) => Err(io::ErrorKind::TimedOut.into()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests;
