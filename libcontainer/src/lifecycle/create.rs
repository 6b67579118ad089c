//! `create`: everything is made and prepared, and the process waits for `start`.

use super::plan::{WorkedOut, work_out};
use super::{Container, Runtime, console, delete, steps, warn};
use crate::cgroups::Cgroup;
use crate::error::Error;
use crate::hooks;
use crate::plan::{self, Descriptor, Hook, IdMaps, Join, Limit, Namespace, Plan, Request};
use crate::process::conversation::{Conversation, Event};
use crate::process::identity::Identity;
use crate::process::launch::{Init, Launch, launch};
use crate::process::{StepError, wait};
use crate::seccomp::Installable;
use crate::state::{self, Entry, Record, RunningProcess, StartStep};
use creel_wire::owned::Step;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use oci_spec::runtime::Spec;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How a container is created.
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// The bundle directory.
    pub bundle: PathBuf,
    /// Written with the process's pid, without a newline, whole when it appears.
    pub pid_file: Option<PathBuf>,
    /// A socket that gets the terminal's other end.
    pub console_socket: Option<PathBuf>,
    /// Move the root over `/` instead of pivoting (initramfs).
    pub no_pivot: bool,
    /// Keep the caller's session keyring.
    pub no_new_keyring: bool,
    /// How many descriptors from 3 on the process inherits; all of them have to be open and not
    /// close-on-exec.
    pub preserve_fds: u32,
    /// Let systemd make the cgroup, as a scope unit; `linux.cgroupsPath` is `slice:prefix:name` then.
    pub systemd_cgroup: bool,
}

/// A container whose process waits: for `start`, or, in `run`, for a word over the conversation.
pub(super) struct Prepared {
    pub(super) entry: Entry,
    pub(super) record: Record,
    pub(super) init: Init,
    pub(super) steps: Vec<plan::Planned>,
    /// The other end of the terminal, where no console socket took it.
    pub(super) terminal: Option<OwnedFd>,
}

impl Runtime {
    /// Creates a container from a bundle; its process waits for [`Container::start`].
    ///
    /// # Errors
    /// Whatever fails, nothing is left behind.
    pub fn create(&self, id: &str, options: &CreateOptions) -> Result<Container, Error> {
        let prepared = self.prepare(id, options, true)?;
        // From here on the container lives without this process.
        go(&prepared.init.conversation)?;
        Ok(self.container(id))
    }

    /// Makes everything up to the point where the process waits.
    pub(super) fn prepare(
        &self,
        id: &str,
        options: &CreateOptions,
        separate_start: bool,
    ) -> Result<Prepared, Error> {
        super::check_preserved(options.preserve_fds)?;
        let WorkedOut { spec, request, plan } = work_out(id, options, separate_start)?;
        check_terminal(&spec, options, separate_start)?;
        warn(&plan.warnings);
        let record = record(&spec, &request, &plan);
        check_rootfs(&record.rootfs)?;

        let entry = self.store.claim(id)?;
        let mut making = Making { entry, record, init: None, cgroup: None, terminal: None };
        match making.carry_out(&plan, options) {
            Ok(()) => making.finish(plan),
            Err(error) => Err(making.undo(error)),
        }
    }
}

/// What has been made so far, so that it can be unmade.
struct Making {
    entry: Entry,
    record: Record,
    cgroup: Option<Cgroup>,
    init: Option<Init>,
    terminal: Option<OwnedFd>,
}

