//! Starting creel-init with a plan.

use super::conversation::{Conversation, Event, Sender};
use super::identity::is_child;
use super::image;
use super::stdio::{Clear, Handed, clear};
use super::wait;
use crate::plan::Namespace;
use crate::sys::{self, Child, ChildError, CloneRequest, Entrance};
use creel_wire::owned;
use std::borrow::Borrow;
use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// What creel-init is started with.
pub(crate) struct Launch<'a, S> {
    pub(crate) steps: &'a [S],
    /// The descriptors of slots 1 and on; slot 0 is the socket.
    pub(crate) descriptors: &'a [BorrowedFd<'a>],
    /// What the container's process has open.
    pub(crate) handed: Handed<'a>,
    /// CLONE_NEW* flags.
    pub(crate) namespaces: u64,
    /// The way into those of them that are made already; with `vfork` only.
    pub(crate) entrance: Option<Entrance<'a>>,
    pub(crate) cgroup: Option<BorrowedFd<'a>>,
    pub(crate) vfork: bool,
}

/// A running creel-init.
pub(crate) struct Init {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) conversation: Conversation,
    second: Second,
    /// Who sent what was heard last; asked for while a second process is to come.
    sender: Sender,
    /// The last one to be heard besides the first process.
    other_sender: Sender,
}

/// The process inside a joined pid namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    /// There is none, or [`Init`] is it by now.
    NoMore,
    /// The first will make it, and tell its pid.
    ToCome,
    /// The first has ended without telling.
    Untold,
}

/// How long a creel-init that is on its way into a pid namespace may take to get there, and a killed one to end; one in a
/// frozen cgroup does neither.
const PATIENCE: Duration = Duration::from_millis(PATIENCE_MS as u64);
pub(crate) const PATIENCE_MS: u16 = 2000;

impl Init {
    /// Waits for the next event. That the first process was killed before it told the pid of the second is
    /// [`Event::Closed`]: the second holds the connection open.
    pub(crate) fn next(&mut self) -> io::Result<Event> {
        if self.second == Second::ToCome
            && !self.conversation.is_heard_before_end_of(self.pidfd.as_fd())?
        {
            self.second = Second::Untold;
            return Ok(Event::Closed);
        }
        self.conversation.next_and_sender().map(|heard| self.heard(heard))
    }

    fn heard(&mut self, (event, sender): (Event, Sender)) -> Event {
        self.sender = sender;
        self.other_sender = sender.filter(|pid| *pid != self.pid).or(self.other_sender);
        event
    }

    /// creel-init went on in a sibling inside the joined pid namespace, as it just said; the first process has done its part.
    pub(crate) fn enter_second_process(&mut self, pid: i32) -> io::Result<()> {
        // Only the first is believed, which nobody inside can see: whoever traces the second could let it name any process.
        // As long as the first is not reaped its pid is no other's.
        if self.second != Second::ToCome || self.sender != Some(self.pid) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "somebody else than creel-init named its second process; is it traced?",
            ));
        }
        self.second = Second::NoMore;
        let second = sys::pidfd_open(pid).inspect_err(|_| wait::end_child(pid, PATIENCE))?;
        wait::reap_within(self.pidfd.as_fd(), PATIENCE_MS);
        self.pid = pid;
        self.pidfd = second;
        Ok(())
    }

    /// Whether the process that is to be the container's has not told its pid yet.
    pub(crate) fn is_first(&self) -> bool {
        self.second != Second::NoMore
    }

    /// Ends and reaps it; one in a frozen cgroup ends when that is thawed.
    pub(crate) fn end(&mut self) {
        if self.is_first() {
            self.await_second();
        }
        // ESRCH: it has ended by itself.
        let _ = sys::send_signal(self.pidfd.as_fd(), libc::SIGKILL);
        if !wait::reap_within(self.pidfd.as_fd(), PATIENCE_MS) {
            log::warn!(
                "process {} does not end before its cgroup is thawed, or whoever traces it lets it go",
                self.pid
            );
        }
    }

    /// A first process that is killed takes the pid of the second with it, which then is nobody's to reap. So both are let
    /// go on until they wait for a word, which they are told will not come.
    fn await_second(&mut self) {
        if self.conversation.hang_up().is_err() {
            return;
        }
        let end = Instant::now() + PATIENCE;
        while let Ok(Some(heard)) = self.conversation.next_before(end) {
            match self.heard(heard) {
                Event::Pid(pid) if self.enter_second_process(pid).is_ok() => return,
                Event::Closed => break,
                _ => {}
            }
        }
        self.end_untold();
    }

    /// Killed before it told, the first leaves a second that is known by what it said when it was hung up on. Somebody who
    /// traces that one could pass another child for it, but only one that is inside as well.
    fn end_untold(&self) {
        if let Some(pid) = self.other_sender.filter(|pid| is_child(*pid)) {
            wait::end_child(pid, PATIENCE);
        }
    }
}

/// Why creel-init could not be started.
#[derive(Debug)]
pub enum LaunchError {
    /// Making the sealed copy of creel-init or the plan.
    Memfd(io::Error),
    /// The plan is larger than creel-init accepts.
    TooLarge,
    /// Making the socket to talk over.
    Socket(io::Error),
    /// clone3(2).
    Clone(io::Error),
    /// clone3(2) with a new user namespace.
    CloneUser(io::Error),
    /// setns(2) into namespaces that were made ahead.
    Enter(io::Error),
    /// execveat(2) of creel-init.
    Exec(io::Error),
    /// Duplicating a descriptor that the process is to have.
    Duplicate(io::Error),
}

