//! Freezing: `cgroup.freeze` of version 2, `freezer.state` of version 1.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::cgroup::Cgroup;
use super::dir::{Dir, read_line_at};
use super::error::Error;
use super::plan::Kind;

impl Cgroup {
    /// Freeze every process of the cgroup and of those below it, and return when all are frozen.
    ///
    /// On version 2 the kernel tells when that is (poll(2) on `cgroup.events`). Version 1 has no such
    /// event, and what `freezer.state` says is worked out when it is read: it is read again after naps that
    /// grow from 50 µs to 5 ms.
    ///
    /// # Errors
    /// [`Error::NotFrozen`] when a process is not frozen within `wait`, as when it hangs in the kernel; the
    /// others are thawed again. [`Error::NoFreezer`] where no hierarchy can freeze.
    pub fn freeze(&self, wait: Duration) -> Result<(), Error> {
        let dir = self.freezer()?;
        let deadline = Instant::now() + wait;
        set_frozen(dir, true)?;
        let frozen = match dir.kind {
            Kind::V2 | Kind::Unified => await_event(dir, true, deadline),
            Kind::V1 => await_state(dir, "FROZEN", deadline),
        };
        match frozen {
            Ok(true) => Ok(()),
            Ok(false) => {
                set_frozen(dir, false)?;
                Err(Error::NotFrozen { path: dir.path.clone() })
            }
            Err(error) => Err(error),
        }
    }

    /// Let the processes of the cgroup go on, and return when they do.
    ///
    /// # Errors
    /// [`Error::Frozen`] when a cgroup above it is frozen, so that they stay so; [`Error::NoFreezer`].
    pub fn thaw(&self, wait: Duration) -> Result<(), Error> {
        let dir = self.freezer()?;
        let deadline = Instant::now() + wait;
        set_frozen(dir, false)?;
        let thawed = match dir.kind {
            Kind::V2 | Kind::Unified => await_event(dir, false, deadline)?,
            // It is at once, unless the parent is frozen: then no waiting helps.
            Kind::V1 => state(dir)? == "THAWED",
        };
        if thawed { Ok(()) } else { Err(Error::Frozen { path: dir.path.clone() }) }
    }

    fn freezer(&self) -> Result<&Dir, Error> {
        self.freezer_dir().ok_or(Error::NoFreezer)
    }
}

/// Wait for the `frozen` line of `cgroup.events`; false when the deadline passed first.
fn await_event(dir: &Dir, frozen: bool, deadline: Instant) -> Result<bool, Error> {
    let path = dir.file("cgroup.events");
    let failed = |source| Error::Read { path: path.clone(), source };
    let mut file = File::open(&path).map_err(failed)?;
    let wanted = if frozen { "frozen 1" } else { "frozen 0" };
    loop {
        let mut text = String::new();
        file.rewind().and_then(|()| file.read_to_string(&mut text)).map_err(failed)?;
        if text.lines().any(|line| line == wanted) {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        // The kernel reports every change since the last reading.
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLPRI)], timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
    }
}

/// Read `freezer.state` again until it is as wanted; false when the deadline passed first.
fn await_state(dir: &Dir, wanted: &str, deadline: Instant) -> Result<bool, Error> {
    let mut nap = Duration::from_micros(50);
    while state(dir)? != wanted {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(nap.min(left));
        nap = (nap * 2).min(Duration::from_millis(5));
    }
    Ok(true)
}

fn state(dir: &Dir) -> Result<String, Error> {
    let file = "freezer.state";
    dir.read_line(file).map_err(|source| Error::Read { path: dir.file(file), source })
}

/// Whether the directory is frozen or about to be, by itself or with one above it.
pub(super) fn is_frozen(dir: &Dir) -> Result<bool, Error> {
    let file = telling_file(dir.kind);
    let read = dir.read_line(file);
    read.map(|text| says_frozen(&text))
        .map_err(|source| Error::Read { path: dir.file(file), source })
}

/// The same of a directory that is not open.
pub(super) fn is_frozen_at(kind: Kind, directory: &Path) -> Result<bool, Error> {
    let path = directory.join(telling_file(kind));
    let read = read_line_at(AT_FDCWD, &path);
    read.map(|text| says_frozen(&text)).map_err(|source| Error::Read { path, source })
}

fn telling_file(kind: Kind) -> &'static str {
    match kind {
        Kind::V2 | Kind::Unified => "cgroup.events",
        Kind::V1 => "freezer.state",
    }
}

/// An empty cgroup2 is frozen at once, so this holds for one that is about to be entered.
fn says_frozen(text: &str) -> bool {
    text.lines().any(|line| matches!(line, "frozen 1" | "FROZEN" | "FREEZING"))
}

/// Freeze or thaw, without waiting until every process has noticed.
pub(super) fn set_frozen(dir: &Dir, frozen: bool) -> Result<(), Error> {
    let (file, value) = match (dir.kind, frozen) {
        (Kind::V2 | Kind::Unified, true) => ("cgroup.freeze", "1"),
        (Kind::V2 | Kind::Unified, false) => ("cgroup.freeze", "0"),
        (Kind::V1, true) => ("freezer.state", "FROZEN"),
        (Kind::V1, false) => ("freezer.state", "THAWED"),
    };
    dir.write(file, value).map_err(|source| Error::Control { path: dir.file(file), source })
}
