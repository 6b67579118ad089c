//! The state root: a directory for each container, owned by whoever made it, changed under its lock.

use super::record::{Record, VERSION};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

const FILE: &str = "state.json";
const NEW_FILE: &str = "state.json.new";
/// The socket that a created container waits on.
const START: &str = "start.sock";

/// A state root.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

/// A container's directory, locked until it is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    directory: Flock<OwnedFd>,
}

/// What can go wrong with saved state.
#[derive(Debug)]
pub enum StoreError {
    /// The id is taken.
    Exists {
        /// The container's directory.
        path: PathBuf,
    },
    /// There is no such container.
    NotFound {
        /// The container's directory.
        path: PathBuf,
    },
    /// The state root cannot be made.
    Root {
        /// The root.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file or directory cannot be used.
    File {
        /// Such as "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A state.json that is none.
    Broken {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// A state.json of another version of creel.
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Exists { path } => write!(
                f,
                "container with given ID already exists ({}); choose another id, or delete that container",
                path.display()
            ),
            StoreError::NotFound { path } => {
                write!(f, "container does not exist (there is no {})", path.display())
            }
            StoreError::Root { path, .. } => {
                write!(f, "cannot make the state root {}", path.display())
            }
            StoreError::File { action, path, .. } => {
                write!(f, "cannot {action} {}", path.display())
            }
            StoreError::Broken { path, .. } => {
                write!(f, "{} is damaged; remove the container with delete --force", path.display())
            }
            StoreError::Version { path, found } => write!(
                f,
                "{} has version {found}, this creel knows {VERSION}; use the creel that created it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Root { source, .. } | StoreError::File { source, .. } => Some(source),
            StoreError::Broken { source, .. } => Some(source),
            StoreError::Exists { .. }
            | StoreError::NotFound { .. }
            | StoreError::Version { .. } => None,
        }
    }
}

impl Store {
    /// A store in this directory, which is made when the first container is.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Store { root: root.into() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Takes an id: whoever makes the directory owns it.
    pub(crate) fn claim(&self, id: &str) -> Result<Entry, StoreError> {
        let path = self.path(id);
        let mode = Mode::from_bits_truncate(0o700);
        let mut made = mkdirat(nix::fcntl::AT_FDCWD, &path, mode);
        if made == Err(Errno::ENOENT) {
            make_root(&self.root)
                .map_err(|source| StoreError::Root { path: self.root.clone(), source })?;
            made = mkdirat(nix::fcntl::AT_FDCWD, &path, mode);
        }
        match made {
            Ok(()) => {}
            Err(Errno::EEXIST) => return Err(StoreError::Exists { path }),
            Err(errno) => {
                return Err(StoreError::Root { path: self.root.clone(), source: errno.into() });
            }
        }
        // A `delete --force` may have come in between; then the id is nobody's again.
        self.lock(id)
    }

    /// Locks a container's directory.
    pub(crate) fn lock(&self, id: &str) -> Result<Entry, StoreError> {
        let path = self.path(id);
        let directory = open_directory(&path)?;
        let directory = Flock::lock(directory, FlockArg::LockExclusive)
            .map_err(|(_, errno)| file_error("lock", &path, errno.into()))?;
        // While we waited the directory may have been removed, and another made in its place.
        let held = fstat(&*directory).map_err(|errno| file_error("lock", &path, errno.into()))?;
        let now = fstatat(nix::fcntl::AT_FDCWD, &path, AtFlags::AT_SYMLINK_NOFOLLOW);
        match now {
            Ok(now) if (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino) => {
                Ok(Entry { path, directory })
            }
            _ => Err(StoreError::NotFound { path }),
        }
    }

    /// Reads a record without the lock: it is replaced by rename, so it is whole at any moment.
    pub(crate) fn read(&self, id: &str) -> Result<Record, StoreError> {
        let path = self.path(id);
        let directory = open_directory(&path)?;
        read_record(&directory, &path)
    }

    /// The container's directory as a descriptor, to look at without the lock.
    pub(crate) fn directory(&self, id: &str) -> Result<OwnedFd, StoreError> {
        open_directory(&self.path(id))
    }

    /// Whether somebody works on this container right now.
    pub(crate) fn is_locked(&self, id: &str) -> Result<bool, StoreError> {
        let directory = open_directory(&self.path(id))?;
        Ok(Flock::lock(directory, FlockArg::LockExclusiveNonblock).is_err())
    }

    /// The ids of all containers, sorted.
    pub(crate) fn ids(&self) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(file_error("read", &self.root, source)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| file_error("read", &self.root, source))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                ids.extend(entry.file_name().into_string());
            }
        }
        ids.sort();
        Ok(ids)
    }
}

