//! The state root: a directory for each container, owned by whoever made it, changed under its lock.

use super::empty;
use super::error::StoreError;
use super::outline::{Outline, Versioned};
use super::record::Record;
use crate::process::identity::Identity;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const FILE: &str = "state.json";
const NEW_FILE: &str = "state.json.new";
/// The program of the filter that exec installs too, as the kernel reads it. Beside the record, which every command reads.
const FILTER: &str = "seccomp.bpf";
/// The socket that a created container waits on.
const START: &str = "start.sock";
/// The directory that the container sees its socket for readiness in, and the socket.
const NOTIFY: &str = "notify";
const NOTIFY_SOCKET: &str = "notify/notify.sock";
/// The processes that keep a `create` waiting, for a `delete --force` that will not wait for them.
const WAITED_FOR: &str = "waited-for.json";
/// Left by that `delete --force`: the `create` is to start no others.
const UNWANTED: &str = "unwanted";

/// How a record says that its cgroup is not made yet, and the same in one byte and blanks.
const UNMADE: &[u8] = b"\"made\":false";
const FALSE: &[u8] = b"false";
const ZERO: &[u8] = b"0    ";

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

/// A record that was written, kept open to know it again.
#[derive(Debug)]
pub(crate) struct Written {
    file: File,
}

/// A record of a container whose cgroup is not made yet.
#[derive(Debug)]
pub(crate) struct Unmade {
    file: File,
    /// Where it says so.
    digit: u64,
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

    /// Where a container's [`Entry::notify_directory`] would be.
    pub(crate) fn notify_directory(&self, id: &str) -> PathBuf {
        self.path(id).join(NOTIFY)
    }

