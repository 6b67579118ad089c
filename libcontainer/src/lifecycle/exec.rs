//! `exec`: one more process in a running container.

use super::create::{enter_second_process, go, next, write_pid_file};
use super::{Container, console, foreground, start, state, steps, warn};
use crate::error::Error;
use crate::plan::{ExecPlan, ExecRequest, Host, plan_exec};
use crate::process::conversation::{Event, Report};
use crate::process::launch::{Init, Launch, launch};
use crate::process::{Exit, StepError, wait};
use crate::spec;
use crate::state::{Record, Status};
use oci_spec::runtime::Process;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// What to run, and how.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// The whole process, as in config.json; otherwise the container's own settings with `args`.
    pub process: Option<Process>,
    /// The command.
    pub args: Vec<String>,
    /// Variables `NAME=value` added to the container's.
    pub env: Vec<String>,
    /// The working directory, if another.
    pub cwd: Option<PathBuf>,
    /// The user and perhaps the group, if others.
    pub user: Option<(u32, Option<u32>)>,
    /// Groups added to the container's.
    pub additional_gids: Vec<u32>,
    /// Whether it has a terminal, if not as the container.
    pub terminal: Option<bool>,
    /// Whether it may gain no rights by execve, if not as the container.
    pub no_new_privileges: Option<bool>,
    /// Return when the program runs.
    pub detach: bool,
    /// Written with the process's pid.
    pub pid_file: Option<PathBuf>,
    /// A socket that gets the terminal's other end.
    pub console_socket: Option<PathBuf>,
    /// How many descriptors from 3 on the process inherits.
    pub preserve_fds: u32,
    /// Leave orphans of the process to the caller's reaper.
    pub no_subreaper: bool,
}

/// How an exec went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs, with this pid.
    Detached(i32),
    /// It has ended.
    Ended(Exit),
}

impl Container {
    /// Runs one more process in the container, with the container's own process settings and the given
    /// ones above them.
    ///
    /// # Errors
    /// [`Error::Status`] when the container is stopped or paused, [`Error::Step`] when the process cannot
    /// be set up or its program not be executed.
    pub fn exec(&self, options: &ExecOptions) -> Result<Started, Error> {
        let record = self.running()?;
        let process = settings(&record, options);
        spec::check_process(&process)?;
        check_terminal(&process, options)?;
        let plan = plan_exec(
            &ExecRequest {
                id: &self.id,
                process: &process,
                namespaces: &record.namespaces,
                preserve_fds: options.preserve_fds,
                no_new_keyring: record.no_new_keyring,
            },
            &Host::for_exec()?,
        )?;
        warn(&plan.warnings);
        let watch = (!options.detach).then(|| foreground::Watch::new(true)).transpose()?;
        let mut joined = self.join(&record, &plan, options)?;
        let prepared = prepare(&mut joined, &record, &plan, options);
        let terminal = prepared.map_err(|error| abandon(&joined, error))?;
        match watch {
            None => Ok(Started::Detached(joined.pid)),
            Some(watch) => watch.attend(&joined, terminal).map(Started::Ended),
        }
    }

    fn running(&self) -> Result<Record, Error> {
        let directory = self.store.directory(&self.id)?;
        let record = self.store.read(&self.id)?;
        let status = state::status(&record, crate::state::waits_for_start(&directory))?;
        match status {
            Status::Running | Status::Created => Ok(record),
            status => Err(Error::Status { action: "exec", id: self.id.clone(), status }),
        }
    }

    fn join(&self, record: &Record, plan: &ExecPlan, options: &ExecOptions) -> Result<Init, Error> {
        let stopped =
            || Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped };
        let process = record.init.map_or(Ok(None), |init| init.identity.open());
        let process = process.map_err(|source| Error::io("open the process of", &self.id, source))?;
        let process: OwnedFd = process.ok_or_else(stopped)?;
        let steps = steps(&plan.inside);
        let cgroup = record.open_cgroup()?;
        // Slot 0 is the conversation; the only other one is the container's process, where it is needed.
        let descriptors = [process.as_fd()];
        let init = launch(&Launch {
            steps: &steps,
            descriptors: &descriptors[..plan.descriptors.len() - 1],
            preserved: options.preserve_fds,
            namespaces: 0,
            cgroup: None,
            // Not vfork: in a frozen cgroup the child would hold this process for ever.
            vfork: false,
        })?;
        let entered = cgroup.map_or(Ok(()), |cgroup| cgroup.enter(init.pid));
        entered.map_err(|error| abandon(&init, error.into()))?;
        go(&init.conversation).map_err(|error| abandon(&init, error))?;
        Ok(init)
    }
}

/// The container's settings, then a whole process file or single overrides.
fn settings(record: &Record, options: &ExecOptions) -> Process {
    if let Some(process) = &options.process {
        return process.clone();
    }
    let mut process = record.process.clone();
    process.set_args(Some(options.args.clone()));
    process.set_terminal(options.terminal);
    process.set_console_size(None);
    if !options.env.is_empty() {
        let mut env = process.env().clone().unwrap_or_default();
        env.extend(options.env.iter().cloned());
        process.set_env(Some(env));
    }
    if let Some(cwd) = &options.cwd {
        process.set_cwd(cwd.clone());
    }
    if options.no_new_privileges.is_some() {
        process.set_no_new_privileges(options.no_new_privileges);
    }
    let mut user = process.user().clone();
    if let Some((uid, gid)) = options.user {
        user.set_uid(uid);
        if let Some(gid) = gid {
            user.set_gid(gid);
        }
    }
    if !options.additional_gids.is_empty() {
        let mut gids = user.additional_gids().clone().unwrap_or_default();
        gids.extend(&options.additional_gids);
        user.set_additional_gids(Some(gids));
    }
    process.set_user(user);
    process
}

fn check_terminal(process: &Process, options: &ExecOptions) -> Result<(), Error> {
    let terminal = process.terminal().unwrap_or(false);
    let problem = match (terminal, &options.console_socket) {
        (true, None) if options.detach => {
            "a detached exec with a terminal needs --console-socket to hand it to"
        }
        (false, Some(_)) => "--console-socket is given, but the process has no terminal",
        _ => return Ok(()),
    };
    Err(Error::Terminal { problem })
}

/// Follows the process until its program runs; the other end of its terminal, where nobody took it.
fn prepare(
    init: &mut Init,
    record: &Record,
    plan: &ExecPlan,
    options: &ExecOptions,
) -> Result<Option<OwnedFd>, Error> {
    let mut terminal = None;
    let explain = |report: Report| StepError::new(report, &plan.inside);
    loop {
        match next(&init.conversation)? {
            Event::Pid(pid) => {
                enter_second_process(init, pid)?;
                go(&init.conversation)?;
            }
            Event::Console(master) => {
                terminal = console::take(master, options.console_socket.as_deref())?;
            }
            Event::Ready => break,
            Event::Failed(report) => return Err(Error::Step(Box::new(explain(report)))),
            Event::Closed => {
                let cgroup = record.open_cgroup()?;
                return Err(super::create::died(init, cgroup.as_ref()));
            }
            _ => {}
        }
    }
    if let Some(file) = &options.pid_file {
        write_pid_file(file, init.pid)?;
    }
    go(&init.conversation)?;
    start::follow(&init.conversation, explain)?;
    Ok(terminal)
}

fn abandon(init: &Init, error: Error) -> Error {
    let _ = crate::sys::send_signal(init.pidfd.as_fd(), libc::SIGKILL);
    wait::reap(init.pidfd.as_fd());
    error
}
