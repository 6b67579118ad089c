//! One path that is followed, and what is found at its end.

use crate::failure::Failure;
use crate::resolve::{self, Kind};
use crate::tree::{Bytes, next, path};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::CString;

/// As creel-init follows paths: what is asked of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is there, and opened so.
    Open(OFlags),
    /// It is made where it is missing.
    Target(Kind),
    /// The directory that it is in, made where it is missing.
    Parent,
}

#[derive(Debug, Clone)]
pub(crate) struct Job {
    path: String,
    end: End,
    resolve: ResolveFlags,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Kind::Directory { "Directory" } else { "File" })
    }
}

impl Job {
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Job {
        let choice = next(bytes);
        let end = match choice % 8 {
            0 => End::Open(OFlags::PATH),
            1 => End::Open(OFlags::PATH | OFlags::DIRECTORY),
            2 => End::Open(OFlags::PATH | OFlags::NOFOLLOW),
            3 => End::Open(OFlags::RDONLY | OFlags::NONBLOCK),
            4 => End::Open(OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW),
            5 => End::Target(Kind::Directory),
            6 => End::Target(Kind::File),
            _ => End::Parent,
        };
        let is_strict = choice & 8 != 0 && end != End::Parent;
        let resolve = if is_strict { ResolveFlags::NO_SYMLINKS } else { ResolveFlags::empty() };
        Job { path: path(bytes), end, resolve }
    }

    pub(crate) fn makes(&self) -> bool {
        !matches!(self.end, End::Open(_))
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Follows it below `root`, which the caller sees at `place`.
    pub(crate) fn carry_out(&self, root: BorrowedFd<'_>, place: &str) -> Outcome {
        let path = CString::new(self.path.as_str()).expect("no NUL");
        let found = match self.end {
            End::Open(flags) => resolve::open(root, &path, flags, self.resolve)
                .map_err(|errno| ("open".to_owned(), errno)),
            End::Target(kind) => {
                resolve::target(root, &path, kind, self.resolve).map_err(described)
            }
            End::Parent => resolve::parent(root, &path).map_err(described),
        };
        Outcome(found.map(|found| Found::of(&found, place)))
    }
}

fn described(failure: Failure) -> (String, Errno) {
    (format!("{:?}", failure.at), failure.errno)
}

/// What is at the end of a path, or the call that refused and why.
#[derive(Debug)]
pub(crate) struct Outcome(Result<Found, (String, Errno)>);

#[derive(Debug)]
struct Found {
    /// Below the root.
    path: String,
    mode: u32,
    file: (u64, u64),
}

impl Found {
    fn of(found: &OwnedFd, place: &str) -> Found {
        let stat = fs::fstat(found.as_fd()).expect("a file");
        let link = format!("/proc/self/fd/{}", found.as_raw_fd());
        let path = std::fs::read_link(link).expect("its path").to_string_lossy().into_owned();
        // Whoever asks is another thread.
        let path = path.strip_prefix(place).map_or(path.clone(), str::to_owned);
        Found { path, mode: stat.st_mode, file: (stat.st_dev, stat.st_ino) }
    }
}

impl Outcome {
    /// What can be compared between two equal trees.
    pub(crate) fn in_tree(&self) -> Result<(&str, u32), &(String, Errno)> {
        let found = self.0.as_ref()?;
        Ok((&found.path, found.mode))
    }

    pub(crate) fn file(&self) -> Option<(u64, u64)> {
        self.0.as_ref().ok().map(|found| found.file)
    }

    pub(crate) fn errno(&self) -> Option<Errno> {
        self.0.as_ref().err().map(|(_, errno)| *errno)
    }
}
