//! The handle on a container's cgroup.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use super::dir::{Dir, is_gone};
use super::error::Error;
use super::freezer;
use super::pids;
use super::plan::Kind;
use super::record::{Driver, Record};
use super::systemd::{self, Manager};

/// A container's cgroup, with its directories open.
#[derive(Debug)]
pub struct Cgroup {
    record: Record,
    dirs: Vec<Dir>,
}

impl Cgroup {
    pub(super) fn new(record: Record, dirs: Vec<Dir>) -> Cgroup {
        Cgroup { record, dirs }
    }

    /// Open what is there of a recorded cgroup; directories that are gone are passed over.
    ///
    /// # Errors
    /// [`Error::Read`] when a directory that is there cannot be opened.
    pub fn open(record: Record) -> Result<Cgroup, Error> {
        let mut dirs = Vec::new();
        for (kind, path) in record.directories() {
            match Dir::open(kind, path.to_owned()) {
                Ok(dir) => dirs.push(dir),
                Err(Error::Read { source, .. }) if is_gone(&source) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Cgroup { record, dirs })
    }

    /// What the container's state keeps.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether nothing is left of it.
    pub fn is_gone(&self) -> bool {
        self.dirs.is_empty()
    }

    /// Whether every recorded directory is there.
    pub fn is_whole(&self) -> bool {
        self.missing().is_none()
    }

    /// A recorded directory that is not there.
    pub(crate) fn missing(&self) -> Option<&Path> {
        let recorded = self.record.directories();
        recorded.into_iter().map(|(_, path)| path).find(|path| self.dir(path).is_none())
    }

    /// Whether processes can be put there: a cgroup2 that gives controllers to cgroups below it takes none
    /// itself (cgroups(7), "no internal processes").
    pub fn takes_processes(&self) -> bool {
        let v2 = self.dirs.iter().filter(|dir| dir.kind == Kind::V2);
        v2.into_iter()
            .all(|dir| dir.read_line("cgroup.subtree_control").is_ok_and(|on| on.is_empty()))
    }

    /// The directory for `CLONE_INTO_CGROUP` (clone(2)), opened with O_PATH; only where cgroup2 is
    /// alone, since elsewhere [`enter`](Cgroup::enter) has other hierarchies to enter.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self.dirs.as_slice() {
            [dir] if dir.kind == Kind::V2 => Some(dir.fd.as_fd()),
            _ => None,
        }
    }

    /// The processes of the cgroup and of those below it, by their ids in this pid namespace;
    /// processes that are not in it are left out.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn pids(&self) -> Result<Vec<i32>, Error> {
        match self.process_dir() {
            Some(dir) => pids::below(&dir.path),
            None => Ok(Vec::new()),
        }
    }

    /// As [`pids`](Cgroup::pids); where some directories cannot be read those of the others, and the first failure.
    pub(super) fn readable_pids(&self) -> (Vec<i32>, Option<Error>) {
        self.process_dir().map_or((Vec::new(), None), |dir| pids::below_readable(&dir.path))
    }

    /// Whether the cgroup is frozen, by itself or with one above it; one that is gone by now is not
    /// (systemd removes it at the moment when the last process ends).
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn is_frozen(&self) -> Result<bool, Error> {
        let Some(dir) = self.freezer_dir() else { return Ok(false) };
        match freezer::is_frozen(dir) {
            Err(Error::Read { source, .. }) if is_gone(&source) => Ok(false),
            result => result,
        }
    }

    /// Move a process, with all its threads, into every hierarchy.
    ///
    /// Version 1 can take some milliseconds for the first one (the kernel waits for an RCU grace
    /// period); on version 2 use [`fd`](Cgroup::fd) instead where the process is yet to be made.
    ///
    /// # Errors
    /// [`Error::Gone`] when a directory was removed, before any is entered;
    /// [`Error::ProcessGone`] when the process has exited, otherwise [`Error::Enter`].
    pub fn enter(&self, pid: i32) -> Result<(), Error> {
        if let Some(path) = self.missing() {
            return Err(Error::Gone { path: path.to_owned() });
        }
        self.dirs.iter().try_for_each(|dir| self.enter_one(dir, pid))
    }

    fn enter_one(&self, dir: &Dir, pid: i32) -> Result<(), Error> {
        let Err(source) = dir.write("cgroup.procs", &pid.to_string()) else { return Ok(()) };
        match (source.raw_os_error(), &self.record.driver) {
            (Some(libc::ESRCH), _) => Err(Error::ProcessGone { pid }),
            (Some(libc::ENOENT | libc::ENODEV), _) => Err(Error::Gone { path: dir.path.clone() }),
            // A user may not take a process out of the cgroup of a session; systemd does it for its user.
            (Some(libc::EACCES), Driver::Systemd { unit, manager: Manager::User }) => {
                Ok(systemd::attach(unit, &dir.path, pid)?)
            }
            _ => Err(Error::Enter { path: dir.path.clone(), pid, source }),
        }
    }

    /// Whether a process that is in another cgroup can be cloned into this one: a user whose own systemd made it has to be
    /// helped.
    pub(crate) fn takes_clones(&self) -> bool {
        !matches!(self.record.driver, Driver::Systemd { manager: Manager::User, .. })
    }

    pub(super) fn dir(&self, path: &Path) -> Option<&Dir> {
        self.dirs.iter().find(|dir| dir.path == path)
    }

    /// The directory of a controller, beside or in version 1.
    pub(super) fn controller(&self, name: &str) -> Option<&Dir> {
        self.record.paths.get(name).and_then(|path| self.dir(path))
    }

    /// The directory of the only hierarchy there is, if it is of this kind.
    pub(super) fn only(&self, kind: Kind) -> Option<&Dir> {
        match self.dirs.as_slice() {
            [dir] if dir.kind == kind => Some(dir),
            _ => None,
        }
    }

    /// The directory that freezes: version 1's freezer, or else that of cgroup2.
    pub(super) fn freezer_dir(&self) -> Option<&Dir> {
        let path = self.record.paths.get("freezer");
        let v1 = path.and_then(|path| self.dir(path));
        v1.or_else(|| self.dirs.iter().find(|dir| dir.kind != Kind::V1))
    }

    /// A directory that every process of the container is in: best the one that freezes, since
    /// processes are not moved while they are frozen.
    fn process_dir(&self) -> Option<&Dir> {
        let devices = || self.record.paths.get("devices").and_then(|path| self.dir(path));
        self.freezer_dir().or_else(devices).or_else(|| self.dirs.first())
    }
}
