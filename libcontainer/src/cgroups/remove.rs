//! Removing a container's cgroup.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::descent::Descent;
use super::dir::is_gone;
use super::error::Error;
use super::pids;
use super::record::{Driver, Record};
use super::systemd::{self, Manager};
use crate::sys::pidfd;

impl Record {
    /// Remove the container's directory in every hierarchy, with the cgroups that the container made
    /// below it; what is gone already is no error. Directories above stay, as with runc: others may
    /// have put limits on them. A unit of systemd's is stopped first.
    ///
    /// Needs nothing but the record, so it works after a crash at any point. Processes that are on
    /// their way out are waited for, `wait` at most; none is killed. Of a cgroup that is not yet `made`
    /// only the directory itself is removed, unless it is frozen: what is below it is somebody else's.
    ///
    /// # Errors
    /// [`Error::Busy`] with the processes that are left; [`Error::Remove`] and [`Error::Read`].
    pub fn remove(&self, wait: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + wait;
        if let Driver::Systemd { unit, manager } = &self.driver {
            self.stop_unit(unit, *manager, deadline)?;
        }
        for (_, path) in self.directories() {
            let remove = if self.made { remove_tree } else { remove_unfrozen };
            remove_when_empty(path, remove, deadline)?;
        }
        Ok(())
    }
}

impl Record {
    /// A directory must not be removed under systemd: it would wait for ever to hear that it is empty.
    fn stop_unit(&self, unit: &str, manager: Manager, deadline: Instant) -> Result<(), Error> {
        if !self.made {
            // With processes that stay it is somebody else's; ours ends when it finds itself alone.
            for (_, path) in self.directories() {
                remove_when_empty(path, see_whether_empty, deadline)?;
            }
        }
        Ok(systemd::stop(unit, manager)?)
    }
}

fn see_whether_empty(path: &Path) -> Result<State, Error> {
    Ok(if pids::is_occupied(path)? { State::Busy } else { State::Gone })
}

fn remove_when_empty(
    path: &Path,
    remove: fn(&Path) -> Result<State, Error>,
    deadline: Instant,
) -> Result<(), Error> {
    let mut nap = Duration::from_micros(50);
    while remove(path)? == State::Busy {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Busy { path: path.to_owned(), pids: pids::below(path)? });
        }
        if wait_for_change(path, left)? == Waited::NothingToWaitFor {
            // The last process has exited and its cgroup has yet to hear of it: nothing tells when.
            std::thread::sleep(nap.min(left));
            nap = (nap * 2).min(Duration::from_millis(5));
        }
    }
    Ok(())
}

#[derive(PartialEq)]
enum State {
    /// Or left alone.
    Gone,
    Busy,
}

/// Remove a directory; where it is in use those below it, and then itself.
fn remove_tree(path: &Path) -> Result<State, Error> {
    if remove_one(path)? == State::Gone {
        return Ok(State::Gone);
    }
    let Some(mut at) = Descent::begin(path)? else { return Ok(State::Gone) };
    // Of each directory down to this one, what is left to be removed below it.
    let mut left = vec![at.children()?];
    while let Some(names) = left.last_mut() {
        if let Some(name) = names.pop() {
            if remove_child(&at, &name)? == State::Busy && at.enter(name)? {
                left.push(at.children()?);
            }
            continue;
        }
        left.pop();
        let Some(emptied) = at.leave()? else { break };
        if remove_child(&at, &emptied)? == State::Busy {
            return Ok(State::Busy);
        }
    }
    remove_one(path)
}

/// One that is frozen by itself is not ours: create refuses such a one, and freezes none.
fn remove_unfrozen(path: &Path) -> Result<State, Error> {
    let says_one =
        |file: &str| fs::read_to_string(path.join(file)).is_ok_and(|text| text.trim_end() == "1");
    match says_one("cgroup.freeze") || says_one("freezer.self_freezing") {
        true => Ok(State::Gone),
        false => remove_one(path),
    }
}

fn remove_one(path: &Path) -> Result<State, Error> {
    state_after(fs::remove_dir(path), || path.to_owned())
}

fn remove_child(at: &Descent, name: &CString) -> Result<State, Error> {
    state_after(at.remove(name), || at.file(name))
}

fn state_after(removed: io::Result<()>, path: impl FnOnce() -> PathBuf) -> Result<State, Error> {
    match removed {
        Ok(()) => Ok(State::Gone),
        Err(source) if is_gone(&source) => Ok(State::Gone),
        Err(source) => match source.raw_os_error() {
            Some(libc::EBUSY | libc::ENOTEMPTY) => Ok(State::Busy),
            _ => Err(Error::Remove { path: path(), source }),
        },
    }
}

#[derive(PartialEq)]
enum Waited {
    Changed,
    NothingToWaitFor,
}

/// Wait until a process has left the directory, or the time is over.
fn wait_for_change(path: &Path, left: Duration) -> Result<Waited, Error> {
    let events = path.join("cgroup.events");
    match fs::File::open(&events) {
        Ok(file) => wait_for_event(&file, &events, left),
        // Version 1 does not tell: wait for the processes themselves.
        Err(source) if is_gone(&source) => wait_for_processes(path, left),
        Err(source) => Err(Error::Read { path: events, source }),
    }
}

/// The kernel reports every change of `cgroup.events` as POLLPRI, counted from the last reading.
fn wait_for_event(mut file: &fs::File, path: &Path, left: Duration) -> Result<Waited, Error> {
    let mut text = String::new();
    match std::io::Read::read_to_string(&mut file, &mut text) {
        Ok(_) => {}
        Err(source) if is_gone(&source) => return Ok(Waited::Changed),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    }
    if !text.lines().any(|line| line == "populated 1") {
        return Ok(Waited::NothingToWaitFor);
    }
    wait_for(PollFd::new(file.as_fd(), PollFlags::POLLPRI), left);
    Ok(Waited::Changed)
}

fn wait_for_processes(path: &Path, left: Duration) -> Result<Waited, Error> {
    let deadline = Instant::now() + left;
    let mut waited = Waited::NothingToWaitFor;
    for pid in pids::below(path)? {
        let Ok(process) = pidfd::open(pid) else { continue };
        let left = deadline.saturating_duration_since(Instant::now());
        wait_for(PollFd::new(process.as_fd(), PollFlags::POLLIN), left);
        waited = Waited::Changed;
    }
    Ok(waited)
}

/// A signal may end it early: the caller looks again.
fn wait_for(event: PollFd, left: Duration) {
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let _ = poll(&mut [event], timeout);
}
