//! `events`: what a container uses, time and again, and word of what it lacked.

use super::{Container, pause, state};
use crate::cgroups::stats::Stats;
use crate::cgroups::{Cgroup, Happened, OomWatch};
use crate::error::Error;
use crate::state::Status;
use std::time::{Duration, Instant};

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The interval is over: what it has used until now.
    Stats(Box<Stats>),
    /// Its memory ran out, and a process was killed for it.
    Oom,
}

/// The events of one container.
#[derive(Debug)]
pub struct Events {
    cgroup: Cgroup,
    oom: OomWatch,
    interval: Duration,
    next: Instant,
}

impl Container {
    /// What the container has used until now.
    ///
    /// # Errors
    /// [`Error::Status`] when it is stopped.
    pub fn stats(&self) -> Result<Stats, Error> {
        Ok(self.measured()?.stats()?)
    }

    /// Begins to watch the container; the first statistics come after one interval.
    ///
    /// # Errors
    /// As [`Container::stats`].
    pub fn events(&self, interval: Duration) -> Result<Events, Error> {
        let cgroup = self.measured()?;
        let oom = cgroup.watch_oom()?;
        Ok(Events { cgroup, oom, interval, next: Instant::now() + interval })
    }

    fn measured(&self) -> Result<Cgroup, Error> {
        let record = self.store.read(&self.id)?;
        let status = state::status(&record, false)?;
        match status {
            Status::Stopped => {
                Err(Error::Status { action: "measure", id: self.id.clone(), status })
            }
            _ => pause::cgroup(&record),
        }
    }
}

impl Events {
    /// Waits for the next event; `None` when the container's cgroup is gone.
    ///
    /// # Errors
    /// [`Error::Cgroup`].
    pub fn wait(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let left = self.next.saturating_duration_since(Instant::now());
            match self.oom.wait(left)? {
                Happened::Gone => return Ok(None),
                Happened::Oom => return Ok(Some(Event::Oom)),
                Happened::Nothing if Instant::now() < self.next => {}
                Happened::Nothing => {
                    self.next = (self.next + self.interval).max(Instant::now());
                    return match self.cgroup.stats() {
                        Ok(stats) => Ok(Some(Event::Stats(Box::new(stats)))),
                        // It went while it was being read.
                        Err(error) if error.is_gone() => Ok(None),
                        Err(error) => Err(error.into()),
                    };
                }
            }
        }
    }
}
