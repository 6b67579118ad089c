//! Word from the kernel that it killed for lack of memory.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::cgroup::Cgroup;
use super::dir::{Dir, is_gone};
use super::error::Error;
use super::plan::Kind;

/// Waits for a cgroup to run out of memory, and for its end.
#[derive(Debug)]
pub struct OomWatch {
    path: PathBuf,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Version 1: an eventfd that is counted up for each (the kernel's cgroup-v1/memory, section 10).
    EventFd(EventFd),
    /// cgroup2: poll(2) tells when `memory.events` has changed; `kills` is what its `oom_kill` said last.
    Events { file: File, kills: u64 },
    /// There is no memory controller.
    None,
}

/// What waiting led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The cgroup ran out of memory.
    Oom,
    /// The cgroup is gone.
    Gone,
    /// The time is over.
    Nothing,
}

impl Cgroup {
    /// Begin to watch; without a memory controller only the end will be noticed.
    ///
    /// # Errors
    /// [`Error::Read`] and [`Error::Control`].
    pub fn watch_oom(&self) -> Result<OomWatch, Error> {
        let memory = self.controller("memory");
        if let Some(dir) = memory.filter(|dir| dir.kind == Kind::V1) {
            let source = Source::EventFd(register(dir)?);
            return Ok(OomWatch { path: dir.path.clone(), source });
        }
        let path = self.record().first_path();
        let Some(dir) = memory.or_else(|| self.only(Kind::V2)) else {
            return Ok(OomWatch { path, source: Source::None });
        };
        let events = dir.file("memory.events");
        let source = match File::open(&events) {
            Ok(mut file) => {
                let kills = kills(&mut file)
                    .map_err(|source| Error::Read { path: events.clone(), source })?;
                Source::Events { file, kills }
            }
            Err(source) if is_gone(&source) => Source::None,
            Err(source) => return Err(Error::Read { path: events, source }),
        };
        Ok(OomWatch { path: dir.path.clone(), source })
    }
}

impl OomWatch {
    /// Wait for something to happen, `wait` at most. The end of the cgroup is noticed at once where there is
    /// a memory controller, otherwise when the time is over.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn wait(&mut self, wait: Duration) -> Result<Happened, Error> {
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
        let polled = match &self.source {
            Source::EventFd(fd) => poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], timeout),
            Source::Events { file, .. } => {
                poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLPRI)], timeout)
            }
            Source::None => poll(&mut [], timeout),
        };
        let is_ready = match polled {
            Ok(count) => count > 0,
            Err(Errno::EINTR) => false,
            Err(errno) => return Err(self.failed(errno)),
        };
        let killed = is_ready && self.take()?;
        // The kernel wakes the watcher of a cgroup that is removed, too.
        match (self.path.exists(), killed) {
            (false, _) => Ok(Happened::Gone),
            (true, true) => Ok(Happened::Oom),
            (true, false) => Ok(Happened::Nothing),
        }
    }

    /// Read what woke us; whether memory ran out.
    fn take(&mut self) -> Result<bool, Error> {
        match &mut self.source {
            Source::EventFd(fd) => match fd.read() {
                Ok(count) => Ok(count > 0),
                Err(errno) => Err(self.failed(errno)),
            },
            Source::Events { file, kills: before } => match kills(file) {
                Ok(now) => Ok(now > std::mem::replace(before, now)),
                Err(source) if is_gone(&source) => Ok(false),
                Err(source) => Err(Error::Read { path: self.path.clone(), source }),
            },
            Source::None => Ok(false),
        }
    }

    fn failed(&self, errno: Errno) -> Error {
        Error::Read { path: self.path.clone(), source: errno.into() }
    }
}

fn register(dir: &Dir) -> Result<EventFd, Error> {
    let path = dir.file("memory.oom_control");
    let failed = |source| Error::Read { path: path.clone(), source };
    let control = File::open(&path).map_err(failed)?;
    let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map_err(|e| failed(e.into()))?;
    let file = "cgroup.event_control";
    dir.write(file, &format!("{} {}", event.as_fd().as_raw_fd(), control.as_raw_fd()))
        .map_err(|source| Error::Control { path: dir.file(file), source })?;
    Ok(event)
}

fn kills(file: &mut File) -> std::io::Result<u64> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
    Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
}