impl Making {
    /// The outside part of the plan. What is made is entered in the state first, so that a runtime killed at
    /// any moment leaves nothing that `delete --force` cannot find; creel-init gives up when this process
    /// ends before it said go.
    fn carry_out(&mut self, plan: &Plan, options: &CreateOptions) -> Result<(), Error> {
        self.entry.save(&self.record)?;
        if plan.cgroup.unit.is_none() {
            self.keep(Cgroup::create(&plan.cgroup)?)?;
        }

        let opened = Opened::open(plan, &self.entry)?;
        self.launch(plan, options, &opened)?;
        if let (Some(unit), Some(init)) = (&plan.cgroup.unit, &self.init) {
            self.keep(Cgroup::start_unit(&plan.cgroup, unit, init.pid)?)?;
        }
        self.admit(plan)?;
        self.see_to_ready(plan, options, &opened)?;
        drop(opened);

        let pid = self.init.as_ref().map_or(0, |init| init.pid);
        let identity = Identity::of(pid).map_err(|source| {
            Error::io("read the start time of process", pid.to_string(), source)
        })?;
        self.record.init = Some(RunningProcess { identity });
        self.entry.save(&self.record)?;
        options.pid_file.as_deref().map_or(Ok(()), |file| write_pid_file(file, pid))
    }

    /// Only what is known to be ours is killed: a hook inside may outlive this process.
    fn keep(&mut self, cgroup: Cgroup) -> Result<(), Error> {
        self.record.cgroup = cgroup.record().clone();
        self.cgroup = Some(cgroup);
        Ok(self.entry.save(&self.record)?)
    }

    fn launch(
        &mut self,
        plan: &Plan,
        options: &CreateOptions,
        opened: &Opened,
    ) -> Result<(), Error> {
        let steps = steps(&plan.inside);
        let descriptors: Vec<BorrowedFd<'_>> = opened.descriptors.iter().map(AsFd::as_fd).collect();
        let cgroup = self.cgroup.as_ref().filter(|_| plan.clone_into_cgroup).and_then(Cgroup::fd);
        let cloned = plan.cloned_namespaces.iter();
        self.init = Some(launch(&Launch {
            steps: &steps,
            descriptors: &descriptors,
            preserved: options.preserve_fds,
            namespaces: cloned.fold(0, |flags, kind| flags | u64::from(kind.flag())),
            cgroup,
            vfork: true,
        })?);
        Ok(())
    }

    /// While creel-init works, what only this side can do: limits, devices, the score of the OOM killer.
    fn admit(&mut self, plan: &Plan) -> Result<(), Error> {
        let (Some(cgroup), Some(init)) = (&self.cgroup, &self.init) else { return Ok(()) };
        // Before the score: what is not mapped owns its files in /proc, but may not write them.
        if let Some(maps) = &plan.id_maps {
            write_id_maps(init.pid, maps)?;
        }
        set_oom_score(init.pid, plan.oom_score_adj)?;
        if plan.clone_into_cgroup {
            if plan.id_maps.is_some() {
                go(&init.conversation)?;
            }
            return Ok(cgroup.apply(&plan.cgroup)?);
        }
        if plan.cgroup.unit.is_none() {
            cgroup.enter(init.pid)?;
        }
        // Before creel-init goes on: v1 takes the device rules one by one, and between the first, which denies
        // all, and the last no device can be made.
        cgroup.apply(&plan.cgroup)?;
        go(&init.conversation)
    }

    /// Answers creel-init until everything is prepared.
    fn see_to_ready(
        &mut self,
        plan: &Plan,
        options: &CreateOptions,
        opened: &Opened,
    ) -> Result<(), Error> {
        let Some(init) = &mut self.init else { return Ok(()) };
        if !plan.second_process {
            opened.tell_hooks(&self.record, plan, init.pid)?;
        }
        loop {
            match next(&init.conversation)? {
                Event::Pid(pid) => {
                    enter_second_process(init, pid)?;
                    set_oom_score(pid, plan.oom_score_adj)?;
                    opened.tell_hooks(&self.record, plan, pid)?;
                    go(&init.conversation)?;
                }
                Event::Mounted => {
                    let state = hook_state(&self.record, "creating", init.pid)?;
                    hooks::run_all(&plan.create_hooks, &state)?;
                    go(&init.conversation)?;
                }
                Event::Console(terminal) => {
                    self.terminal = console::take(terminal, options.console_socket.as_deref())?;
                }
                Event::Ready => return set_limits(init.pid, &plan.outer_limits),
                Event::Failed(report) => {
                    return Err(Error::Step(Box::new(StepError::new(report, &plan.inside))));
                }
                Event::Warning(report) => {
                    let warning = StepError::new(report, &plan.inside);
                    log::warn!("{warning}: {}", describe(&warning));
                }
                Event::Closed => return Err(died(init, self.cgroup.as_ref())),
                Event::Executing => {}
            }
        }
    }

