//! Attending a process in the foreground: signals are passed on to it, orphans are reaped, its terminal
//! is joined to ours, and its status is never missed.

use super::notify::Readiness;
use super::terminal::{Side, Terminal};
use crate::error::Error;
use crate::process::children::Others;
use crate::process::{Exit, Process};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// How long a process is attended without anything happening before [`Foreground::when_quiet`] is called: what lives for
/// milliseconds shall not pay for it.
const QUIET_MS: u8 = 100;

/// Who reaps processes of a container that outlive their parents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Orphans {
    /// Whoever does so anyway, as init. Of its children this program reaps the container's processes alone, each by its
    /// pidfd.
    #[default]
    Leave,
    /// This program: meanwhile it is a child subreaper (PR_SET_CHILD_SUBREAPER(2const)), and **every** child of it that
    /// ends is reaped. Only for a program that has no other children.
    Adopt,
}

/// Takes what a program in the foreground has, its signals and its standard streams, for a process of a container.
/// Nothing else in this library touches them.
///
/// From [`Self::begin`] until it is dropped all signals are blocked in this thread and read from a signalfd; so it is
/// begun before the process is started, and no signal is lost. A signal to the program goes to any thread that does
/// not block it: in a program with threads the others have to block what is to be passed on.
///
/// ```no_run
/// use libcontainer::{CreateOptions, Foreground, Orphans, Runtime};
///
/// let foreground = Foreground::begin(Orphans::Leave)?;
/// let web = Runtime::new("/run/creel").run("web", &CreateOptions::new("/srv/web").take_terminal())?;
/// let exit = foreground.attend(&web.process, web.terminal)?;
/// web.container.delete(true)?;
/// std::process::exit(exit.code());
/// # #[allow(unreachable_code)]
/// # Ok::<(), libcontainer::Error>(())
/// ```
#[derive(Debug)]
pub struct Foreground {
    signals: SignalFd,
    previous: SigSet,
    orphans: Orphans,
    was_subreaper: bool,
    pub(super) when_quiet: Option<fn()>,
    /// The mask is of this thread.
    of_this_thread: PhantomData<*const ()>,
}

