//! `exec`: one more process in a running container.

use super::admission::{
    hand_over_process, set_limits, set_oom_score, set_scheduling, write_pid_file,
};
use super::talk::{died, enter_second_process, go, next};
use super::{Container, console, foreground, start, state, steps, warn};
use crate::cgroups::{self, Cgroup};
use crate::error::Error;
use crate::lsm;
use crate::plan::{Descriptor, ExecPlan, ExecRequest, Host, enters_late, plan_exec};
use crate::process::conversation::{Event, Report};
use crate::process::launch::{Init, Launch, launch};
use crate::process::{Exit, StepError, wait};
use crate::spec;
use crate::state::{Record, Status};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use oci_spec::runtime::{Capabilities, Capability, LinuxCapabilities, Process, User};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// What `exec` is given besides the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOptions {
    /// What to run.
    pub process: ExecProcess,
    /// Return once the process runs.
    pub detach: bool,
    /// Where to write its pid.
    pub pid_file: Option<PathBuf>,
    /// The unix socket that receives the console's file descriptor.
    pub console_socket: Option<PathBuf>,
    /// The unix socket that receives a pidfd of the process.
    pub pidfd_socket: Option<PathBuf>,
    /// How many file descriptors after stderr the process inherits.
    pub preserve_fds: u32,
    /// Go ahead although the container is paused.
    pub ignore_paused: bool,
    /// Cgroups below the container's, which have to exist: `[CONTROLLER[,CONTROLLER...]:]PATH` each.
    pub sub_cgroups: Vec<String>,
}

/// The process of an exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecProcess {
    /// All of it, from a process file.
    Given(Box<Process>),
    /// The container's own process with these settings put over it.
    Over(ProcessOverrides),
}

/// What an exec changes of the container's own process; `None`, `false` and empty change nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ProcessOverrides {
    /// The program and its arguments; never the container's own.
    pub args: Vec<String>,
    /// The working directory in the container.
    pub cwd: Option<PathBuf>,
    /// `NAME=value`, added after the container's own.
    pub env: Vec<String>,
    /// The uid, and the gid if it was given.
    pub user: Option<(u32, Option<u32>)>,
    /// Additional gids, added to the container's own.
    pub additional_gids: Vec<u32>,
    /// Capabilities to add, by their names.
    pub caps: Vec<String>,
    /// Set no_new_privs.
    pub no_new_privs: bool,
    /// Give it a terminal.
    pub tty: bool,
    /// The SELinux label.
    pub process_label: Option<String>,
    /// The AppArmor profile.
    pub apparmor: Option<String>,
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
        super::check_preserved(options.preserve_fds)?;
        let record = self.running(options.ignore_paused)?;
        let process = settings(&record, &options.process);
        spec::check_process(&process)?;
        check_terminal(&process, options)?;
        lsm::check(&process, None)?;
        let cgroup = cgroup_to_enter(&record, &options.sub_cgroups)?;
        let late = enters_late(&process) || record.rdt.is_some();
        let in_cgroup = cgroup.fd().is_some() && !late;
        // Only root can write the score of what is not dumpable any more.
        let host = Host::for_exec()?;
        let scored_first = process.oom_score_adj().is_some() && host.user.0 != 0;
        let admitted = !in_cgroup || scored_first;
        let plan = plan_exec(
            &ExecRequest {
                id: &self.id,
                process: &process,
                namespaces: &record.namespaces,
                preserve_fds: options.preserve_fds,
                no_new_keyring: record.no_new_keyring,
                surroundings: &record.surroundings,
                admitted,
                filter: record.seccomp.as_ref(),
            },
            &host,
        )?;
        warn(&plan.warnings);
        let watch = (!options.detach).then(|| foreground::Watch::new(true)).transpose()?;
        let joined = self.join(&record, &process, &plan, (&cgroup, in_cgroup), options);
        let mut joined = joined.map_err(|error| self.explained(&record, error))?;
        let prepared = prepare(&mut joined, &record, &process, &plan, options);
        let terminal =
            prepared.map_err(|error| self.explained(&record, abandon(&joined, error)))?;
        match watch {
            None => Ok(Started::Detached(joined.pid)),
            Some(watch) => watch
                .attend(&joined, terminal, None)
                .map(Started::Ended)
                .map_err(|error| abandon(&joined, error)),
        }
    }

    /// When the container has ended meanwhile, that is why whatever failed did.
    fn explained(&self, record: &Record, error: Error) -> Error {
        match record.init.is_some_and(|init| init.identity.is_alive()) {
            true => error,
            false => Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped },
        }
    }

    fn running(&self, ignore_paused: bool) -> Result<Record, Error> {
        let (directory, record) = self.store.look(&self.id)?;
        let status = state::status(&record, crate::state::waits_for_start(&directory))?;
        match status {
            Status::Running | Status::Created => Ok(record),
            Status::Paused if ignore_paused => Ok(record),
            status => Err(Error::Status { action: "exec", id: self.id.clone(), status }),
        }
    }

    /// Starts creel-init, outside of everything but the container's cgroup.
    fn join(
        &self,
        record: &Record,
        settings: &Process,
        plan: &ExecPlan,
        (cgroup, in_cgroup): (&Cgroup, bool),
        options: &ExecOptions,
    ) -> Result<Init, Error> {
        let stopped =
            || Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped };
        let process = record.init.map_or(Ok(None), |init| init.identity.open());
        let process =
            process.map_err(|source| Error::io("open the process of", &self.id, source))?;
        let process: OwnedFd = process.ok_or_else(stopped)?;
        let steps = steps(&plan.inside);
        let root = self.root_of(record, plan)?;
        // Slot 0 is the conversation, which the launch makes.
        let opened = plan.descriptors.iter().skip(1).map(|descriptor| match descriptor {
            Descriptor::ProcessRoot => root.as_ref().map_or(process.as_fd(), AsFd::as_fd),
            _ => process.as_fd(),
        });
        let descriptors: Vec<BorrowedFd<'_>> = opened.collect();
        let init = launch(&Launch {
            steps: &steps,
            descriptors: &descriptors,
            preserved: options.preserve_fds,
            namespaces: 0,
            cgroup: cgroup.fd().filter(|_| in_cgroup),
            // Not vfork: in a frozen cgroup the child would hold this process for ever.
            vfork: false,
        })?;
        let scored = set_oom_score(init.pid, settings.oom_score_adj());
        let admitted = scored.and_then(|()| {
            if in_cgroup {
                return if plan.admitted { go(&init.conversation) } else { Ok(()) };
            }
            cgroup.enter(init.pid)?;
            if let Some(groups) = &record.rdt {
                groups.enter(init.pid)?;
            }
            go(&init.conversation)
        });
        match admitted {
            Ok(()) => Ok(init),
            Err(error) => Err(abandon(&init, error)),
        }
    }
}

