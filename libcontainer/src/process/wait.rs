//! Waiting for processes by their pidfds.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// As a shell says it: the status, or 128 and the signal.
    pub fn code(self) -> i32 {
        match self {
            Exit::Status(status) => status,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

impl Exit {
    /// From the status of wait(2).
    pub(crate) fn of_wait_status(status: i32) -> Self {
        match libc::WIFSIGNALED(status) {
            true => Exit::Signal(libc::WTERMSIG(status)),
            false => Exit::Status(libc::WEXITSTATUS(status)),
        }
    }
}

/// Gives SIGCHLD its default action, for a program to call when it begins. Whoever started the program may have
/// left it ignored, and then the kernel throws the statuses away that are waited for here (waitid(2), notes).
pub fn keep_exit_statuses() {
    crate::sys::default_child_signal();
}

/// Waits for a child to end, not longer than `timeout_ms`, and reaps it. `None` of one that runs still, and of one that somebody
/// traces: it is kept from its parent until the tracer has waited for it.
pub(crate) fn wait_within(pidfd: BorrowedFd<'_>, timeout_ms: u16) -> io::Result<Option<Exit>> {
    if !is_readable_within(&pidfd, timeout_ms)? {
        return Ok(None);
    }
    let found = waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?;
    Ok(exit_of(found))
}

fn exit_of(found: WaitStatus) -> Option<Exit> {
    match found {
        WaitStatus::Exited(_, status) => Some(Exit::Status(status)),
        WaitStatus::Signaled(_, signal, _) => Some(Exit::Signal(signal as i32)),
        _ => None,
    }
}

/// Waits for a child to end and reaps it.
pub(crate) fn wait(pidfd: BorrowedFd<'_>) -> io::Result<Exit> {
    loop {
        match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED).map(exit_of) {
            Ok(Some(exit)) => return Ok(exit),
            Ok(None) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Waits until a descriptor has something to read, or its end; false when the time was over first.
pub(crate) fn is_readable_within(fd: &impl AsFd, timeout_ms: u16) -> io::Result<bool> {
    let mut watched = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut watched, PollTimeout::from(timeout_ms)) {
            Ok(count) => return Ok(count > 0),
            Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reaps a child whose way of ending does not matter.
pub(crate) fn reap(pidfd: BorrowedFd<'_>) {
    // ECHILD: somebody else reaped it, which is as well.
    let _ = wait(pidfd);
}

/// As [`reap`], of one that may not end: one in a frozen cgroup of version 1 outlasts even SIGKILL. False when it was still
/// there after `timeout_ms`; see [`wait_within`].
pub(crate) fn reap_within(pidfd: BorrowedFd<'_>, timeout_ms: u16) -> bool {
    !matches!(wait_within(pidfd, timeout_ms), Ok(None))
}

/// Kills and reaps a child of which there is no pidfd; one that does not end within `patience` is left. As long as it is not
/// reaped its pid is no other's.
pub(crate) fn end_child(pid: i32, patience: Duration) {
    const NAP: Duration = Duration::from_millis(5);
    let pid = nix::unistd::Pid::from_raw(pid);
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    // Nothing but a pidfd tells of the end of one child among others.
    let end = Instant::now() + patience;
    while Instant::now() < end {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(nix::Error::EINTR) => std::thread::sleep(NAP),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    #[allow(clippy::zombie_processes)] // It is what is tested.
    fn a_child_without_a_pidfd_is_killed_and_reaped() {
        let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("sleep");
        let pid = child.id() as i32;
        end_child(pid, Duration::from_secs(20));
        let again = waitpid(nix::unistd::Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        assert_eq!(again, Err(nix::Error::ECHILD), "it was not reaped");
    }

    #[test]
    fn a_child_that_does_not_end_is_waited_for_within_the_time() {
        let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
        let pidfd = crate::sys::pidfd_open(child.id() as i32).expect("a pidfd");
        assert!(!reap_within(pidfd.as_fd(), 20));
        child.kill().expect("kill");
        assert!(reap_within(pidfd.as_fd(), 20_000));
        assert!(child.wait().is_err(), "it was not reaped");
    }
}
