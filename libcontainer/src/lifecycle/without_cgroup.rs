//! The processes of a container that has no cgroup: those of its pid namespace.

use crate::error::Error;
use crate::plan::Namespace;
use crate::process::identity::Identity;
use crate::state::Record;
use std::fs;
use std::os::fd::AsFd;

impl Record {
    /// The processes of the container's own pid namespace, by their ids here, ascending; without one only its first
    /// process is known to be its.
    ///
    /// # Errors
    /// [`Error::Io`] when /proc cannot be read.
    pub(super) fn processes_of_namespace(&self) -> Result<Vec<i32>, Error> {
        let Some(init) = self.init.filter(|init| init.identity.is_alive()) else {
            return Ok(Vec::new());
        };
        let pid = init.identity.pid;
        if !self.namespaces.contains(&Namespace::Pid) || self.joined_pid {
            return Ok(vec![pid]);
        }
        let Some(namespace) = pid_namespace(pid) else { return Ok(vec![pid]) };
        let entries = fs::read_dir("/proc").map_err(|source| Error::io("read", "/proc", source))?;
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut pids: Vec<i32> =
            pids.filter(|pid| pid_namespace(*pid).as_ref() == Some(&namespace)).collect();
        pids.sort_unstable();
        Ok(pids)
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
        for pid in self.processes_of_namespace()? {
            let Ok(process) = crate::sys::pidfd_open(pid) else { continue };
            match crate::sys::send_signal(process.as_fd(), signal) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                sent => {
                    sent.map_err(|source| Error::io("signal process", pid.to_string(), source))?
                }
            }
        }
        Ok(())
    }
}

/// Which namespace a process is in; `None` when it is gone or somebody else's.
fn pid_namespace(pid: i32) -> Option<std::path::PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}
