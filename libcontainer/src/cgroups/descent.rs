//! Walking the cgroups below one, however deep: a container makes them as it likes, and their paths may be longer than
//! PATH_MAX. So each is opened from the one above it, and one descriptor is held at a time.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::dir::{self, Type};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::dir::is_gone;
use super::error::Error;

/// A directory on the way through all that are below the first one.
pub(super) struct Descent {
    top: PathBuf,
    /// From the first directory to this one.
    names: Vec<CString>,
    /// Opened with O_PATH, close-on-exec.
    here: OwnedFd,
}

impl Descent {
    /// Begin at a directory; `None` where it is gone.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) fn begin(top: &Path) -> Result<Option<Descent>, Error> {
        match openat(AT_FDCWD, top, FLAGS, Mode::empty()) {
            Ok(here) => Ok(Some(Descent { top: top.to_owned(), names: Vec::new(), here })),
            Err(errno) if is_gone(&errno.into()) => Ok(None),
            Err(errno) => Err(Error::Read { path: top.to_owned(), source: errno.into() }),
        }
    }

    /// Go to a directory directly below this one; false where it is gone. One that could not be left again, for want of
    /// the right to search it, is an error.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) fn enter(&mut self, name: CString) -> Result<bool, Error> {
        let searched = Path::new(OsStr::from_bytes(name.as_bytes())).join(".");
        match openat(&self.here, &searched, FLAGS, Mode::empty()) {
            Ok(below) => {
                self.here = below;
                self.names.push(name);
                Ok(true)
            }
            Err(errno) if is_gone(&errno.into()) => Ok(false),
            Err(errno) => Err(Error::Read { path: self.file(&name), source: errno.into() }),
        }
    }

    /// Go back to the directory above this one, which stays the same as long as there is one: no cgroup is ever moved
    /// below another. The name of the one that was left; `None` at the first.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) fn leave(&mut self) -> Result<Option<CString>, Error> {
        if self.names.is_empty() {
            return Ok(None);
        }
        let above = openat(&self.here, "..", FLAGS, Mode::empty());
        self.here =
            above.map_err(|errno| Error::Read { path: self.path(), source: errno.into() })?;
        Ok(self.names.pop())
    }

    /// The names of the directories directly below this one; none where it is gone.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub(super) fn children(&self) -> Result<Vec<CString>, Error> {
        match self.list() {
            Ok(names) => Ok(names),
            Err(errno) if is_gone(&errno.into()) => Ok(Vec::new()),
            Err(errno) => Err(Error::Read { path: self.path(), source: errno.into() }),
        }
    }

    fn list(&self) -> Result<Vec<CString>, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut names = Vec::new();
        for entry in dir::Dir::openat(&self.here, ".", flags, Mode::empty())?.iter() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) if is_gone(&errno.into()) => break,
                Err(errno) => return Err(errno),
            };
            // The type is in the directory entry: no further system call.
            let name = entry.file_name();
            if entry.file_type() == Some(Type::Directory) && name != c"." && name != c".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// A file of this directory.
    pub(super) fn read(&self, file: &str) -> io::Result<String> {
        let fd = openat(&self.here, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text)?;
        Ok(text)
    }

    /// Remove a directory directly below this one.
    pub(super) fn remove(&self, name: &CString) -> io::Result<()> {
        Ok(unlinkat(&self.here, name.as_c_str(), UnlinkatFlags::RemoveDir)?)
    }

    /// For messages.
    pub(super) fn path(&self) -> PathBuf {
        let names = self.names.iter().map(|name| OsStr::from_bytes(name.as_bytes()));
        names.fold(self.top.clone(), |path, name| path.join(name))
    }

    /// For messages.
    pub(super) fn file(&self, name: &CString) -> PathBuf {
        self.path().join(OsStr::from_bytes(name.as_bytes()))
    }
}

const FLAGS: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
