//! Which process a pid means: the pid together with the time at which it started, so that a later
//! process with the same number is never taken for the container's. A pid that comes again within a tick of that
//! clock (10 ms) is told apart by the inode of its pidfd, which no two processes have.

use crate::sys;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fstat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

/// A process, told apart from every later one with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// In clock ticks since boot, field 22 of proc_pid_stat(5).
    pub(crate) start_time: u64,
    /// Of its pidfd; since Linux 6.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pidfd_inode: Option<u64>,
}

impl Identity {
    /// Of a process that is there now.
    pub(crate) fn of(pid: i32) -> io::Result<Self> {
        let (start_time, _) = stat(pid)?;
        Ok(Identity { pid, start_time, pidfd_inode: None })
    }

    /// Of a child that was not waited for, whose pid is no other's as long.
    pub(crate) fn of_child(pid: i32) -> io::Result<Self> {
        let pidfd = sys::pidfd_open(pid)?;
        Identity::with_pidfd(pid, pidfd.as_fd())
    }

    /// The same, by a descriptor of it too.
    pub(crate) fn with_pidfd(pid: i32, pidfd: BorrowedFd<'_>) -> io::Result<Self> {
        static ARE_UNIQUE: OnceLock<bool> = OnceLock::new();
        let are_unique = *ARE_UNIQUE.get_or_init(|| sys::pidfd_is_of_pidfs(pidfd).unwrap_or(false));
        let pidfd_inode = if are_unique { Some(fstat(pidfd)?.st_ino) } else { None };
        Ok(Identity { pidfd_inode, ..Identity::of(pid)? })
    }

    /// A descriptor of the process; `None` when it has ended (a zombie has).
    pub(crate) fn open(self) -> io::Result<Option<OwnedFd>> {
        let pidfd = match sys::pidfd_open(self.pid) {
            Ok(pidfd) => pidfd,
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(None),
            // A pid that is no leader of a thread group any more, or was never valid.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Some(inode) = self.pidfd_inode {
            if fstat(&pidfd)?.st_ino != inode {
                return Ok(None);
            }
        }
        // Read after the descriptor was opened: what it says is of that process or of none.
        match stat(self.pid) {
            Ok((start_time, state)) => {
                let same = start_time == self.start_time && !matches!(state, 'Z' | 'X');
                Ok(same.then_some(pidfd))
            }
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it still runs, by its start time alone: for what is only told. Whoever acts on it opens it.
    pub(crate) fn is_alive(self) -> bool {
        matches!(stat(self.pid), Ok((start_time, state))
            if start_time == self.start_time && !matches!(state, 'Z' | 'X'))
    }

    /// Waits until it has ended, without being its parent; false when `timeout_ms` passed first.
    pub(crate) fn wait_gone(pidfd: &OwnedFd, timeout_ms: u16) -> io::Result<bool> {
        super::wait::is_readable_within(pidfd, timeout_ms)
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

/// Whether this program is its parent. As long as a child is not reaped its pid is no other's.
pub(crate) fn is_child(pid: i32) -> bool {
    read_stat(pid).is_ok_and(|stat| stat.parent == std::process::id())
}

/// The start time and the state.
fn stat(pid: i32) -> io::Result<(u64, char)> {
    read_stat(pid).map(|stat| (stat.start_time, stat.state))
}

/// Of proc_pid_stat(5).
#[derive(Debug, PartialEq)]
struct Stat {
    state: char,
    parent: u32,
    start_time: u64,
}

fn read_stat(pid: i32) -> io::Result<Stat> {
    // At most 52 numbers and a name: one read has it all.
    let mut text = [0; 2048];
    let path = format!("/proc/{pid}/stat");
    // Not open(2): musl adds an fcntl(2) to that.
    let file = openat(AT_FDCWD, path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let length = File::from(file).read(&mut text)?;
    parse_stat(&text[..length])
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/PID/stat"))
}

/// The second field is a name in parentheses that may hold spaces and parentheses itself.
fn parse_stat(text: &[u8]) -> Option<Stat> {
    let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(end_of_name + 2..)?).ok()?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let start_time = fields.nth(17)?.parse().ok()?;
    Some(Stat { state, parent, start_time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = b"7 (a) b) (c) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        let expected = Stat { state: 'S', parent: 1, start_time: 4242 };
        assert_eq!(parse_stat(text), Some(expected));
    }

    #[test]
    fn another_start_time_is_another_process() {
        let this = Identity::of(std::process::id() as i32).unwrap();
        assert!(this.is_alive());
        let later = Identity { start_time: this.start_time + 1, ..this };
        assert!(!later.is_alive());
        assert!(later.open().unwrap().is_none());
        assert!(this.open().unwrap().is_some());
    }

    #[test]
    fn another_inode_is_another_process() {
        let pid = std::process::id() as i32;
        let pidfd = sys::pidfd_open(pid).unwrap();
        let this = Identity::with_pidfd(pid, pidfd.as_fd()).unwrap();
        assert!(this.open().unwrap().is_some());
        let Some(inode) = this.pidfd_inode else {
            return crate::skip::skip("pidfds have inodes of their own since Linux 6.9");
        };
        let later = Identity { pidfd_inode: Some(inode + 1), ..this };
        assert!(later.open().unwrap().is_none());
    }
}
