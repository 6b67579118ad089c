//! Standard input and output joined to a container's terminal.

use super::outer_terminal::OuterTerminal;
use crate::error::Error;
use crate::sys::{standard_input, standard_output};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What is copied at once: no more than a pipe that can be written to takes without making us wait.
const CHUNK: usize = 4096;
/// More than the kernel holds of a terminal's output (64 KiB). What is still there after as much was read of a terminal
/// whose process has ended comes from somebody else, who may go on for ever.
const REST: usize = 128 * 1024;

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Our standard input.
    Input,
    /// Our standard output.
    Output,
    /// The container's terminal.
    Master,
}

/// Our standard input and output joined to a container's terminal.
pub(super) struct Terminal {
    master: OwnedFd,
    outer: Option<OuterTerminal>,
    /// Read from our input, not yet taken by the container.
    typed: VecDeque<u8>,
    /// Read from the container, not yet taken by our output.
    shown: VecDeque<u8>,
    input: Input,
    output_open: bool,
    /// How much may still be read once the process has ended.
    rest: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Open,
    /// The terminal is another job's; it may be ours again.
    NotOurs,
    Ended,
}

impl Terminal {
    /// Our terminal, if we have one, becomes raw: the container's does the editing.
    pub(super) fn join(master: OwnedFd) -> Result<Self, Error> {
        let failed = |errno: Errno| Error::io("set up the terminal", "", errno.into());
        fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(failed)?;
        let outer = OuterTerminal::find();
        let (typed, shown) = (VecDeque::new(), VecDeque::new());
        let (input, output_open) = (Input::Open, true);
        let mut terminal = Terminal { master, outer, typed, shown, input, output_open, rest: REST };
        terminal.resume().map_err(|source| Error::io("set up the terminal", "", source))?;
        Ok(terminal)
    }

    /// At the beginning, and when we have been stopped and go on: others may have had the terminal meanwhile.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        if let Some(outer) = &mut self.outer {
            outer.make_raw()?;
        }
        if self.input == Input::NotOurs {
            self.input = Input::Open;
        }
        self.copy_size()
    }

    /// Gives the container's terminal the size of ours.
    pub(super) fn copy_size(&self) -> io::Result<()> {
        self.outer.as_ref().map_or(Ok(()), |outer| outer.copy_size(self.master.as_fd()))
    }

    /// What to poll, with what each is for. A descriptor at its end would make every poll return at once,
    /// so only what can be acted on is watched.
    pub(super) fn watched(&self) -> Vec<(Side, PollFd<'_>)> {
        let mut watched = Vec::new();
        if self.input == Input::Open && self.typed.is_empty() {
            watched.push((Side::Input, PollFd::new(standard_input(), PollFlags::POLLIN)));
        }
        if !self.shown.is_empty() {
            watched.push((Side::Output, PollFd::new(standard_output(), PollFlags::POLLOUT)));
        }
        let mut master = PollFlags::empty();
        master.set(PollFlags::POLLIN, self.output_open && self.shown.is_empty());
        master.set(PollFlags::POLLOUT, !self.typed.is_empty());
        if !master.is_empty() {
            watched.push((Side::Master, PollFd::new(self.master.as_fd(), master)));
        }
        watched
    }

    /// Copies what is there to copy.
    pub(super) fn relay(&mut self, ready: Side) -> io::Result<()> {
        match ready {
            Side::Input => self.read_input()?,
            Side::Output => return self.write_output(),
            Side::Master if self.shown.is_empty() => self.read_output()?,
            Side::Master => {}
        }
        self.write_input()
    }

    /// Once the process has ended: whether there is more of what it wrote. It is then in the hands of
    /// [`Self::write_output`].
    pub(super) fn has_rest(&mut self) -> io::Result<bool> {
        if self.shown.is_empty() && self.output_open && self.rest > 0 {
            self.read_output()?;
            self.rest = self.rest.saturating_sub(self.shown.len());
        }
        Ok(!self.shown.is_empty())
    }

    /// Our output, to wait for.
    pub(super) fn output() -> BorrowedFd<'static> {
        standard_output()
    }

    fn read_input(&mut self) -> io::Result<()> {
        let mut chunk = [0u8; CHUNK];
        match nix::unistd::read(standard_input(), &mut chunk) {
            Ok(0) => self.input = Input::Ended,
            Ok(length) => self.typed.extend(&chunk[..length]),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(Errno::EIO) => self.input = Input::NotOurs,
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    fn write_input(&mut self) -> io::Result<()> {
        while !self.typed.is_empty() {
            match nix::unistd::write(&self.master, self.typed.as_slices().0) {
                Ok(length) => drop(self.typed.drain(..length)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                // Nobody reads on the other side any more.
                Err(Errno::EIO) => {
                    self.typed.clear();
                    self.input = Input::Ended;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn read_output(&mut self) -> io::Result<()> {
        let mut chunk = [0u8; CHUNK];
        match nix::unistd::read(&self.master, &mut chunk) {
            // EIO: every descriptor of the other end is closed.
            Ok(0) | Err(Errno::EIO) => self.output_open = false,
            Ok(length) => self.shown.extend(&chunk[..length]),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }

    /// One piece.
    pub(super) fn write_output(&mut self) -> io::Result<()> {
        match nix::unistd::write(standard_output(), self.shown.as_slices().0) {
            Ok(length) => drop(self.shown.drain(..length)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }
}
