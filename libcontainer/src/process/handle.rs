//! A process of a container, to wait for from any thread.

use super::wait::{self, Exit};
use crate::error::Error;
use crate::sys;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long whoever is the parent of a process that has ended may take to reap it, so that its status can be had.
const REAPED_WITHIN: Duration = Duration::from_secs(1);

/// A process of a container: the first, or one of an exec.
///
/// It is a pidfd, so it never means another process, and can be polled ([`AsFd`]): it is readable once the process
/// has ended. Copies are of the same process; whichever thread reaps it, all of them know how it ended.
#[derive(Debug, Clone)]
pub struct Process {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pid: i32,
    pidfd: OwnedFd,
    exit: Mutex<Option<Exit>>,
}

impl Process {
    pub(crate) fn new(pid: i32, pidfd: OwnedFd) -> Self {
        Process { shared: Arc::new(Shared { pid, pidfd, exit: Mutex::new(None) }) }
    }

    /// Its id in the caller's pid namespace. Once it was waited for another process may have it.
    pub fn pid(&self) -> i32 {
        self.shared.pid
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
        match self.wait_for(PollFlags::POLLIN, timeout).map_err(failed)? {
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

    fn wait_for(&self, flags: PollFlags, timeout: Duration) -> io::Result<bool> {
        self.shared.wait_for(flags, timeout)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.pidfd.as_fd()
    }
}

impl Shared {
    /// pidfd_open(2): POLLIN when it has ended, POLLHUP when it was reaped.
    fn wait_for(&self, flags: PollFlags, timeout: Duration) -> io::Result<bool> {
        let end = Instant::now() + timeout;
        loop {
            // Rounded up, so that the last part of a millisecond is not spent with asking again and again.
            let left = end.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
            let left = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.pidfd.as_fd(), flags)], left) {
                Ok(0) if Instant::now() >= end => return Ok(false),
                Ok(0) | Err(nix::Error::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// How it ended, which it has.
    fn reap(&self) -> Result<Exit, Error> {
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exit) = *exit {
            return Ok(exit);
        }
        let found = match wait::wait(self.pidfd.as_fd()) {
            Err(error) if error.raw_os_error() == Some(libc::ECHILD) => self.told_by_kernel(),
            found => found.map(Some),
        };
        *exit = found.map_err(failed)?;
        exit.ok_or(Error::ExitUnknown { pid: self.pid })
    }

    /// Of a process that is no child of ours, or not any more.
    fn told_by_kernel(&self) -> io::Result<Option<Exit>> {
        self.wait_for(PollFlags::empty(), REAPED_WITHIN)?;
        Ok(sys::exit_status(self.pidfd.as_fd()).map(Exit::of_wait_status))
    }
}

impl Drop for Shared {
    /// Nobody can wait for it any more: it stays no zombie if it has ended.
    fn drop(&mut self) {
        let exit = self.exit.get_mut().unwrap_or_else(PoisonError::into_inner);
        if exit.is_none() {
            wait::reap_if_ended(self.pidfd.as_fd());
        }
    }
}

fn failed(source: io::Error) -> Error {
    Error::io("wait for the container's process", "", source)
}
