//! The children that were started here and that nobody has waited for yet.
//!
//! They hold one another up: the first process of a pid namespace has not ended before all processes in it are reaped,
//! and those of an exec are this program's to reap. So whoever waits for one process of a container reaps the others
//! that end meanwhile; how they ended is kept for who asks.

use super::handle::Process;
use super::identity::Identity;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

static CHILDREN: Mutex<Children> =
    Mutex::new(Children { processes: Vec::new(), waiters: Vec::new() });

struct Children {
    processes: Vec<Process>,
    waiters: Vec<Weak<Waiter>>,
}

/// Somebody who waits for a process of this container.
struct Waiter {
    container: Identity,
    /// Written when the container gets another process.
    event: EventFd,
}

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a child until it was waited for. Those that have ended and that nobody else knows are reaped now.
pub(super) fn keep(process: &Process) {
    let forgotten = {
        let mut all = children();
        all.processes.push(process.clone());
        let container = process.container();
        for waiter in all.waiters.iter().filter_map(Weak::upgrade) {
            if Some(waiter.container) == container {
                // It can only be too full to need one more.
                let _ = waiter.event.write(1);
            }
        }
        all.waiters.retain(|waiter| waiter.strong_count() > 0);
        all.processes.retain(|process| !process.is_reaped());
        // A handle in the list, and one in this.
        all.processes.iter().filter(|process| process.holders() == 1).cloned().collect::<Vec<_>>()
    };
    reap_ended(&forgotten);
}

/// The first process of a container, if it is a child that was not waited for.
pub(crate) fn first(container: Identity) -> Option<Process> {
    let all = children();
    let is_first = |process: &&Process| {
        process.container() == Some(container) && process.pid() == container.pid
    };
    all.processes.iter().find(is_first).cloned()
}

/// The others of a container while one of its processes is waited for.
pub(crate) struct Others {
    waiter: Arc<Waiter>,
    waited_for: i32,
    processes: Vec<Process>,
}

impl Others {
    /// `waited_for` is the pid of the one.
    pub(crate) fn of(container: Identity, waited_for: i32) -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let waiter = Arc::new(Waiter { container, event: EventFd::from_flags(flags)? });
        children().waiters.push(Arc::downgrade(&waiter));
        let mut others = Others { waiter, waited_for, processes: Vec::new() };
        others.look();
        Ok(others)
    }

    fn look(&mut self) {
        let is_other = |process: &&Process| {
            process.container() == Some(self.waiter.container)
                && process.pid() != self.waited_for
                && !process.is_reaped()
        };
        self.processes = children().processes.iter().filter(is_other).cloned().collect();
    }

    /// Readable when there is something to do.
    pub(crate) fn watched(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.waiter.event.as_fd()).chain(self.processes.iter().map(AsFd::as_fd))
    }

    /// Reaps those that have ended, and learns of new ones.
    pub(crate) fn see_to(&mut self) {
        reap_ended(&self.processes);
        // Empty: it was written for nobody new.
        let _ = self.waiter.event.read();
        self.look();
    }
}

fn reap_ended(processes: &[Process]) {
    for process in processes {
        // That its status cannot be had is for who asks.
        drop(process.reap_if_ended());
    }
}

/// Waits for a process of the container to end; false when it still runs after this time.
pub(crate) fn wait_for_end(
    container: Option<Identity>,
    (pid, pidfd): (i32, BorrowedFd<'_>),
    timeout: Duration,
) -> io::Result<bool> {
    let end = Instant::now() + timeout;
    let mut others = container.map(|container| Others::of(container, pid)).transpose()?;
    loop {
        let mut watched = vec![PollFd::new(pidfd, PollFlags::POLLIN)];
        let more = others.iter().flat_map(Others::watched);
        watched.extend(more.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        // Rounded up, so that the last part of a millisecond is not spent with asking again and again.
        let left = end.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        let left = PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX);
        let polled = poll(&mut watched, left);
        let has_ended = watched[0].revents().is_some_and(|events| !events.is_empty());
        match polled {
            Ok(0) if Instant::now() >= end => return Ok(false),
            Ok(0) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
            Ok(_) if has_ended => return Ok(true),
            Ok(_) => others.iter_mut().for_each(Others::see_to),
        }
    }
}
