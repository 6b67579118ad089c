//! What a process finds at the numbers 0, 1, 2 and on.

use super::launch::LaunchError;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

/// The standard input, output and error of a process. What is not set is the caller's own.
#[derive(Debug, Clone, Default)]
pub struct Stdio {
    streams: [Option<Arc<OwnedFd>>; 3],
}

impl Stdio {
    /// The caller's own, all three.
    pub fn inherit() -> Self {
        Stdio::default()
    }

    /// `/dev/null`, all three.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn null() -> io::Result<Self> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let null = Arc::new(OwnedFd::from(null));
        Ok(Stdio { streams: [Some(null.clone()), Some(null.clone()), Some(null)] })
    }

    /// Sets standard input.
    #[must_use]
    pub fn input(mut self, file: impl Into<OwnedFd>) -> Self {
        self.streams[0] = Some(Arc::new(file.into()));
        self
    }

    /// Sets standard output.
    #[must_use]
    pub fn output(mut self, file: impl Into<OwnedFd>) -> Self {
        self.streams[1] = Some(Arc::new(file.into()));
        self
    }

    /// Sets standard error.
    #[must_use]
    pub fn error(mut self, file: impl Into<OwnedFd>) -> Self {
        self.streams[2] = Some(Arc::new(file.into()));
        self
    }
}

/// Descriptors that a process gets under numbers of their own, and those that it keeps under the caller's.
#[derive(Clone, Copy)]
pub(crate) struct Handed<'a> {
    pub(crate) stdio: &'a Stdio,
    /// From 3 on under the same numbers.
    pub(crate) preserved: u32,
    /// Under the numbers after those.
    pub(crate) files: &'a [Arc<OwnedFd>],
}

/// The caller's own, all three.
static INHERITED: Stdio = Stdio { streams: [None, None, None] };

impl Handed<'static> {
    /// Standard input, output and error alone, the caller's own.
    pub(crate) fn nothing() -> Self {
        Handed { stdio: &INHERITED, preserved: 0, files: &[] }
    }
}

impl Handed<'_> {
    /// How many descriptors from 3 on the process has.
    pub(crate) fn count(&self) -> u32 {
        self.preserved + self.files.len() as u32
    }

    /// The first number that the process can have no descriptor at; 0 when no number is given away.
    pub(super) fn first_free(&self) -> RawFd {
        match self.targets().next() {
            Some(_) => 3 + self.count() as RawFd,
            None => 0,
        }
    }

    /// Which descriptor goes to which number.
    fn targets(&self) -> impl Iterator<Item = (&OwnedFd, RawFd)> {
        let streams = self.stdio.streams.iter().zip(0..);
        let streams = streams.filter_map(|(file, number)| Some((file.as_deref()?, number)));
        let first = 3 + self.preserved as RawFd;
        streams.chain(self.files.iter().map(AsRef::as_ref).zip(first..))
    }

    /// The moves, from numbers that are no target of one.
    pub(super) fn moves(&self) -> Result<Vec<(Clear<'_>, RawFd)>, LaunchError> {
        let first = self.first_free();
        let moves = self.targets().map(|(file, number)| Ok((clear(file.as_fd(), first)?, number)));
        moves.collect()
    }
}

/// A descriptor at a number that nothing is moved to.
pub(super) enum Clear<'a> {
    Already(BorrowedFd<'a>),
    Copy(OwnedFd),
}

impl AsFd for Clear<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Clear::Already(fd) => *fd,
            Clear::Copy(fd) => fd.as_fd(),
        }
    }
}

/// The descriptor itself, or a copy of it from `first` on.
pub(super) fn clear(fd: BorrowedFd<'_>, first: RawFd) -> Result<Clear<'_>, LaunchError> {
    if fd.as_raw_fd() >= first {
        return Ok(Clear::Already(fd));
    }
    crate::sys::duplicate_from(fd, first).map(Clear::Copy).map_err(LaunchError::Duplicate)
}
