//! `exec`: one more process in a running container.

use super::admission::{set_limits, set_oom_score, set_scheduling, write_pid_file};
use super::create::TerminalFor;
use super::exec_options::ExecOptions;
use super::exec_settings::settings;
use super::exec_target::cgroup_to_enter;
use super::foreground::{Foreground, Orphans};
use super::listener::{Agent, Asked};
use super::talk::{died, enter_second_process, go, next_of};
use super::{Container, Running, console, descriptors, pidfd_socket, start, state, warn};
use crate::cgroups::Cgroup;
use crate::error::Error;
use crate::lsm;
use crate::plan::{Descriptor, ExecPlan, ExecRequest, Host, enters_late, plan_exec};
use crate::process::conversation::{Event, Report};
use crate::process::launch::{Init, Launch, launch};
use crate::process::{Exit, Handed, Process, StepError};
use crate::spec;
use crate::state::{Record, Status};
use crate::trace::{self, Trace};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What an exec does, worked out and ready to be started.
struct Work<'a> {
    options: &'a ExecOptions,
    record: Record,
    /// What the container was found in.
    status: Status,
    process: spec::Process,
    plan: ExecPlan,
    cgroup: Cgroup,
    in_cgroup: bool,
}

impl ExecOptions {
    fn handed(&self) -> Handed<'_> {
        Handed { stdio: &self.stdio, preserved: self.preserve_fds, files: &self.files }
    }
}

impl Container {
    /// Runs one more process in the container, with the container's own process settings and the given
    /// ones above them; returns when its program runs.
    ///
    /// # Errors
    /// [`Error::Status`] when the container is stopped or paused, [`Error::Step`] when the process cannot
    /// be set up or its program not be executed.
    pub fn exec(&self, options: &ExecOptions) -> Result<Running, Error> {
        let nobody = "a detached exec with a terminal needs --console-socket to hand it to";
        let terminal = match options.take_terminal {
            true => TerminalFor::Caller,
            false => TerminalFor::Socket { otherwise: nobody },
        };
        self.exec_with(options, terminal)
    }

    /// As [`Self::exec`], with the caller's standard streams and signals, until the process has ended: see
    /// [`Foreground`].
    ///
    /// # Errors
    /// As [`Self::exec`] and [`Foreground::attend`]; then the process is ended.
    pub fn exec_in_foreground(&self, options: &ExecOptions) -> Result<Exit, Error> {
        let mut foreground = Foreground::begin(Orphans::Leave)?;
        foreground.when_quiet = options.when_quiet;
        let running = self.exec_with(options, TerminalFor::Caller)?;
        foreground.attend(&running.process, running.terminal).inspect_err(|_| {
            // ESRCH: it has ended by itself.
            let _ = running.process.signal(libc::SIGKILL);
            let _ = running.process.wait();
        })
    }

    fn exec_with(&self, options: &ExecOptions, terminal: TerminalFor) -> Result<Running, Error> {
        let _trace = Trace::begin();
        let work = self.work_out_exec(options, terminal)?;
        trace::done("planned");
        warn(&work.plan.warnings);
        let (mut init, times) =
            self.join(&work).map_err(|error| self.explained(&work.record, error))?;
        match prepare(&mut init, &work) {
            Ok(terminal) => {
                trace::done("waited for the program to run");
                trace::inside(times, &work.plan.inside);
                let identity = work.record.init.map(|init| init.identity);
                let process = Process::started(identity, init.pid, init.pidfd);
                Ok(Running { container: self.clone(), process, terminal })
            }
            Err(error) => {
                init.end();
                Err(self.explained(&work.record, error))
            }
        }
    }