    /// Takes an id: whoever makes the directory owns it.
    pub(crate) fn claim(&self, id: &str) -> Result<Entry, StoreError> {
        let path = self.path(id);
        let mode = Mode::from_bits_truncate(0o700);
        let mut made = mkdirat(AT_FDCWD, &path, mode);
        if made == Err(Errno::ENOENT) {
            make_root(&self.root)
                .map_err(|source| StoreError::Root { path: self.root.clone(), source })?;
            made = mkdirat(AT_FDCWD, &path, mode);
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
        let now = fstatat(AT_FDCWD, &path, AtFlags::AT_SYMLINK_NOFOLLOW);
        match now {
            Ok(now) if (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino) => {
                Ok(Entry { path, directory })
            }
            _ => Err(StoreError::NotFound { path }),
        }
    }

    /// Reads a record without the lock: it is replaced by rename, so it is whole at any moment.
    pub(crate) fn read(&self, id: &str) -> Result<Record, StoreError> {
        self.look(id).map(|(_, record)| record)
    }

    /// The same, with the container's directory as a descriptor, to see more of it without the lock.
    pub(crate) fn look(&self, id: &str) -> Result<(OwnedFd, Record), StoreError> {
        self.look_at(id)
    }

    /// The same, with no more of the record than is shown.
    pub(crate) fn outline(&self, id: &str) -> Result<(OwnedFd, Outline), StoreError> {
        self.look_at(id)
    }

    fn look_at<T: DeserializeOwned + Versioned>(
        &self,
        id: &str,
    ) -> Result<(OwnedFd, T), StoreError> {
        let path = self.path(id);
        let directory = open_directory(&path)?;
        let record = read_record(&directory, &path)?;
        Ok((directory, record))
    }

    /// The program of the container's filter, from its directory. A container that has one never goes without.
    pub(crate) fn filter(&self, id: &str, directory: &OwnedFd) -> Result<Vec<u8>, StoreError> {
        let file = self.path(id).join(FILTER);
        read_file(directory, &file)?.ok_or(StoreError::NoFilter { path: file })
    }

    /// The container's directory as a descriptor, to look at without the lock.
    pub(crate) fn directory(&self, id: &str) -> Result<OwnedFd, StoreError> {
        open_directory(&self.path(id))
    }

    /// Says that nobody wants this container any more; whoever creates it starts nothing further. Returns the
    /// processes that are waited for.
    pub(crate) fn mark_unwanted(&self, id: &str) -> Result<Vec<Identity>, StoreError> {
        let path = self.path(id);
        let directory = open_directory(&path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        openat(&directory, UNWANTED, flags, Mode::from_bits_truncate(0o600))
            .map_err(|errno| file_error("make", &path.join(UNWANTED), errno.into()))?;
        match read_json(&directory, &path.join(WAITED_FOR)) {
            Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
            result => result,
        }
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
    // Not open(2): musl adds an fcntl(2) to that.
    openat(AT_FDCWD, path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::ENOENT => StoreError::NotFound { path: path.to_owned() },
        errno => file_error("open", path, errno.into()),
    })
}

/// Whether somebody changes this container right now; asking disturbs nobody else who asks.
pub(crate) fn is_locked(directory: OwnedFd) -> bool {
    Flock::lock(directory, FlockArg::LockSharedNonblock).is_err()
}

fn read_record<T: DeserializeOwned + Versioned>(
    directory: &OwnedFd,
    path: &Path,
) -> Result<T, StoreError> {
    let file = path.join(FILE);
    read_json::<T>(directory, &file)?.checked(&file)
}

/// Reads the file of this path's name in the directory.
fn read_json<T: DeserializeOwned>(directory: &OwnedFd, file: &Path) -> Result<T, StoreError> {
    // It is not there between mkdir and the first save, or after a runtime was killed there.
    let mut opened = open_file(directory, file)?
        .ok_or_else(|| StoreError::NotFound { path: file.to_owned() })?;
    // `list` reads a thousand of them: most take no memory of the program's.
    let mut small = [0; 4096];
    let length =
        fill(&mut opened, &mut small).map_err(|source| file_error("read", file, source))?;
    let parsed = if length < small.len() {
        serde_json::from_slice(&small[..length])
    } else {
        let mut content = small.to_vec();
        let read = opened.read_to_end(&mut content);
        read.map_err(|source| file_error("read", file, source))?;
        serde_json::from_slice(&content)
    };
    parsed.map_err(|source| StoreError::Broken { path: file.to_owned(), source })
}

/// Reads until there is no room or no more; how much it was.
fn fill(file: &mut File, room: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read(&mut room[length..]) {
            Ok(0) => return Ok(length),
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The content of the file of this path's name in the directory; none when there is no such file.
fn read_file(directory: &OwnedFd, file: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut opened) = open_file(directory, file)? else { return Ok(None) };
    let mut content = Vec::new();
    let read = opened.read_to_end(&mut content);
    read.map_err(|source| file_error("read", file, source))?;
    Ok(Some(content))
}

fn open_file(directory: &OwnedFd, file: &Path) -> Result<Option<File>, StoreError> {
    let name = file.file_name().unwrap_or_default();
    match openat(directory, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(opened) => Ok(Some(File::from(opened))),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(file_error("open", file, errno.into())),
    }
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
    pub(crate) fn save(&self, record: &Record) -> Result<Written, StoreError> {
        let written = self.write_ahead(record)?;
        self.put_in_place(&written)?;
        Ok(written)
    }

    /// As [`Self::save`], of a record whose cgroup is not made yet.
    pub(crate) fn save_unmade(&self, record: &Record) -> Result<Unmade, StoreError> {
        let mut text = self.text_of(FILE, record)?;
        // No text of a configuration looks like this: its quotes are escaped.
        let found = memchr::memmem::find(&text, UNMADE).ok_or_else(|| {
            file_error(
                "find the cgroup in",
                &self.path.join(FILE),
                io::ErrorKind::InvalidData.into(),
            )
        })?;
        let digit = found + UNMADE.len() - FALSE.len();
        text[digit..digit + FALSE.len()].copy_from_slice(ZERO);
        let file = self.write(NEW_FILE, &text)?;
        self.rename_new(FILE)?;
        Ok(Unmade { file, digit: digit as u64 })
    }

    /// Saves that the cgroup of what was saved last is made: one byte, so that others read the record of before or of after.
    pub(crate) fn mark_made(&self, saved: &Unmade) -> Result<(), StoreError> {
        let written = saved.file.write_all_at(b"1", saved.digit);
        written.map_err(|source| file_error("write", &self.path.join(FILE), source))
    }

    /// Writes a record that does not count before it is [put in place](Self::put_in_place); until then nothing else may
    /// be saved.
    pub(crate) fn write_ahead(&self, record: &Record) -> Result<Written, StoreError> {
        self.write_new(FILE, record).map(|file| Written { file })
    }

    /// Lets what was written last count.
    pub(crate) fn put_in_place(&self, _: &Written) -> Result<(), StoreError> {
        self.rename_new(FILE)
    }

    /// Whether this is what is saved: nobody has changed it since, nor deleted the container and made another.
    pub(crate) fn holds(&self, written: &Written) -> bool {
        let saved = fstatat(&*self.directory, FILE, AtFlags::AT_SYMLINK_NOFOLLOW);
        // As long as it is open, no other file has its number.
        match (saved, fstat(&written.file)) {
            (Ok(saved), Ok(written)) => {
                (saved.st_dev, saved.st_ino) == (written.st_dev, written.st_ino)
            }
            _ => false,
        }
    }

    /// Saves the program of the container's filter; once, before the record that says there is one.
    pub(crate) fn save_filter(&self, program: &[u8]) -> Result<(), StoreError> {
        self.write(FILTER, program).map(drop)
    }

    /// Notes what `delete --force` may end so that a `create` ends. False when one was there already: then nothing may be
    /// waited for.
    pub(crate) fn note_waited_for(&self, processes: &[Identity]) -> Result<bool, StoreError> {
        self.replace(WAITED_FOR, &processes)?;
        // In this order: a `delete --force` marks first and reads then.
        Ok(!self.is_unwanted())
    }

    /// Whether a `delete --force` waits for the container to be given up.
    pub(crate) fn is_unwanted(&self) -> bool {
        fstatat(&*self.directory, UNWANTED, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
    }

    /// Nothing is waited for any more.
    pub(crate) fn forget_waited_for(&self) -> Result<(), StoreError> {
        self.unlink(WAITED_FOR, UnlinkatFlags::NoRemoveDir)
    }

    fn replace<T: Serialize>(&self, name: &str, content: &T) -> Result<(), StoreError> {
        self.write_new(name, content)?;
        self.rename_new(name)
    }

    fn write_new<T: Serialize>(&self, name: &str, content: &T) -> Result<File, StoreError> {
        self.write(NEW_FILE, &self.text_of(name, content)?)
    }

    /// A path that is not UTF-8, such as the bundle's, cannot be saved.
    fn text_of<T: Serialize>(&self, name: &str, content: &T) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(content)
            .map_err(|source| file_error("write", &self.path.join(name), source.into()))
    }

    fn rename_new(&self, name: &str) -> Result<(), StoreError> {
        renameat(&*self.directory, NEW_FILE, &*self.directory, name)
            .map_err(|errno| file_error("replace", &self.path.join(name), errno.into()))
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<File, StoreError> {
        let path = self.path.join(name);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(0o600);
        let file = openat(&*self.directory, name, flags | OFlag::O_NOFOLLOW, mode)
            .map_err(|errno| file_error("make", &path, errno.into()))?;
        let mut file = File::from(file);
        file.write_all(content).map_err(|source| file_error("write", &path, source))?;
        Ok(file)
    }

    /// Forgets the container. The directory goes last: as long as it is there, the id is taken.
    pub(crate) fn remove(self) -> Result<(), StoreError> {
        self.remove_notify_directory()?;
        for name in [START, NEW_FILE, WAITED_FOR, UNWANTED, FILTER, FILE] {
            self.unlink(name, UnlinkatFlags::NoRemoveDir)?;
        }
        match unlinkat(AT_FDCWD, &self.path, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(file_error("remove", &self.path, errno.into())),
        }
    }

    /// The container may have got to write there, with CAP_SYS_ADMIN or by a hook.
    fn remove_notify_directory(&self) -> Result<(), StoreError> {
        let failed = |source| file_error("empty", &self.path.join(NOTIFY), source);
        match empty::open_directory(&self.directory, NOTIFY.as_ref()) {
            Ok(directory) => empty::empty(&directory).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
        self.unlink(NOTIFY, UnlinkatFlags::RemoveDir)
    }

    /// Whether the container waits for `start`.
    pub(crate) fn waits_for_start(&self) -> bool {
        waits_for_start(&self.directory)
    }

    /// From now on the container counts as started.
    pub(crate) fn mark_started(&self) -> Result<(), StoreError> {
        self.unlink(START, UnlinkatFlags::NoRemoveDir)
    }

    fn unlink(&self, name: &str, flags: UnlinkatFlags) -> Result<(), StoreError> {
        match unlinkat(&*self.directory, name, flags) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(file_error("remove", &self.path.join(name), errno.into())),
        }
    }

    /// The directory that holds the container's socket for readiness and nothing else.
    pub(crate) fn notify_directory(&self) -> PathBuf {
        self.path.join(NOTIFY)
    }

    /// That socket.
    pub(crate) fn notify_socket_path(&self) -> PathBuf {
        self.path.join(NOTIFY_SOCKET)
    }

    /// The name under which it is bound; see [`Self::start_address`].
    pub(crate) fn notify_address(&self) -> String {
        use std::os::fd::AsRawFd;
        format!("/proc/self/fd/{}/{NOTIFY_SOCKET}", self.directory.as_fd().as_raw_fd())
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

#[cfg(test)]
mod tests;
