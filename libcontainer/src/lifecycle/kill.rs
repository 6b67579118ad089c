//! `kill`: a signal to the container's process, or to all of its processes.

use super::{Container, state};
use crate::error::Error;
use crate::state::Status;
use std::os::fd::AsFd;

impl Container {
    /// Sends `signal` (a number of signal(7)) to the container's first process, or with `all` to every
    /// process in its cgroup.
    ///
    /// # Errors
    /// [`Error::Status`] when it is stopped; with `all` a stopped container is no error, as engines expect.
    pub fn kill(&self, signal: i32, all: bool) -> Result<(), Error> {
        let record = self.store.read(&self.id)?;
        if all {
            return match record.open_cgroup()? {
                Some(cgroup) => Ok(cgroup.kill_all(signal)?),
                None if record.cgroup.is_none() => record.signal_namespace(signal),
                None => Ok(()),
            };
        }
        let process = record.init.map_or(Ok(None), |init| init.identity.open());
        let process =
            process.map_err(|source| Error::io("open the process of", &self.id, source))?;
        let Some(process) = process else {
            let status = Status::Stopped;
            return Err(Error::Status { action: "kill", id: self.id.clone(), status });
        };
        match crate::sys::send_signal(process.as_fd(), signal) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                let status = Status::Stopped;
                return Err(Error::Status { action: "kill", id: self.id.clone(), status });
            }
            Err(source) => return Err(Error::io("signal the process of", &self.id, source)),
        }
        // What is frozen on v1 dies only when it is thawed.
        if signal == libc::SIGKILL && state::status(&record, false)? == Status::Paused {
            if let Some(cgroup) = record.open_cgroup()? {
                cgroup.kill_all(signal)?;
            }
        }
        Ok(())
    }
}