impl Foreground {
    /// Blocks all signals, but those that libc keeps for itself (32 and 33, with musl 34 too), and, if it is to, adopts
    /// orphans.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no descriptor left for the signalfd.
    pub fn begin(orphans: Orphans) -> Result<Self, Error> {
        let failed = |errno: nix::Error| Error::io("watch for signals", "", errno.into());
        // Faults of our own end us all the same (signal(7)).
        let caught = SigSet::all();
        let signals = SignalFd::with_flags(&caught, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
            .map_err(failed)?;
        let was_subreaper = prctl::get_child_subreaper().map_err(failed)?;
        let previous = caught.thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(failed)?;
        // Its Drop undoes what was done until here when the rest fails.
        let foreground = Foreground {
            signals,
            previous,
            orphans,
            was_subreaper,
            when_quiet: None,
            of_this_thread: PhantomData,
        };
        if orphans == Orphans::Adopt {
            prctl::set_child_subreaper(true)
                .map_err(|errno| Error::io("become a subreaper", "", errno.into()))?;
        }
        Ok(foreground)
    }

    /// What is called, once for each process that is attended, when nothing has happened for a tenth of a second: the process
    /// may well run for days, and the program can give back what it does not need meanwhile.
    #[must_use]
    pub fn when_quiet(mut self, call: fn()) -> Self {
        self.when_quiet = Some(call);
        self
    }

    /// Waits for the process to end. Signals but SIGCHLD and SIGURG are passed on to it. With its terminal, standard
    /// input and output are joined to that: our own terminal is raw meanwhile, SIGWINCH gives its size on, and it is as it
    /// was before when this returns, with whatever outcome.
    ///
    /// # Errors
    /// [`Error::Io`] when standard output cannot be written to any more; the process goes on then. As
    /// [`Process::wait`].
    pub fn attend(&self, process: &Process, terminal: Option<OwnedFd>) -> Result<Exit, Error> {
        self.attend_with(process, terminal, None)
    }

    /// As [`Self::attend`]; of the process's readiness whoever waits for that is told.
    pub(super) fn attend_with(
        &self,
        process: &Process,
        terminal: Option<OwnedFd>,
        readiness: Option<&Readiness>,
    ) -> Result<Exit, Error> {
        let failed = |source: io::Error| Error::io("attend the container's process", "", source);
        let others = process.container().map(|container| Others::of(container, process.pid()));
        let mut others = others.transpose().map_err(failed)?;
        let mut terminal = terminal.map(Terminal::join).transpose()?;
        let mut when_quiet = self.when_quiet;
        loop {
            let more = others.iter().flat_map(Others::watched).chain(readiness.map(Readiness::fd));
            let waited = self.wait_for_event(process, more, terminal.as_ref(), &mut when_quiet);
            let (ended, side) = waited.map_err(failed)?;
            // This process is the manager's, so the container's is not named. Nothing there is no error.
            readiness.map(|readiness| readiness.relay(None));
            others.iter_mut().for_each(Others::see_to);
            // Signals that come too late are for those who wait for the rest of the output.
            if !ended {
                self.pass_on(process, terminal.as_mut()).map_err(failed)?;
            }
            if let (Some(terminal), Some(side)) = (&mut terminal, side) {
                terminal.relay(side).map_err(failed)?;
            }
            if ended {
                let exit = process.wait()?;
                if let Some(terminal) = &mut terminal {
                    self.show_rest(terminal);
                }
                return Ok(exit);
            }
        }
    }

    /// Whether the process has ended, and which side of the terminal has something for the other.
    fn wait_for_event<'f>(
        &self,
        process: &Process,
        others: impl Iterator<Item = BorrowedFd<'f>>,
        terminal: Option<&Terminal>,
        when_quiet: &mut Option<fn()>,
    ) -> io::Result<(bool, Option<Side>)> {
        let mut watched = vec![
            PollFd::new(process.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
        ];
        let (sides, more): (Vec<Side>, Vec<PollFd<'_>>) =
            terminal.map(Terminal::watched).unwrap_or_default().into_iter().unzip();
        watched.extend(more);
        watched.extend(others.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let patience = match when_quiet {
            Some(_) => PollTimeout::from(QUIET_MS),
            None => PollTimeout::NONE,
        };
        let mut polled = poll(&mut watched, patience);
        if let Some(call) = when_quiet.take_if(|_| polled == Ok(0)) {
            call();
            // At once: what is between the two is needed by the program while it waits.
            polled = poll(&mut watched, PollTimeout::NONE);
        }
        match polled {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
        let side = watched[2..].iter().take(sides.len()).position(ready).map(|index| sides[index]);
        Ok((ready(&watched[0]), side))
    }

    fn pass_on(&self, process: &Process, mut terminal: Option<&mut Terminal>) -> io::Result<()> {
        while let Some(signal) = self.signals.read_signal()? {
            let number = signal.ssi_signo as i32;
            match (number, terminal.as_deref_mut()) {
                (libc::SIGCHLD, _) => {
                    if self.orphans == Orphans::Adopt {
                        reap_orphans(Some(process.pid()));
                    }
                    continue;
                }
                // Only a sign from the kernel to us.
                (libc::SIGURG, _) => continue,
                // The kernel tells the container when its terminal's size changes.
                (libc::SIGWINCH, Some(terminal)) => {
                    terminal.copy_size()?;
                    continue;
                }
                (libc::SIGCONT, Some(terminal)) => terminal.resume()?,
                _ => {}
            }
            match crate::sys::send_signal(process.as_fd(), number) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// What the process wrote before it ended. A signal, which nobody is there for any more, ends it: whoever should
    /// read our output may not be doing so.
    fn show_rest(&self, terminal: &mut Terminal) {
        while terminal.has_rest().unwrap_or(false) {
            let mut watched = [
                PollFd::new(Terminal::output(), PollFlags::POLLOUT),
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            ];
            let polled = poll(&mut watched, PollTimeout::NONE);
            let writable = watched[0].revents().is_some_and(|events| !events.is_empty());
            let outcome = match polled {
                Err(nix::Error::EINTR) => Ok(()),
                Err(errno) => Err(errno.into()),
                Ok(_) if writable => terminal.write_output(),
                Ok(_) if self.has_ending_signal() => return,
                Ok(_) => Ok(()),
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    fn has_ending_signal(&self) -> bool {
        let ends = |number| matches!(number, libc::SIGTERM | libc::SIGINT | libc::SIGHUP);
        while let Ok(Some(signal)) = self.signals.read_signal() {
            if ends(signal.ssi_signo as i32) {
                return true;
            }
        }
        false
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        // They were meant for a process that has ended.
        while let Ok(Some(_)) = self.signals.read_signal() {}
        if self.orphans == Orphans::Adopt {
            reap_orphans(None);
            let _ = prctl::set_child_subreaper(self.was_subreaper);
        }
        // It was the mask before, so it can be again.
        let _ = self.previous.thread_set_mask();
    }
}

/// Reaps every child that has ended but the container's own process, whose status is wanted.
fn reap_orphans(own: Option<i32>) {
    let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    loop {
        let pid = match waitid(Id::All, peek) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) => pid,
            _ => return,
        };
        if Some(pid.as_raw()) == own {
            return;
        }
        let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG);
    }
}