impl LaunchError {
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            LaunchError::CloneUser(source) => super::refusal::advice(source.raw_os_error()),
            _ => None,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchError::Memfd(_) => f.write_str(
                "cannot make a sealed copy of creel-init in memory (see sysctl vm.memfd_noexec)",
            ),
            LaunchError::TooLarge => f.write_str("config.json makes a plan of more than 16 MiB"),
            LaunchError::Socket(_) => f.write_str("cannot make a socket pair"),
            LaunchError::Clone(source) if source.raw_os_error() == Some(libc::EPERM) => {
                f.write_str("cannot make the container's namespaces; run as root")
            }
            LaunchError::Clone(source) if source.raw_os_error() == Some(libc::ENOSPC) => f
                .write_str(
                    "cannot make the container's namespaces; see sysctl user.max_*_namespaces",
                ),
            LaunchError::Clone(source) if source.raw_os_error() == Some(libc::EAGAIN) => f
                .write_str(
                    "cannot start a process: there are too many; see linux.resources.pids.limit, \
                 RLIMIT_NPROC and sysctl kernel.pid_max",
                ),
            LaunchError::CloneUser(_) => f.write_str("cannot make the container's user namespace"),
            LaunchError::Enter(_) => f.write_str("cannot enter the container's namespaces"),
            LaunchError::Clone(_) => f.write_str("cannot make the container's namespaces"),
            LaunchError::Duplicate(_) => f.write_str("cannot duplicate a descriptor"),
            LaunchError::Exec(_) => f.write_str("cannot execute creel-init"),
        }
    }
}

impl std::error::Error for LaunchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LaunchError::Memfd(source)
            | LaunchError::Socket(source)
            | LaunchError::Clone(source)
            | LaunchError::Enter(source)
            | LaunchError::Duplicate(source)
            | LaunchError::CloneUser(source)
            | LaunchError::Exec(source) => Some(source),
            LaunchError::TooLarge => None,
        }
    }
}

/// Clones creel-init into its namespaces and hands it the plan.
pub(crate) fn launch<S: Borrow<owned::Step>>(launch: &Launch<'_, S>) -> Result<Init, LaunchError> {
    let (conversation, theirs) = Conversation::pair().map_err(LaunchError::Socket)?;
    let is_second = |step: &S| matches!(step.borrow(), owned::Step::EnterPidNamespace { .. });
    let mut second = Second::NoMore;
    if launch.steps.iter().any(is_second) {
        second = Second::ToCome;
        conversation.ask_for_senders().map_err(LaunchError::Socket)?;
    }
    let first_free = launch.handed.first_free();
    let theirs = clear(theirs.as_fd(), first_free)?;
    let program = image::program().map_err(LaunchError::Memfd)?;
    let program = clear(program.as_fd(), first_free)?;
    let descriptors = launch.descriptors.iter().map(|descriptor| clear(*descriptor, first_free));
    let descriptors: Vec<Clear<'_>> = descriptors.collect::<Result<_, _>>()?;
    let moves = launch.handed.moves()?;

    let number = |fd: &Clear<'_>| fd.as_fd().as_raw_fd();
    let mut numbers: Vec<RawFd> = vec![number(&theirs)];
    numbers.extend(descriptors.iter().map(number));
    let bytes = owned::encode(launch.steps, &numbers).map_err(|_| LaunchError::TooLarge)?;
    let plan = image::sealed(c"creel-plan", &bytes).map_err(LaunchError::Memfd)?;
    let plan = clear(plan.as_fd(), first_free)?;
    let arguments = [number(&plan), number(&theirs)].map(decimal);
    numbers.push(number(&plan));
    numbers.extend((3..).take(launch.handed.preserved as usize));
    let moves: Vec<_> = moves.iter().map(|(from, to)| (number(from), *to)).collect();
    let request = CloneRequest {
        namespaces: launch.namespaces,
        entrance: None,
        cgroup: launch.cgroup,
        vfork: launch.vfork,
        keep_capabilities: launch.namespaces & u64::from(Namespace::User.flag()) != 0,
        program: program.as_fd(),
        arguments: &[c"creel-init", &arguments[0], &arguments[1]],
        inherited: &numbers,
        moves: &moves,
    };
    let (pid, pidfd) = match launch.entrance {
        Some(entrance) => clone_into(&request, entrance)?,
        None => clone(&request)?,
    };
    Ok(Init { pid, pidfd, conversation, second, sender: None, other_sender: None })
}

/// Into namespaces that are made already; if that does not work out, into new ones.
fn clone_into(
    request: &CloneRequest<'_>,
    entrance: Entrance<'_>,
) -> Result<(i32, OwnedFd), LaunchError> {
    let namespaces = request.namespaces & !entrance.flags();
    match clone(&CloneRequest { namespaces, entrance: Some(entrance), ..*request }) {
        Err(LaunchError::Enter(error)) => {
            log::debug!("there are no namespaces that were made ahead: {error}");
            clone(request)
        }
        cloned => cloned,
    }
}

fn clone(request: &CloneRequest<'_>) -> Result<(i32, OwnedFd), LaunchError> {
    let child = sys::clone_and_exec(request).map_err(|source| match request.keep_capabilities {
        true if source.raw_os_error() != Some(libc::EAGAIN) => LaunchError::CloneUser(source),
        _ => LaunchError::Clone(source),
    });
    let Child { pid, pidfd, error } = child?;
    let Some(error) = error else { return Ok((pid, pidfd)) };
    wait::reap(pidfd.as_fd());
    Err(match error {
        ChildError::Enter(source) => LaunchError::Enter(source),
        ChildError::Exec(source) => LaunchError::Exec(source),
    })
}

fn decimal(number: RawFd) -> CString {
    // Digits hold no NUL.
    CString::new(number.to_string()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
