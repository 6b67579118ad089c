//! One directory of a cgroup file system, held open.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::error::Error;
use super::plan::Kind;

/// A directory; its files are opened relative to `fd`.
#[derive(Debug)]
pub(super) struct Dir {
    pub(super) kind: Kind,
    /// Opened with O_PATH, close-on-exec.
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

impl Dir {
    pub(super) fn open(kind: Kind, path: PathBuf) -> Result<Dir, Error> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        match openat(AT_FDCWD, &path, flags, Mode::empty()) {
            Ok(fd) => Ok(Dir { kind, fd, path }),
            Err(errno) => Err(Error::Read { path, source: errno.into() }),
        }
    }

    /// Write a file in one write(2), as cgroup files want it.
    pub(super) fn write(&self, file: &str, value: &str) -> io::Result<()> {
        let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, file, flags, Mode::empty())?;
        File::from(fd).write_all(value.as_bytes())
    }

    /// A file that the kernel shows in one piece of less than a page.
    pub(super) fn read_line(&self, file: &str) -> io::Result<String> {
        read_line_at(&self.fd, Path::new(file))
    }

    /// A file of any length.
    pub(super) fn read_text(&self, file: &str) -> io::Result<String> {
        let fd = openat(&self.fd, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text)?;
        Ok(text)
    }

    pub(super) fn file(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }
}

/// As [`Dir::read_line`], of a directory that may be given by its path.
pub(super) fn read_line_at(directory: impl AsFd, file: &Path) -> io::Result<String> {
    let fd = openat(directory, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut buffer = [0; 4096];
    let length = File::from(fd).read(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned())
}

/// Make one directory; whether it was not there before.
pub(super) fn make(path: &Path) -> nix::Result<bool> {
    match mkdirat(AT_FDCWD, path, Mode::from_bits_truncate(0o755)) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// The names of the files in a directory.
pub(super) fn files(path: &Path) -> Result<Vec<String>, Error> {
    let error = |source| Error::Read { path: path.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(error)? {
        names.extend(entry.map_err(error)?.file_name().into_string());
    }
    Ok(names)
}

/// A cgroup that was removed: its path is gone, and its open files say ENODEV.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}
