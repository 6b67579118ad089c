//! A process of a container, to wait for from any thread.

use super::children::{self, wait_for_end};
use super::identity::Identity;
use super::wait::{self, Exit};
use crate::error::Error;
use crate::sys;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long whoever is the parent of a process that has ended may take to reap it, so that its status can be had.
const REAPED_WITHIN_MS: u16 = 1_000;

/// A process of a container: the first, or one of an exec.
///
/// It is a pidfd, so it never means another process. Copies are of the same process; whichever thread reaps it, all of
/// them know how it ended.
///
/// It can be polled ([`AsFd`]): it is readable once the process has ended. But the first process of a pid namespace
/// ends only after those of [`crate::Container::exec`] in it were reaped, which is up to this program. Whoever waits
/// by the methods here reaps them on the way; who polls has to poll all of them, and ask each that is readable
/// ([`Self::wait_timeout`]).
#[derive(Debug, Clone)]
pub struct Process {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pid: i32,
    pidfd: OwnedFd,
    end: Mutex<Option<End>>,
    /// By its first process; `None` if that is not known.
    container: Option<Identity>,
}

/// What is known of a process that has ended.
#[derive(Debug, Clone, Copy)]
enum End {
    Exit(Exit),
    /// Somebody else reaped it.
    Unknown,
}

impl Process {
    /// One that somebody else may have started.
    pub(crate) fn found(container: Identity, pidfd: OwnedFd) -> Self {
        Process::new(Some(container), container.pid, pidfd)
    }

    /// A child of this program.
    pub(crate) fn started(container: Option<Identity>, pid: i32, pidfd: OwnedFd) -> Self {
        let process = Process::new(container, pid, pidfd);
        children::keep(&process);
        process
    }

    fn new(container: Option<Identity>, pid: i32, pidfd: OwnedFd) -> Self {
        Process { shared: Arc::new(Shared { pid, pidfd, end: Mutex::new(None), container }) }
    }

    /// Its id in the caller's pid namespace. Once it was waited for another process may have it.
    pub fn pid(&self) -> i32 {
        self.shared.pid
    }

    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    pub(super) fn is_reaped(&self) -> bool {
        self.shared.end().is_some()
    }

    pub(crate) fn container(&self) -> Option<Identity> {
        self.shared.container
    }

    /// Waits for its end, and reaps it if it is a child of this program, as what this program created, ran or
    /// exec'd is.
    ///
    /// # Errors
    /// [`Error::ExitUnknown`] when somebody else is its parent or reaped it, and the kernel does not tell how it
    /// ended (Linux 6.15 does, once it was reaped).
    pub fn wait(&self) -> Result<Exit, Error> {
        loop {
            if let Some(exit) = self.wait_timeout(Duration::from_secs(3600))? {
                return Ok(exit);
            }
        }
    }

    /// As [`Self::wait`], but `None` when it still runs after this time.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Option<Exit>, Error> {
        if let Some(exit) = self.reap_if_ended()? {
            return Ok(Some(exit));
        }
        match wait_for_end(self.container(), (self.pid(), self.as_fd()), timeout).map_err(failed)? {
            true => self.shared.reap().map(Some),
            false => Ok(None),
        }
    }

    /// How it ended, if it has.
    pub(crate) fn reap_if_ended(&self) -> Result<Option<Exit>, Error> {
        match self.shared.polls(PollFlags::POLLIN, 0).map_err(failed)? {
            true => self.shared.reap().map(Some),
            false => Ok(None),
        }
    }

    /// Sends a signal, by its number (signal(7)).
    ///
    /// # Errors
    /// [`Error::Io`] with ESRCH once it has ended.
    pub fn signal(&self, number: i32) -> Result<(), Error> {
        let sent = sys::send_signal(self.as_fd(), number);
        sent.map_err(|source| Error::io("send a signal to process", self.pid().to_string(), source))
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.pidfd.as_fd()
    }
}

impl Shared {
    fn end(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// pidfd_open(2): POLLIN when it has ended, POLLHUP when it was reaped.
    fn polls(&self, flags: PollFlags, timeout_ms: u16) -> io::Result<bool> {
        loop {
            let mut watched = [PollFd::new(self.pidfd.as_fd(), flags)];
            match poll(&mut watched, PollTimeout::from(timeout_ms)) {
                Ok(count) => return Ok(count > 0),
                Err(nix::Error::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// How it ended, which it has.
    fn reap(&self) -> Result<Exit, Error> {
        let mut known = self.end();
        let end = match *known {
            Some(end) => end,
            None => self.wait_as_parent().map_err(failed)?,
        };
        *known = Some(end);
        match end {
            End::Exit(exit) => Ok(exit),
            End::Unknown => Err(Error::ExitUnknown { pid: self.pid }),
        }
    }

    fn wait_as_parent(&self) -> io::Result<End> {
        match wait::wait(self.pidfd.as_fd()) {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => self.told_by_kernel(),
            found => found.map(End::Exit),
        }
    }

    /// Of a process that is no child of ours, or not any more.
    fn told_by_kernel(&self) -> io::Result<End> {
        self.polls(PollFlags::empty(), REAPED_WITHIN_MS)?;
        let status = sys::exit_status(self.pidfd.as_fd());
        Ok(status.map_or(End::Unknown, |status| End::Exit(Exit::of_wait_status(status))))
    }
}

fn failed(source: io::Error) -> Error {
    Error::io("wait for the container's process", "", source)
}
