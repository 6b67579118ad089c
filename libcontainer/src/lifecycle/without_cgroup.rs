//! The processes of a container that has no cgroup: those of its pid namespace.

use crate::error::Error;
use crate::plan::Namespace;
use crate::process::identity::Identity;
use crate::state::Record;
use crate::sys;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

impl Record {
    /// The processes of the container's own pid namespace, by their ids here, ascending; without one only its first
    /// process is known to be its.
    ///
    /// # Errors
    /// [`Error::Io`] when /proc cannot be read.
    pub(super) fn processes_of_namespace(&self) -> Result<Vec<i32>, Error> {
        let Some(first) = self.init.map(|init| init.identity) else { return Ok(Vec::new()) };
        match self.own_pid_namespace(first) {
            Some(namespace) => namespace.processes(),
            None if first.is_alive() => Ok(vec![first.pid]),
            None => Ok(Vec::new()),
        }
    }

    fn own_pid_namespace(&self, first: Identity) -> Option<PidNamespace> {
        let is_own = self.namespaces.contains(&Namespace::Pid) && !self.joined_pid;
        if is_own { PidNamespace::of(first) } else { None }
    }

    /// Ends what a runtime that was killed has left.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be signalled.
    pub(super) fn end_launched(&self, patience_ms: u16) -> Result<(), Error> {
        let failed = |source| Error::io("end the process of", &self.id, source);
        let process = self.launched.map_or(Ok(None), |process| process.identity.open());
        let Some(process) = process.map_err(failed)? else { return Ok(()) };
        match crate::sys::send_signal(process.as_fd(), libc::SIGKILL) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Ok(()),
            sent => sent.map_err(failed)?,
        }
        Identity::wait_gone(&process, patience_ms).map_err(failed).map(drop)
    }

    /// Sends a signal to all of them; one that has ended meanwhile is no error.
    ///
    /// # Errors
    /// [`Error::Io`] when one cannot be signalled.
    pub(super) fn signal_namespace(&self, signal: i32) -> Result<(), Error> {
        let Some(first) = self.init.map(|init| init.identity) else { return Ok(()) };
        let Some(namespace) = self.own_pid_namespace(first) else {
            return match first.open().map_err(|source| signal_failed(first.pid, source))? {
                Some(process) => send(first.pid, &process, signal),
                None => Ok(()),
            };
        };
        for pid in namespace.processes()? {
            if let Some(process) = namespace.open(pid) {
                send(pid, &process, signal)?;
            }
        }
        Ok(())
    }
}

/// A container's pid namespace. As long as it is open its number is no other's.
struct PidNamespace(File);

impl PidNamespace {
    /// Of a container's first process; `None` when that is gone, or somebody else's, or in the namespace of this
    /// process, whose processes are the host's.
    fn of(first: Identity) -> Option<PidNamespace> {
        let namespace = PidNamespace(File::open(namespace_file(first.pid)).ok()?);
        // Asked after it was opened: so it is of that process, and of no later one with its number.
        let is_its = matches!(first.open(), Ok(Some(_)));
        (is_its && !namespace.is_at("/proc/self/ns/pid")).then_some(namespace)
    }

    /// By their ids here, ascending.
    fn processes(&self) -> Result<Vec<i32>, Error> {
        let entries = fs::read_dir("/proc").map_err(|source| Error::io("read", "/proc", source))?;
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut pids: Vec<i32> = pids.filter(|pid| self.has(*pid)).collect();
        pids.sort_unstable();
        Ok(pids)
    }

    /// A process of it; `None` when it is gone, and for any other with its number.
    fn open(&self, pid: i32) -> Option<OwnedFd> {
        let process = sys::pidfd_open(pid).ok()?;
        // Asked after the descriptor was opened, as above.
        self.has(pid).then_some(process)
    }

    fn has(&self, pid: i32) -> bool {
        self.is_at(&namespace_file(pid))
    }

    /// A file that cannot be looked at is of a process that is gone, or somebody else's.
    fn is_at(&self, file: &str) -> bool {
        let key = |found: fs::Metadata| (found.dev(), found.ino());
        match (self.0.metadata(), fs::metadata(file)) {
            (Ok(own), Ok(other)) => key(own) == key(other),
            _ => false,
        }
    }
}

fn namespace_file(pid: i32) -> String {
    format!("/proc/{pid}/ns/pid")
}

fn send(pid: i32, process: &OwnedFd, signal: i32) -> Result<(), Error> {
    match sys::send_signal(process.as_fd(), signal) {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        sent => sent.map_err(|source| signal_failed(pid, source)),
    }
}

fn signal_failed(pid: i32, source: io::Error) -> Error {
    Error::io("signal process", pid.to_string(), source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::skip;
    use std::process::{Child, Command};
    use std::time::{Duration, Instant};

    /// The first process of a pid namespace of its own, below one that waits for it.
    struct First(Child, Identity);

    impl First {
        fn new() -> Self {
            let holder = Command::new("unshare").args(["--pid", "--fork", "sleep", "600"]).spawn();
            let holder = holder.expect("unshare, of util-linux");
            let known = Identity::of(holder.id() as i32).expect("it runs");
            let mut first = First(holder, known);
            let children = format!("/proc/{0}/task/{0}/children", known.pid);
            let end = Instant::now() + Duration::from_secs(10);
            loop {
                let found = fs::read_to_string(&children).expect("its children");
                if let Ok(pid) = found.trim().parse() {
                    first.1 = Identity::of(pid).expect("it runs");
                    return first;
                }
                assert!(Instant::now() < end, "unshare makes no process");
                std::thread::sleep(Duration::from_millis(1));
            }
        }

        /// Its parent reaps it and ends.
        fn end(&mut self) {
            if let Ok(Some(process)) = self.1.open() {
                let _ = send(self.1.pid, &process, libc::SIGKILL);
            }
            let _ = self.0.wait();
        }
    }

    impl Drop for First {
        fn drop(&mut self) {
            self.end();
        }
    }

    #[test]
    fn only_the_processes_of_the_namespace_are_its() {
        if !nix::unistd::geteuid().is_root() {
            return skip("making a pid namespace needs root");
        }
        let mut first = First::new();
        let pid = first.1.pid;
        let later = Identity { start_time: first.1.start_time + 1, ..first.1 };
        assert!(PidNamespace::of(later).is_none(), "the number of a process that is gone");
        let later = Identity { pidfd_inode: Some(1), ..first.1 };
        assert!(PidNamespace::of(later).is_none(), "the same, within a tick of the clock");
        let namespace = PidNamespace::of(first.1).expect("it runs");
        assert_eq!(namespace.processes().expect("a list"), [pid]);
        assert!(namespace.open(pid).is_some());
        // Numbers of processes that are elsewhere, as a listed one is when it was used again.
        for stranger in [std::process::id(), first.0.id()] {
            assert!(namespace.open(stranger as i32).is_none());
        }
        first.end();
        assert!(PidNamespace::of(first.1).is_none());
        assert!(namespace.processes().expect("a list").is_empty());
    }

    #[test]
    fn the_namespace_of_this_process_is_no_containers() {
        let this = Identity::of(std::process::id() as i32).expect("it runs");
        assert!(PidNamespace::of(this).is_none());
    }
}