    /// Looks, checks, plans.
    fn work_out_exec<'a>(
        &self,
        options: &'a ExecOptions,
        terminal: TerminalFor,
    ) -> Result<Work<'a>, Error> {
        super::check_preserved(options.preserve_fds)?;
        let (record, status) = self.running(options.ignore_paused)?;
        // Never without: they say what it may not do.
        let not_created =
            || Error::Status { action: "exec in", id: self.id.clone(), status: Status::Creating };
        let own = record.process.as_ref().ok_or_else(not_created)?;
        let process = settings(own, &options.process);
        spec::check_process(&process)?;
        check_terminal(&process, options, terminal)?;
        lsm::check(Some(&process), None)?;
        let cgroup = cgroup_to_enter(&record, &options.sub_cgroups)?;
        let late = enters_late(&process) || record.rdt.is_some();
        let in_cgroup = cgroup.fd().is_some() && cgroup.takes_clones() && !late;
        // Only root can write the score of what is not dumpable any more.
        let host = Host::for_exec()?;
        let scored_first = process.oom_score_adj().is_some() && host.user.0 != 0;
        let request = ExecRequest {
            id: &self.id,
            process: &process,
            namespaces: &record.namespaces,
            preserve_fds: options.handed().count(),
            no_new_keyring: record.no_new_keyring,
            traced: trace::is_on(),
            surroundings: &record.surroundings,
            admitted: !in_cgroup || scored_first,
            filter: record.seccomp.as_ref(),
        };
        let plan = plan_exec(&request, &host)?;
        Ok(Work { options, record, status, process, plan, cgroup, in_cgroup })
    }

    /// When the container has ended meanwhile, that is why whatever failed did.
    fn explained(&self, record: &Record, error: Error) -> Error {
        match record.init.is_some_and(|init| init.identity.is_alive()) {
            true => error,
            false => Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped },
        }
    }

    fn running(&self, ignore_paused: bool) -> Result<(Record, Status), Error> {
        let (directory, mut record) = self.store.look(&self.id)?;
        let status = state::status(&record, crate::state::waits_for_start(&directory))?;
        match status {
            Status::Running | Status::Created => {}
            Status::Paused if ignore_paused => {}
            status => return Err(Error::Status { action: "exec", id: self.id.clone(), status }),
        }
        if let Some(filter) = &mut record.seccomp {
            filter.program = self.store.filter(&self.id, &directory)?;
        }
        Ok((record, status))
    }

    /// Starts creel-init, outside of everything but the container's cgroup.
    fn join(&self, work: &Work<'_>) -> Result<(Init, Option<OwnedFd>), Error> {
        let Work { record, plan, cgroup, in_cgroup, .. } = work;
        let stopped =
            || Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped };
        let process = record.init.map_or(Ok(None), |init| init.identity.open());
        let process =
            process.map_err(|source| Error::io("open the process of", &self.id, source))?;
        let process: OwnedFd = process.ok_or_else(stopped)?;
        let root = self.root_of(record, &process, plan)?;
        let report = record.seccomp.as_ref().map(|_| descriptors::report()).transpose()?;
        let times = trace::is_on().then(|| descriptors::times(plan.inside.len())).transpose()?;
        // Slot 0 is the conversation, which the launch makes.
        let opened = plan.descriptors.iter().skip(1).map(|descriptor| match descriptor {
            Descriptor::ProcessRoot => root.as_ref().map_or(process.as_fd(), AsFd::as_fd),
            Descriptor::Times => times.as_ref().map_or(process.as_fd(), AsFd::as_fd),
            Descriptor::Report => report.as_ref().map_or(process.as_fd(), AsFd::as_fd),
            _ => process.as_fd(),
        });
        let descriptors: Vec<BorrowedFd<'_>> = opened.collect();
        let mut init = launch(&Launch {
            steps: &plan.inside,
            descriptors: &descriptors,
            handed: work.options.handed(),
            namespaces: 0,
            entrance: None,
            cgroup: cgroup.fd().filter(|_| *in_cgroup),
            // Not vfork: in a frozen cgroup the child would hold this process for ever.
            vfork: false,
        })?;
        trace::done("started creel-init");
        match admit(&init, work) {
            Ok(()) => Ok((init, times)),
            Err(error) => {
                init.end();
                Err(error)
            }
        }
    }
}

/// What only this side can do before the process may go on.
fn admit(init: &Init, work: &Work<'_>) -> Result<(), Error> {
    set_oom_score(init.pid, work.process.oom_score_adj())?;
    if work.in_cgroup {
        return if work.plan.admitted { go(&init.conversation) } else { Ok(()) };
    }
    work.cgroup.enter(init.pid)?;
    if let Some(groups) = &work.record.rdt {
        groups.enter(init.pid)?;
    }
    go(&init.conversation)
}

fn check_terminal(
    process: &spec::Process,
    options: &ExecOptions,
    terminal: TerminalFor,
) -> Result<(), Error> {
    let wanted = process.terminal().unwrap_or(false);
    let problem = match (wanted, &options.console_socket, terminal) {
        (true, None, TerminalFor::Socket { otherwise }) => otherwise,
        (false, Some(_), _) => "--console-socket is given, but the process has no terminal",
        _ => return Ok(()),
    };
    Err(Error::Terminal { problem })
}

/// Follows the process until its program runs; the other end of its terminal, where nobody took it.
fn prepare(init: &mut Init, work: &Work<'_>) -> Result<Option<OwnedFd>, Error> {
    let options = work.options;
    let (mut terminal, mut ready) = (None, false);
    let explain = |report: Report| StepError::new(report, &work.plan.inside);
    loop {
        match next_of(init)? {
            Event::Pid(pid) => {
                enter_second_process(init, pid)?;
                if !work.plan.admitted {
                    // It may have been cloned before the first one got its score.
                    set_oom_score(init.pid, work.process.oom_score_adj())?;
                }
            }
            Event::Console(master) => {
                terminal = console::take(master, options.console_socket.as_deref())?;
            }
            // It may say so before the first process has told its pid.
            Event::Ready => ready = true,
            Event::Failed(report) => return Err(Error::Step(Box::new(explain(report)))),
            Event::Closed => {
                let cgroup = work.record.open_cgroup()?;
                return Err(died(init, cgroup.as_ref()));
            }
            _ => {}
        }
        if ready && !init.is_first() {
            break;
        }
    }
    set_scheduling(init.pid, &work.plan.outer_scheduling)?;
    set_limits(init.pid, &work.plan.outer_limits)?;
    if let Some(socket) = &options.pidfd_socket {
        pidfd_socket::send(socket, init.pidfd.as_fd(), pidfd_socket::EXEC)?;
    }
    if let Some(file) = &options.pid_file {
        write_pid_file(file, init.pid)?;
    }
    go(&init.conversation)?;
    let asked = Asked { pid: init.pid, pidfd: init.pidfd.as_fd() };
    let agent = Agent::of(&work.record, asked, work.status);
    start::follow(&init.conversation, agent.as_ref(), explain)?;
    Ok(terminal)
}