    fn finish(self, plan: Plan) -> Result<Prepared, Error> {
        let Making { entry, record, init, terminal, .. } = self;
        let Some(init) = init else {
            return Err(Error::Died { during: "it was prepared", how: "it never ran".to_owned() });
        };
        Ok(Prepared { entry, record, init, steps: plan.inside, terminal })
    }

    /// Unmakes all of it; the first error is the one that counts.
    fn undo(self, error: Error) -> Error {
        if let Some(init) = &self.init {
            // ESRCH: it has ended by itself.
            let _ = crate::sys::send_signal(init.pidfd.as_fd(), libc::SIGKILL);
            wait::reap(init.pidfd.as_fd());
        }
        let cleaned = if self.cgroup.is_some() {
            delete::clean_up(self.entry, &self.record, self.init.is_some())
        } else {
            // Making the cgroup failed, and what was made of it is gone already.
            delete::forget(self.entry, &self.record, false)
        };
        if let Err(second) = cleaned {
            log::warn!("cleaning up after the failed create: {second}");
        }
        error
    }
}

fn describe(error: &StepError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// The descriptors of the plan, opened, in the order of their slots from 1 on.
struct Opened {
    descriptors: Vec<OwnedFd>,
    /// Hook states, to be filled once the pid is known.
    hook_states: Vec<(&'static str, File)>,
}

impl Opened {
    fn open(plan: &Plan, entry: &Entry) -> Result<Self, Error> {
        let mut opened = Opened { descriptors: Vec::new(), hook_states: Vec::new() };
        // Slot 0 is the conversation, which the launch makes.
        for descriptor in plan.descriptors.iter().skip(1) {
            let fd = opened.one(descriptor, entry)?;
            opened.descriptors.push(fd);
        }
        Ok(opened)
    }

    fn one(&mut self, descriptor: &Descriptor, entry: &Entry) -> Result<OwnedFd, Error> {
        match descriptor {
            Descriptor::StartListener => start_listener(entry)
                .map_err(|source| Error::io("make the start socket in", entry.path(), source)),
            Descriptor::Namespace(join) => open_namespace(join),
            Descriptor::HookState(status) => {
                let memfd = nix::sys::memfd::memfd_create(
                    c"creel-state",
                    nix::sys::memfd::MFdFlags::MFD_CLOEXEC,
                )
                .map_err(|errno| Error::io("make a memfd", "", errno.into()))?;
                let copy = memfd
                    .try_clone()
                    .map_err(|source| Error::io("duplicate a memfd", "", source))?;
                self.hook_states.push((status, File::from(copy)));
                Ok(memfd)
            }
            Descriptor::Conversation | Descriptor::Process | Descriptor::ProcessRoot => {
                Err(Error::io(
                    "open a descriptor of the plan",
                    "",
                    io::Error::from_raw_os_error(libc::EINVAL),
                ))
            }
        }
    }

    /// Runtime spec, "State": hooks inside the container learn the pid as the container sees it.
    fn tell_hooks(&self, record: &Record, plan: &Plan, pid: i32) -> Result<(), Error> {
        if self.hook_states.is_empty() {
            return Ok(());
        }
        let pid = match plan.new_namespaces.contains(&Namespace::Pid) {
            true => 1,
            false => pid_inside(pid).map_err(|source| {
                Error::io("read the status of process", pid.to_string(), source)
            })?,
        };
        for (status, file) in &self.hook_states {
            let state = hook_state(record, status, pid)?;
            let mut file = file;
            file.write_all(&state)
                .map_err(|source| Error::io("write the state for hooks", "", source))?;
        }
        Ok(())
    }
}

/// The last number of NSpid in proc_pid_status(5): the pid in the innermost namespace.
fn pid_inside(pid: i32) -> io::Result<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let last = line.and_then(|pids| pids.split_whitespace().next_back()?.parse().ok());
    last.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no NSpid"))
}

fn hook_state(record: &Record, status: &str, pid: i32) -> Result<Vec<u8>, Error> {
    record
        .hook_state(status, pid)
        .map_err(|source| Error::io("write the state for hooks", "", source.into()))
}

fn open_namespace(join: &Join) -> Result<OwnedFd, Error> {
    let json_path = || format!("{}.path", join.origin);
    let opened = File::open(&join.path).and_then(|file| {
        let kind = crate::sys::namespace_kind(file.as_fd())?;
        Ok((OwnedFd::from(file), kind))
    });
    match opened {
        Ok((file, kind)) if kind == join.namespace.flag() => Ok(file),
        Ok(_) => Err(Error::NamespaceKind {
            json_path: json_path(),
            path: join.path.clone(),
            wanted: join.namespace.file(),
        }),
        Err(source) => {
            Err(Error::Namespace { json_path: json_path(), path: join.path.clone(), source })
        }
    }
}

/// Bound through the directory's descriptor: the path may be longer than an address can be.
fn start_listener(entry: &Entry) -> io::Result<OwnedFd> {
    let listener = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    bind(listener.as_raw_fd(), &UnixAddr::new(entry.start_address().as_str())?)?;
    listen(&listener, Backlog::new(8)?)?;
    Ok(listener)
}

/// creel-init went on in a sibling inside the joined pid namespace; the first process has done its part.
pub(super) fn enter_second_process(init: &mut Init, pid: i32) -> Result<(), Error> {
    let second = crate::sys::pidfd_open(pid)
        .map_err(|source| Error::io("open the process in the joined pid namespace", "", source))?;
    wait::reap(init.pidfd.as_fd());
    init.pid = pid;
    init.pidfd = second;
    Ok(())
}

fn check_terminal(spec: &Spec, options: &CreateOptions, separate_start: bool) -> Result<(), Error> {
    let terminal = spec.process().as_ref().and_then(|process| process.terminal()).unwrap_or(false);
    let problem = match (terminal, &options.console_socket) {
        (true, None) if separate_start => {
            "process.terminal is true: create needs --console-socket to hand the terminal to"
        }
        (false, Some(_)) => "--console-socket is given, but process.terminal is not true",
        _ => return Ok(()),
    };
    Err(Error::Terminal { problem })
}

/// creel-init opens it again; here a missing one is known before anything is made.
fn check_rootfs(rootfs: &Path) -> Result<(), Error> {
    let unusable = |source| Error::RootFilesystem { path: rootfs.to_owned(), source };
    let found = fs::metadata(rootfs).map_err(unusable)?;
    if found.is_dir() { Ok(()) } else { Err(unusable(io::Error::from_raw_os_error(libc::ENOTDIR))) }
}

fn record(spec: &Spec, request: &Request, plan: &Plan) -> Record {
    let mut process = spec.process().clone().unwrap_or_default();
    process.set_args(None);
    let rootfs = spec.root().as_ref().map_or(PathBuf::from("rootfs"), |root| root.path().clone());
    let mut namespaces = plan.new_namespaces.clone();
    namespaces.extend(plan.joined_namespaces.iter().map(|join| join.namespace));
    let hooks = spec.hooks().as_ref();
    Record {
        version: state::VERSION,
        oci_version: spec.version().clone(),
        id: request.id.clone(),
        bundle: request.bundle.clone(),
        rootfs: request.bundle.join(rootfs),
        created: state::now(),
        owner: nix::unistd::geteuid().as_raw(),
        annotations: spec.annotations().clone().unwrap_or_default().into_iter().collect(),
        cgroup: plan.cgroup.record(),
        resources: spec.linux().as_ref().and_then(|l| l.resources().clone()).unwrap_or_default(),
        namespaces,
        joined_pid: plan.second_process,
        no_new_keyring: request.no_new_keyring,
        poststart: Hook::all("poststart", hooks.and_then(|hooks| hooks.poststart().as_ref())),
        poststop: Hook::all("poststop", hooks.and_then(|hooks| hooks.poststop().as_ref())),
        process,
        start_steps: StartStep::of_plan(&plan.inside),
        seccomp: installable(&plan.inside),
        init: None,
    }
}

/// The filter that exec installs as well.
fn installable(steps: &[plan::Planned]) -> Option<Installable> {
    steps.iter().find_map(|planned| match &planned.step {
        Step::Seccomp { flags, program } => {
            Some(Installable { flags: *flags, program: program.clone() })
        }
        _ => None,
    })
}

/// Whole when it appears, and without a newline: engines read it as soon as it is there.
pub(super) fn write_pid_file(file: &Path, pid: i32) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    let new = file.with_file_name(name);
    fs::write(&new, pid.to_string())
        .and_then(|()| fs::rename(&new, file))
        .map_err(|source| Error::io("write the pid file", file, source))
}

