//! The outer end of a container's terminal: handed to a console socket, or joined to our own terminal.

use super::hand_over::hand_over;
use crate::error::Error;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::statfs::fstatfs;
use nix::sys::termios::{self, SetArg, Termios};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// DEVPTS_SUPER_MAGIC, statfs(2).
const DEVPTS: i64 = 0x1cd1;

/// Takes the end that creel-init sent, which comes from the container and is looked at first.
pub(super) fn take(
    terminal: OwnedFd,
    console_socket: Option<&Path>,
) -> Result<Option<OwnedFd>, Error> {
    let found =
        fstatfs(&terminal).map_err(|errno| Error::io("look at the terminal", "", errno.into()))?;
    if found.filesystem_type().0 as i64 != DEVPTS {
        return Err(Error::Terminal {
            problem: "the container's terminal does not come from a devpts",
        });
    }
    let Some(path) = console_socket else { return Ok(Some(terminal)) };
    hand_over(terminal.as_fd(), b"/dev/ptmx", path)
        .map_err(|source| Error::io("send the terminal to console socket", path, source))?;
    Ok(None)
}

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Our standard input.
    Input,
    /// The container's terminal.
    Master,
}

/// Our standard input and output joined to a container's terminal.
pub(super) struct Terminal {
    master: OwnedFd,
    /// Our own terminal's settings, restored at the end.
    saved: Option<Termios>,
    /// Read from our input, not yet taken by the container.
    pending: VecDeque<u8>,
    input_open: bool,
    output_open: bool,
}

impl Terminal {
    /// Our terminal, if we have one, becomes raw: the container's does the editing.
    pub(super) fn join(master: OwnedFd) -> Result<Self, Error> {
        let failed = |errno: Errno| Error::io("set up the terminal", "", errno.into());
        nix::fcntl::fcntl(&master, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
            .map_err(failed)?;
        let saved = termios::tcgetattr(stdin()).ok();
        if let Some(saved) = &saved {
            let mut raw = saved.clone();
            termios::cfmakeraw(&mut raw);
            termios::tcsetattr(stdin(), SetArg::TCSANOW, &raw).map_err(failed)?;
        }
        let pending = VecDeque::new();
        let terminal = Terminal { master, saved, pending, input_open: true, output_open: true };
        terminal.copy_size().map_err(|source| Error::io("set the terminal's size", "", source))?;
        Ok(terminal)
    }

    /// What to poll, with what each is for. A descriptor at its end would make every poll return at once,
    /// so only what can be acted on is watched.
    pub(super) fn watched(&self) -> Vec<(Side, PollFd<'_>)> {
        let mut watched = Vec::new();
        if self.input_open && self.pending.is_empty() {
            watched.push((Side::Input, PollFd::new(stdin(), PollFlags::POLLIN)));
        }
        let mut master = PollFlags::empty();
        master.set(PollFlags::POLLIN, self.output_open);
        master.set(PollFlags::POLLOUT, !self.pending.is_empty());
        if !master.is_empty() {
            watched.push((Side::Master, PollFd::new(self.master.as_fd(), master)));
        }
        watched
    }

    /// Copies what is there to copy.
    pub(super) fn relay(&mut self, ready: Side) -> io::Result<()> {
        match ready {
            Side::Input => self.read_input()?,
            Side::Master if self.output_open => self.output_open = self.copy_output()?,
            Side::Master => {}
        }
        self.write_pending()
    }

    fn read_input(&mut self) -> io::Result<()> {
        let mut chunk = [0u8; 4096];
        match nix::unistd::read(stdin(), &mut chunk) {
            Ok(0) => self.input_open = false,
            Ok(length) => self.pending.extend(&chunk[..length]),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(Errno::EIO) => self.input_open = false,
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    fn write_pending(&mut self) -> io::Result<()> {
        while !self.pending.is_empty() {
            let (front, _) = self.pending.as_slices();
            match nix::unistd::write(&self.master, front) {
                Ok(length) => drop(self.pending.drain(..length)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                // Nobody reads on the other side any more.
                Err(Errno::EIO) => {
                    self.pending.clear();
                    self.input_open = false;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Copies one piece of output; false when there will be no more.
    fn copy_output(&self) -> io::Result<bool> {
        let mut chunk = [0u8; 8192];
        match nix::unistd::read(&self.master, &mut chunk) {
            // EIO: every descriptor of the other end is closed.
            Ok(0) | Err(Errno::EIO) => Ok(false),
            Ok(length) => write_all(&chunk[..length]).map(|()| true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(true),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What the process wrote before it ended.
    pub(super) fn drain(&mut self) {
        while self.output_open && self.has_output() {
            self.output_open = self.copy_output().unwrap_or(false);
        }
    }

    fn has_output(&self) -> bool {
        let mut master = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        poll(&mut master, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }

    /// Gives the container's terminal the size of ours.
    pub(super) fn copy_size(&self) -> io::Result<()> {
        if self.saved.is_none() {
            return Ok(());
        }
        crate::sys::copy_window_size(stdin(), self.master.as_fd())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            let _ = termios::tcsetattr(stdin(), SetArg::TCSANOW, saved);
        }
    }
}

fn stdin() -> BorrowedFd<'static> {
    crate::sys::standard_input()
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(crate::sys::standard_output(), bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut ready = [PollFd::new(crate::sys::standard_output(), PollFlags::POLLOUT)];
                poll(&mut ready, PollTimeout::NONE)?;
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