impl Container {
    /// The root directory of the container's process, where the plan enters it.
    fn root_of(&self, record: &Record, plan: &ExecPlan) -> Result<Option<OwnedFd>, Error> {
        let Some(init) =
            record.init.filter(|_| plan.descriptors.contains(&Descriptor::ProcessRoot))
        else {
            return Ok(None);
        };
        let path = format!("/proc/{}/root", init.identity.pid);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path.as_str(), flags, Mode::empty())
            .map_err(|errno| Error::io("open the container's root", path, errno.into()))?;
        // It was that process's only if the pid is still that process's now.
        if init.identity.is_alive() {
            return Ok(Some(root));
        }
        Err(Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped })
    }
}

/// The container's cgroup, or where its first process has gone when that one takes no processes: never none,
/// for then the process would escape the container's limits.
fn cgroup_to_enter(record: &Record, sub_cgroups: &[String]) -> Result<Cgroup, Error> {
    if !sub_cgroups.is_empty() {
        if record.cgroup.is_none() {
            return Err(cgroups::Error::NoneOfItsOwn.into());
        }
        let cgroup = Cgroup::open(record.cgroup.below(sub_cgroups)?)?;
        return match cgroup.missing() {
            None => Ok(cgroup),
            Some(path) => Err(cgroups::Error::Gone { path: path.to_owned() }.into()),
        };
    }
    let recorded = Cgroup::open(record.cgroup.clone())?;
    let pid = record.init.map_or(0, |init| init.identity.pid);
    if recorded.is_whole() && recorded.takes_processes() {
        return Ok(recorded);
    }
    Ok(Cgroup::open(cgroups::Record::of_process(pid)?)?)
}