/// From outside: a process that is not dumpable cannot write its own.
pub(super) fn set_oom_score(pid: i32, score: Option<i32>) -> Result<(), Error> {
    let Some(score) = score else { return Ok(()) };
    let file = format!("/proc/{pid}/oom_score_adj");
    fs::write(&file, score.to_string())
        .map_err(|source| Error::io("write process.oomScoreAdj to", file, source))
}

/// user_namespaces(7): each map is written once, whole.
fn write_id_maps(pid: i32, maps: &IdMaps) -> Result<(), Error> {
    let users = ("uid_map", &maps.users, "write linux.uidMappings to");
    let groups = ("gid_map", &maps.groups, "write linux.gidMappings to");
    for (file, maps, action) in [users, groups] {
        if maps.is_empty() {
            continue;
        }
        let file = format!("/proc/{pid}/{file}");
        fs::write(&file, IdMaps::text(maps)).map_err(|source| Error::io(action, file, source))?;
    }
    Ok(())
}

/// prlimit(2) on a process that has done all but execve: it opens nothing any more.
pub(super) fn set_limits(pid: i32, limits: &[Limit]) -> Result<(), Error> {
    for limit in limits {
        crate::sys::set_limit(pid, limit.resource, limit.soft, limit.hard)
            .map_err(|source| Error::io("set", limit.origin.as_str(), source))?;
    }
    Ok(())
}

pub(super) fn next(conversation: &Conversation) -> Result<Event, Error> {
    conversation.next().map_err(|source| Error::io("read from creel-init", "", source))
}

pub(super) fn go(conversation: &Conversation) -> Result<(), Error> {
    conversation.go().map_err(|source| Error::io("write to creel-init", "", source))
}

/// creel-init closed the conversation without a word: it was killed, perhaps for lack of memory.
pub(super) fn died(init: &Init, cgroup: Option<&Cgroup>) -> Error {
    let how = match wait::wait(init.pidfd.as_fd()) {
        Ok(wait::Exit::Status(status)) => format!("exit status {status}"),
        Ok(wait::Exit::Signal(9)) if cgroup.is_some() => {
            "killed; if linux.resources.memory.limit is small, raise it".to_owned()
        }
        Ok(wait::Exit::Signal(signal)) => format!("killed by signal {signal}"),
        Err(error) => error.to_string(),
    };
    Error::Died { during: "it was prepared", how }
}