/// Mode 0700: other users are not even to learn which containers there are.
fn make_root(root: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(root)
}

fn open_directory(path: &Path) -> Result<OwnedFd, StoreError> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::ENOENT => StoreError::NotFound { path: path.to_owned() },
        errno => file_error("open", path, errno.into()),
    })
}

fn read_record(directory: &OwnedFd, path: &Path) -> Result<Record, StoreError> {
    let file = path.join(FILE);
    let opened = openat(directory, FILE, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    let opened = opened.map_err(|errno| match errno {
        // Between mkdir and the first save, or after a runtime was killed there.
        Errno::ENOENT => StoreError::NotFound { path: file.clone() },
        errno => file_error("open", &file, errno.into()),
    })?;
    let mut text = Vec::new();
    File::from(opened)
        .read_to_end(&mut text)
        .map_err(|source| file_error("read", &file, source))?;
    let record: Record = serde_json::from_slice(&text)
        .map_err(|source| StoreError::Broken { path: file.clone(), source })?;
    if record.version != VERSION {
        return Err(StoreError::Version { path: file, found: record.version });
    }
    Ok(record)
}

fn file_error(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { action, path: path.to_owned(), source }
}

impl Entry {
    /// The container's directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is saved.
    pub(crate) fn load(&self) -> Result<Record, StoreError> {
        read_record(&self.directory, &self.path)
    }

    /// Replaces what is saved, if anything, whole or not at all: others read it without the lock.
    pub(crate) fn save(&self, record: &Record) -> Result<(), StoreError> {
        self.write(NEW_FILE, record)?;
        renameat(&*self.directory, NEW_FILE, &*self.directory, FILE)
            .map_err(|errno| file_error("replace", &self.path.join(FILE), errno.into()))
    }

    fn write(&self, name: &str, record: &Record) -> Result<(), StoreError> {
        let path = self.path.join(name);
        let text = serde_json::to_vec(record)
            .map_err(|source| StoreError::Broken { path: path.clone(), source })?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(0o600);
        let file = openat(&*self.directory, name, flags | OFlag::O_NOFOLLOW, mode)
            .map_err(|errno| file_error("make", &path, errno.into()))?;
        File::from(file).write_all(&text).map_err(|source| file_error("write", &path, source))
    }

    /// Forgets the container. The directory goes last: as long as it is there, the id is taken.
    pub(crate) fn remove(self) -> Result<(), StoreError> {
        for name in [START, NEW_FILE, FILE] {
            match unlinkat(&*self.directory, name, UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => {
                    return Err(file_error("remove", &self.path.join(name), errno.into()));
                }
            }
        }
        match unlinkat(nix::fcntl::AT_FDCWD, &self.path, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(file_error("remove", &self.path, errno.into())),
        }
    }

    /// Whether the container waits for `start`.
    pub(crate) fn waits_for_start(&self) -> bool {
        waits_for_start(&self.directory)
    }

    /// From now on the container counts as started.
    pub(crate) fn mark_started(&self) -> Result<(), StoreError> {
        match unlinkat(&*self.directory, START, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(file_error("remove", &self.path.join(START), errno.into())),
        }
    }

    /// The name under which the start socket is bound and reached: through the directory's descriptor, since
    /// the path may be longer than a socket's address can be.
    pub(crate) fn start_address(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}/{START}", self.directory.as_fd().as_raw_fd())
    }
}

/// Whether the container in this directory waits for `start`.
pub(crate) fn waits_for_start(directory: &OwnedFd) -> bool {
    fstatat(directory, START, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
}
