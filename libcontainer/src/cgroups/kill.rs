//! Signals to every process of a cgroup.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use super::cgroup::Cgroup;
use super::dir::{Dir, is_gone};
use super::error::Error;
use super::freezer::set_frozen;
use super::plan::Kind;
use crate::sys::pidfd;

/// How many lists are read, at most: only processes that fork and are not frozen need more.
const PASSES: usize = 100;

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
            let new: Vec<_> = pids.into_iter().filter(|pid| signalled.insert(*pid)).collect();
            if new.is_empty() {
                break;
            }
            for pid in new {
                send(pid, signal)?;
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

fn send(pid: i32, signal: i32) -> Result<(), Error> {
    let sent = pidfd::open(pid).and_then(|process| pidfd::send_signal(process.as_fd(), signal));
    match sent {
        Err(source) if source.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        Err(source) => Err(Error::Signal { pid, signal, source }),
        Ok(()) => Ok(()),
    }
}
