//! Attending a process in the foreground: signals are passed on to it, orphans are reaped, its terminal
//! is joined to ours, and its status is never missed.

use super::console::{Side, Terminal};
use super::notify::Readiness;
use crate::error::Error;
use crate::process::Exit;
use crate::process::launch::Init;
use crate::process::wait;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Signals of this process, caught from before the container is made, so that none is lost.
pub(super) struct Watch {
    signals: SignalFd,
    previous: SigSet,
    /// Orphans of the container come here, so they are reaped here.
    adopts: bool,
}

impl Watch {
    /// Blocks all signals and, unless told otherwise, adopts the container's orphans.
    pub(super) fn new(no_subreaper: bool) -> Result<Self, Error> {
        let failed = |errno: nix::Error| Error::io("watch for signals", "", errno.into());
        let mut caught = SigSet::all();
        // Faults of our own are not for others.
        for own in
            [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE, Signal::SIGABRT]
        {
            caught.remove(own);
        }
        let previous =
            caught.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_SETMASK).map_err(failed)?;
        let signals = SignalFd::with_flags(&caught, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map_err(failed)?;
        if !no_subreaper {
            prctl::set_child_subreaper(true)
                .map_err(|errno| Error::io("become a subreaper", "", errno.into()))?;
        }
        Ok(Watch { signals, previous, adopts: !no_subreaper })
    }

    /// Waits for the process to end; of its readiness whoever waits for that is told.
    pub(super) fn attend(
        &self,
        init: &Init,
        terminal: Option<OwnedFd>,
        readiness: Option<&Readiness>,
    ) -> Result<Exit, Error> {
        let failed = |source: io::Error| Error::io("wait for the container's process", "", source);
        let mut terminal = terminal.map(Terminal::join).transpose()?;
        loop {
            let (ended, side) =
                self.wait_for_event(init, terminal.as_ref(), readiness).map_err(failed)?;
            // This process is the manager's, so the container's is not named. Nothing there is no error.
            readiness.map(|readiness| readiness.relay(None));
            self.pass_on(init, terminal.as_ref()).map_err(failed)?;
            if let (Some(terminal), Some(side)) = (&mut terminal, side) {
                terminal.relay(side).map_err(failed)?;
            }
            if ended {
                let exit = wait::wait(init.pidfd.as_fd()).map_err(failed)?;
                if let Some(terminal) = &mut terminal {
                    terminal.drain();
                }
                return Ok(exit);
            }
        }
    }

    /// Whether the process has ended, and which side of the terminal has something for the other.
    fn wait_for_event(
        &self,
        init: &Init,
        terminal: Option<&Terminal>,
        readiness: Option<&Readiness>,
    ) -> io::Result<(bool, Option<Side>)> {
        let mut watched = vec![
            PollFd::new(init.pidfd.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        let (sides, more): (Vec<Side>, Vec<PollFd<'_>>) =
            terminal.map(Terminal::watched).unwrap_or_default().into_iter().unzip();
        watched.extend(more);
        watched.extend(readiness.map(|ready| PollFd::new(ready.fd(), PollFlags::POLLIN)));
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        let side = watched[2..].iter().zip(&sides).find(|(fd, _)| ready(fd)).map(|(_, side)| *side);
        Ok((ready(&watched[0]), side))
    }

    fn pass_on(&self, init: &Init, terminal: Option<&Terminal>) -> io::Result<()> {
        while let Some(signal) = self.signals.read_signal()? {
            match signal.ssi_signo as i32 {
                libc::SIGCHLD if self.adopts => reap_orphans(init.pid),
                libc::SIGCHLD => {}
                libc::SIGWINCH if terminal.is_some() => {
                    terminal.map_or(Ok(()), Terminal::copy_size)?;
                }
                // Only a sign from the terminal or the kernel to us.
                libc::SIGURG => {}
                number => match crate::sys::send_signal(init.pidfd.as_fd(), number) {
                    Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                    result => result?,
                },
            }
        }
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It was the mask before, so it can be again.
        let _ = self.previous.thread_set_mask();
    }
}

/// Reaps every child that has ended but the container's own process, whose status is wanted.
fn reap_orphans(own: i32) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    loop {
        let pid = match waitid(Id::All, peek) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => pid,
            _ => return,
        };
        if pid.as_raw() == own {
            return;
        }
        let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG);
    }
}
