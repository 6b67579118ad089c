//! The terminal that the caller itself runs on: raw while a container's terminal is joined to it, as it was afterwards.

use nix::errno::Errno;
use nix::sys::termios::{self, SetArg, Termios};
use std::io;
use std::os::fd::BorrowedFd;

/// The caller's terminal, with the settings it had. Dropping it restores them.
pub(super) struct OuterTerminal {
    fd: BorrowedFd<'static>,
    saved: Termios,
    is_raw: bool,
}

impl OuterTerminal {
    /// The first of standard input, output and error that is a terminal.
    pub(super) fn find() -> Option<Self> {
        crate::sys::standard_streams().into_iter().find_map(|fd| {
            let saved = termios::tcgetattr(fd).ok()?;
            Some(OuterTerminal { fd, saved, is_raw: false })
        })
    }

    /// The container's terminal does the editing and makes the signals. A terminal that belongs to others just now
    /// is left to them; SIGCONT tells when it may be ours.
    pub(super) fn make_raw(&mut self) -> Result<(), Errno> {
        if !self.is_ours() {
            return Ok(());
        }
        let mut raw = self.saved.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(self.fd, SetArg::TCSANOW, &raw)?;
        self.is_raw = true;
        Ok(())
    }

    /// credentials(7), "Sessions": whether this is the foreground of its job control, or there is none.
    fn is_ours(&self) -> bool {
        nix::unistd::tcgetpgrp(self.fd).map_or(true, |group| group == nix::unistd::getpgrp())
    }

    /// Gives the container's terminal the same size.
    pub(super) fn copy_size(&self, inner: BorrowedFd<'_>) -> io::Result<()> {
        crate::sys::copy_window_size(self.fd, inner)
    }
}

impl Drop for OuterTerminal {
    fn drop(&mut self) {
        // In the background it is the shell's, which has set it up for itself.
        if self.is_raw && self.is_ours() {
            let _ = termios::tcsetattr(self.fd, SetArg::TCSANOW, &self.saved);
        }
    }
}
