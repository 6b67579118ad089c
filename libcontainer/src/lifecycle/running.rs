//! What `run` and `exec` give back: a process that runs.

use super::Container;
use crate::error::Error;
use crate::process::{Exit, Process};
use std::os::fd::OwnedFd;

/// A process that was started in a container.
#[derive(Debug)]
pub struct Running {
    /// The container.
    pub container: Container,
    /// The process: the container's first one after `run`, the one that was asked for after `exec`.
    pub process: Process,
    /// The outer end of its terminal, when it has one that no console socket got. What the process writes has to be
    /// read from it, or it will wait.
    pub terminal: Option<OwnedFd>,
}

impl Running {
    /// Waits for the process to end.
    ///
    /// # Errors
    /// As [`Process::wait`].
    pub fn wait(&self) -> Result<Exit, Error> {
        self.process.wait()
    }
}