/// A whole process file, or the container's settings with single overrides above them.
fn settings(record: &Record, wanted: &ExecProcess) -> Process {
    let overrides = match wanted {
        ExecProcess::Given(process) => return completed(Process::clone(process), &record.process),
        ExecProcess::Over(overrides) => overrides,
    };
    let mut process = record.process.clone();
    process.set_args(Some(overrides.args.clone()));
    process.set_terminal(Some(overrides.tty));
    process.set_console_size(None);
    if !overrides.env.is_empty() {
        let mut env = process.env().clone().unwrap_or_default();
        env.extend(overrides.env.iter().cloned());
        process.set_env(Some(env));
    }
    if let Some(cwd) = &overrides.cwd {
        process.set_cwd(cwd.clone());
    }
    if overrides.no_new_privs {
        process.set_no_new_privileges(Some(true));
    }
    if overrides.process_label.is_some() {
        process.set_selinux_label(overrides.process_label.clone());
    }
    if overrides.apparmor.is_some() {
        process.set_apparmor_profile(overrides.apparmor.clone());
    }
    if !overrides.caps.is_empty() {
        let capabilities = process.capabilities().clone().unwrap_or_default();
        process.set_capabilities(Some(with_capabilities(capabilities, &overrides.caps)));
    }
    process.set_user(with_user(process.user().clone(), overrides));
    process
}

/// What a process file does not say about rights and limits, the container's settings do: an exec'd process
/// must not have more than its container.
fn completed(mut process: Process, own: &Process) -> Process {
    if process.capabilities().is_none() {
        process.set_capabilities(own.capabilities().clone());
    }
    if process.rlimits().as_ref().is_none_or(Vec::is_empty) {
        process.set_rlimits(own.rlimits().clone());
    }
    if process.no_new_privileges().is_none() {
        process.set_no_new_privileges(own.no_new_privileges());
    }
    if process.apparmor_profile().is_none() {
        process.set_apparmor_profile(own.apparmor_profile().clone());
    }
    if process.selinux_label().is_none() {
        process.set_selinux_label(own.selinux_label().clone());
    }
    if process.oom_score_adj().is_none() {
        process.set_oom_score_adj(own.oom_score_adj());
    }
    if process.scheduler().is_none() {
        process.set_scheduler(own.scheduler().clone());
    }
    if process.io_priority().is_none() {
        process.set_io_priority(*own.io_priority());
    }
    if process.exec_cpu_affinity().is_none() {
        process.set_exec_cpu_affinity(own.exec_cpu_affinity().clone());
    }
    process
}

fn with_user(mut user: User, overrides: &ProcessOverrides) -> User {
    if let Some((uid, gid)) = overrides.user {
        user.set_uid(uid);
        user.set_gid(gid.unwrap_or(user.gid()));
    }
    if !overrides.additional_gids.is_empty() {
        let mut gids = user.additional_gids().clone().unwrap_or_default();
        gids.extend(&overrides.additional_gids);
        user.set_additional_gids(Some(gids));
    }
    user
}

/// Never inheritable: what is inheritable could be had again through a file's capabilities
/// (CVE-2022-29162).
fn with_capabilities(mut sets: LinuxCapabilities, names: &[String]) -> LinuxCapabilities {
    let names: Capabilities = names.iter().filter_map(|name| capability(name)).collect();
    let more = |set: &Option<Capabilities>| {
        let mut set = set.clone().unwrap_or_default();
        set.extend(names.iter().copied());
        Some(set)
    };
    let (bounding, effective, permitted) =
        (more(sets.bounding()), more(sets.effective()), more(sets.permitted()));
    sets.set_bounding(bounding).set_effective(effective).set_permitted(permitted);
    sets
}

/// By its name, with or without `CAP_`; as in config.json, one that is not known is left out with a warning.
fn capability(name: &str) -> Option<Capability> {
    let upper = name.to_ascii_uppercase();
    let known = upper.strip_prefix("CAP_").unwrap_or(&upper).parse().ok();
    if known.is_none() {
        log::warn!("capability {name:?} is not known, and is left out");
    }
    known
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
    settings: &Process,
    plan: &ExecPlan,
    options: &ExecOptions,
) -> Result<Option<OwnedFd>, Error> {
    let mut terminal = None;
    let explain = |report: Report| StepError::new(report, &plan.inside);
    loop {
        match next(&init.conversation)? {
            Event::Pid(pid) => {
                enter_second_process(init, pid)?;
                if !plan.admitted {
                    // It may have been cloned before the first one got its score.
                    set_oom_score(init.pid, settings.oom_score_adj())?;
                }
                go(&init.conversation)?;
            }
            Event::Console(master) => {
                terminal = console::take(master, options.console_socket.as_deref())?;
            }
            Event::Ready => {
                set_scheduling(init.pid, &plan.outer_scheduling)?;
                break set_limits(init.pid, &plan.outer_limits)?;
            }
            Event::Failed(report) => return Err(Error::Step(Box::new(explain(report)))),
            Event::Closed => {
                let cgroup = record.open_cgroup()?;
                return Err(died(init, cgroup.as_ref()));
            }
            _ => {}
        }
    }
    if let Some(socket) = &options.pidfd_socket {
        hand_over_process(init, socket)?;
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
