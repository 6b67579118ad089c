//! Signals to every process of a cgroup.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

use super::cgroup::Cgroup;
use super::dir::{Dir, is_gone};
use super::error::Error;
use super::freezer::set_frozen;
use super::plan::Kind;
use crate::sys::pidfd;

/// How many lists are read, at most: only processes that fork and are not frozen need more.
const PASSES: usize = 100;

/// How many processes are held open, at most.
const AT_ONCE: usize = 64;

impl Cgroup {
    /// Send a signal to every process of the cgroup and of those below it; none is an answer too.
    /// SIGKILL reaches every one, however fast they fork (on version 1 if there is a freezer), and
    /// thaws a frozen cgroup so that they die; whether they are dead is not waited for.
    ///
    /// A cgroup whose [`Record`](super::Record) is not `made` may be somebody else's: nothing is sent.
    ///
    /// # Errors
    /// [`Error::Control`], [`Error::Signal`] and [`Error::Read`]; a process that is gone is no error.
    pub fn kill_all(&self, signal: i32) -> Result<(), Error> {
        if !self.record().made {
            return Ok(());
        }
        if signal == libc::SIGKILL && self.kill_at_once()? {
            return Ok(());
        }
        let Some(dir) = self.freezer_dir() else {
            return self.signal_until_none_is_new(signal);
        };
        // What is frozen cannot fork or exit, so the list holds still.
        let was_frozen = self.is_frozen()?;
        freeze_if_there(dir, true)?;
        let signalled = self.signal_until_none_is_new(signal);
        if signal == libc::SIGKILL || !was_frozen {
            freeze_if_there(dir, false)?;
        }
        signalled
    }

    /// `cgroup.kill`, since Linux 5.14 and not of threaded cgroups; whether it is there.
    fn kill_at_once(&self) -> Result<bool, Error> {
        let v2 = |dir: &&Dir| dir.kind != Kind::V1;
        let Some(dir) = self.freezer_dir().filter(v2) else { return Ok(false) };
        match dir.write("cgroup.kill", "1") {
            Ok(()) => Ok(true),
            Err(source) if is_gone(&source) => Ok(false),
            Err(source) if source.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(false),
            Err(source) => Err(Error::Control { path: dir.file("cgroup.kill"), source }),
        }
    }

    /// A process that was about to be made while the list was read is on the next one. What cannot be read does not
    /// save the others.
    fn signal_until_none_is_new(&self, signal: i32) -> Result<(), Error> {
        let mut signalled = BTreeSet::new();
        let mut failed = None;
        for _ in 0..PASSES {
            let (pids, unread) = self.readable_pids();
            failed = unread;
            let new: Vec<_> = pids.into_iter().filter(|pid| !signalled.contains(pid)).collect();
            if new.is_empty() {
                break;
            }
            for some in new.chunks(AT_ONCE) {
                for (pid, process) in open_each(some, signal, || self.readable_pids().0)? {
                    send(pid, &process, signal)?;
                    signalled.insert(pid);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// With a cgroup that is gone went all that was in it.
fn freeze_if_there(dir: &Dir, frozen: bool) -> Result<(), Error> {
    match set_frozen(dir, frozen) {
        Err(Error::Control { source, .. }) if is_gone(&source) => Ok(()),
        result => result,
    }
}

/// Those that are still listed after they were opened: so they are the cgroup's, and not later ones with the same number.
fn open_each(
    pids: &[i32],
    signal: i32,
    list: impl FnOnce() -> Vec<i32>,
) -> Result<Vec<(i32, OwnedFd)>, Error> {
    let mut opened = Vec::with_capacity(pids.len());
    for &pid in pids {
        match pidfd::open(pid) {
            Ok(process) => opened.push((pid, process)),
            Err(source) if source.raw_os_error() == Some(libc::ESRCH) => {}
            Err(source) => return Err(Error::Signal { pid, signal, source }),
        }
    }
    let listed = list();
    opened.retain(|(pid, _)| listed.contains(pid));
    Ok(opened)
}

fn send(pid: i32, process: &OwnedFd, signal: i32) -> Result<(), Error> {
    match pidfd::send_signal(process.as_fd(), signal) {
        Err(source) if source.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        Err(source) => Err(Error::Signal { pid, signal, source }),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As when it has left the cgroup meanwhile, or its number is another's by now.
    #[test]
    fn what_is_listed_no_more_is_not_signalled() {
        let own = std::process::id() as i32;
        let parent = std::os::unix::process::parent_id() as i32;
        let opened = open_each(&[own, parent], libc::SIGTERM, || vec![own]).unwrap();
        let pids: Vec<i32> = opened.iter().map(|(pid, _)| *pid).collect();
        assert_eq!(pids, [own]);
    }
}
