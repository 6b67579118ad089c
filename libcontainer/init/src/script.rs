//! The script: carries out the steps of the plan one after the other. The order is the planner's and
//! says there why each step stands where it does; here it is only followed.

use crate::buffer::Buffer;
use crate::channel::Channel;
use crate::failure::{Context, Failure, Outcome};
use crate::program::Filter;
use crate::{
    console, device, home, hook, identity, label, loopback, mask, mount, namespace, pivot,
    placement, program, remount, resolve, start, sys, sysctl, time,
};
use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};
use creel_wire::message::{At, Kind, Message};
use creel_wire::schedule::SchedAttr;
use creel_wire::{Plan, Step};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::ResolveFlags;
use rustix::io::Errno;
use rustix::process;

/// What the steps hand on to later steps.
pub struct Container<'a> {
    pub channel: Channel,
    /// The mount of the container's root, from [`Step::Root`] on.
    root: Option<OwnedFd>,
    /// Where the last device was made, while no other step comes in between.
    pub place: Option<device::Place<'a>>,
    /// An empty read-only tmpfs to hide directories behind, attached at the first of them.
    pub empty: Option<OwnedFd>,
    /// The container's verified /dev/null.
    pub null: Option<OwnedFd>,
    /// A procfs that nobody else can see or cover.
    pub proc: Option<OwnedFd>,
    /// The program to execute, found by [`Step::FindProgram`].
    pub program: Buffer,
    /// `HOME=...`, found by [`Step::Home`].
    pub home: Buffer,
    /// `LISTEN_PID=...`, from [`Step::ListenPid`].
    pub listen_pid: Buffer,
    /// The working directory could not be entered as root: the user may be allowed to.
    pub directory_denied: bool,
    /// The filter that [`Step::Execute`] installs.
    pub filter: Option<Filter<'a>>,
    /// Where it is noted when each step begins.
    times: Option<&'static [AtomicU64]>,
    /// The next bind's source as the library has opened it.
    pub outer_source: Option<i32>,
}

impl Container<'_> {
    /// The root file system; the container's own `/` where the plan has no root step (exec).
    pub fn root(&mut self) -> Result<BorrowedFd<'_>, Failure> {
        if self.root.is_none() {
            self.root = Some(resolve::current_root().at(At::OpenRoot)?);
        }
        self.root.as_ref().map(AsFd::as_fd).ok_or(Failure::new(At::OpenRoot, Errno::BADF))
    }

    fn note(&self, step: usize) {
        if let Some(time) = self.times.and_then(|times| times.get(step)) {
            time.store(sys::now(), Ordering::Release);
        }
    }

    /// What waits for `start`, and what comes after it, needs no descriptor of a directory.
    fn forget_directories(&mut self) {
        (self.root, self.empty, self.null, self.proc) = (None, None, None, None);
    }

    /// A mount over the root itself is the root from then on: `..` at the root leads to what lies on top of it.
    fn step_onto_root(&mut self, target: &CStr) -> Outcome {
        if target.is_empty() {
            let top = resolve::top_of(self.root()?);
            self.set_root(top.at(At::OpenRoot)?);
        }
        Ok(())
    }

    pub fn set_root(&mut self, root: OwnedFd) {
        self.root = Some(root);
    }
}

/// Carries out the plan; the last step becomes the container's process.
pub fn run(plan: Plan<'_>) -> ! {
    let number = plan.descriptors().next().unwrap_or(-1);
    let mut container = Container {
        channel: Channel::new(number),
        root: None,
        place: None,
        empty: None,
        null: None,
        proc: None,
        program: Buffer::new(),
        home: Buffer::new(),
        listen_pid: Buffer::new(),
        directory_denied: false,
        outer_source: None,
        times: None,
        filter: None,
    };
    let mut last = 0;
    for (index, step) in plan.steps().enumerate() {
        last = index as u32;
        container.note(index);
        let outcome = match step {
            Ok(step) => carry_out(&mut container, last, step),
            Err(error) => Err(Failure::new(At::Decode, Errno::from_raw_os_error(error as i32))),
        };
        if let Err(failure) = outcome {
            container.channel.failed(last, &failure);
            sys::exit(1)
        }
    }
    container.channel.failed(last, &Failure::new(At::End, Errno::INVAL));
    sys::exit(1)
}

fn carry_out<'a>(c: &mut Container<'a>, index: u32, step: Step<'a>) -> Outcome {
    if !matches!(step, Step::Device { .. } | Step::Symlink { .. }) {
        c.place = None;
    }
    match step {
        Step::CloseFrom { first } => sys::close_on_exec_from(first).at(At::Call),
        Step::NonDumpable {} => {
            process::set_dumpable_behavior(process::DumpableBehavior::NotDumpable).at(At::Call)
        }
        Step::AwaitAdmission {} => c.channel.wait(),
        Step::AwaitIdMaps {} => {
            c.channel.send(&Message::new(Kind::Unmapped));
            c.channel.wait()
        }
        Step::Clock { times } => {
            c.times = Some(sys::map_times(times).at(At::Memory)?);
            c.note(index as usize);
            Ok(())
        }
        Step::OuterSource { tree } => {
            c.outer_source = Some(tree);
            Ok(())
        }
        Step::JoinNamespace { namespace, kind } => namespace::join(namespace, kind),
        Step::Unshare { flags } => namespace::unshare(flags),
        Step::EnterPidNamespace { at_once } => namespace::enter_pid(&c.channel, at_once),
        Step::UserNamespaceRoot {} => identity::user_namespace_root(),
        Step::NewSession {} => new_session(),
        Step::SessionKeyring { name } => {
            if let Err(errno) = sys::join_session_keyring(name) {
                c.channel.warn(index, &Failure::new(At::Call, errno));
            }
            Ok(())
        }
        Step::LoopbackUp {} => loopback::up(),
        Step::Hostname { name } => rustix::system::sethostname(name.to_bytes()).at(At::Call),
        Step::Domainname { name } => rustix::system::setdomainname(name.to_bytes()).at(At::Call),
        Step::ResetAffinity {} => {
            // EINVAL only says that the cpuset left none of the first 1,024 CPUs; then the inherited set stays.
            let _ = identity::reset_affinity();
            Ok(())
        }
        Step::ResetSignals {} => sys::reset_signals().at(At::Call),
        Step::Propagation { flags } => mount::propagation_of_slash(flags).at(At::Call),
        Step::Root { path } => pivot::enter_root(c, path),
        Step::EnterRoot { root } => pivot::enter_open_root(sys::borrow(root)),
        Step::OpenRoot { path } => pivot::open_root(c, path),
        Step::MountFilesystem {
            target,
            fstype,
            source,
            parameters,
            attributes,
            propagation,
            flags,
        } => {
            let settings = mount::Settings { target, propagation, flags };
            mount::filesystem(c.root()?, &settings, fstype, source, parameters, attributes)?;
            c.step_onto_root(target)
        }
        Step::MountBind {
            target,
            source,
            recursive,
            set,
            clear,
            recursive_set,
            recursive_clear,
            propagation,
            flags,
        } => {
            let settings = mount::Settings { target, propagation, flags };
            let own = sys::MountAttr::change(set, clear);
            let below = sys::MountAttr::change(recursive_set, recursive_clear);
            let outer = c.outer_source.take().map(sys::borrow);
            let tree = mount::open_source(source, recursive, outer)?;
            mount::tree(c.root()?, &settings, tree.as_fd(), own, below)?;
            c.step_onto_root(target)
        }
        Step::MountTree {
            target,
            tree,
            set,
            clear,
            recursive_set,
            recursive_clear,
            propagation,
            flags,
        } => {
            let settings = mount::Settings { target, propagation, flags };
            let own = sys::MountAttr::change(set, clear);
            let below = sys::MountAttr::change(recursive_set, recursive_clear);
            mount::tree(c.root()?, &settings, sys::borrow(tree), own, below)?;
            c.step_onto_root(target)
        }
        Step::Remount {
            target,
            parameters,
            reconfigure,
            set,
            clear,
            recursive_set,
            recursive_clear,
            propagation,
        } => {
            let own = sys::MountAttr::change(set, clear);
            let below = sys::MountAttr::change(recursive_set, recursive_clear);
            let parameters = reconfigure.then_some(parameters);
            remount::change(c.root()?, target, parameters, own, below, propagation)
        }
        Step::MountAttributes { target, set } => mount::set_attributes(c.root()?, target, set),
        Step::Device { path, mode, major, minor, uid, gid } => {
            device::node(c, path, device::Node { mode, major, minor, uid, gid })
        }
        Step::Symlink { path, target, replace } => device::symlink(c, path, target, replace),
        Step::AwaitHooks {} => {
            c.channel.send(&Message::new(Kind::Mounted));
            c.channel.wait()
        }
        Step::Hook { path, arguments, environment, timeout, stdin } => {
            hook::run(path, arguments, environment, timeout, sys::borrow(stdin))
        }
        Step::PivotRoot {} => pivot::pivot(c),
        Step::MoveRoot {} => pivot::move_over_slash(c),
        Step::Chroot {} => pivot::chroot(c),
        Step::RootPropagation { flags } => mount::propagation_of_slash(flags).at(At::Call),
        Step::Sysctl { path, value } => sysctl::write(c, path, value),
        Step::ReadonlyPath { path } => mask::read_only(c.root()?, path),
        Step::MaskPath { path } => mask::hide(c, path),
        Step::ReadonlyRoot {} => mask::read_only_root(c.root()?),
        Step::Console { uid, rows, columns, device } => {
            console::open(c, console::Settings { uid, rows, columns, device })
        }
        Step::Home { uid } => home::find(c, uid),
        Step::ListenPid {} => {
            c.listen_pid.clear();
            c.listen_pid
                .push(b"LISTEN_PID=")
                .and_then(|()| {
                    c.listen_pid.push_decimal(process::getpid().as_raw_nonzero().get() as u32)
                })
                .at(At::Memory)
        }
        Step::NoNewPrivileges {} => rustix::thread::set_no_new_privs(true).at(At::Call),
        Step::Rlimit { resource, soft, hard } => sys::set_rlimit(resource, soft, hard).at(At::Call),
        Step::BoundingSet { keep } => identity::bounding_set(keep),
        Step::MakeDirectory { path } => {
            resolve::target(c.root()?, path, resolve::Kind::Directory, ResolveFlags::empty())
                .map(drop)
        }
        Step::WorkingDirectory { path } => identity::working_directory(c, path),
        Step::User { uid, gid, groups, set_groups } => {
            identity::user(uid, gid, set_groups.then_some(groups))
        }
        Step::CheckWorkingDirectory { path } => identity::check_directory(c.directory_denied, path),
        Step::Capabilities { effective, permitted, inheritable, ambient } => {
            identity::capabilities(effective, permitted, inheritable, ambient)
        }
        Step::Umask { mask } => {
            process::umask(rustix::fs::Mode::from_bits_truncate(mask));
            Ok(())
        }
        Step::FindProgram { name, path } => program::find(&mut c.program, name, path),
        Step::Ready {} => {
            c.forget_directories();
            c.channel.send(&Message::new(Kind::Ready));
            c.channel.wait()
        }
        Step::AwaitStart { listener } => {
            c.channel = start::await_start(listener)?;
            Ok(())
        }
        Step::TimeNamespace { offsets } => time::enter_new(c, offsets),
        Step::Personality { persona } => placement::personality(persona),
        Step::Scheduler { policy, flags, nice, priority, runtime, deadline, period } => {
            let times = (runtime, deadline, period);
            placement::scheduler(&SchedAttr::new(policy, flags, nice, priority, times))
        }
        Step::IoPriority { priority } => placement::io_priority(priority),
        Step::MemoryPolicy { mode, nodes } => placement::memory_policy(mode, nodes),
        Step::Affinity { cpus } => placement::affinity(cpus),
        Step::ExecLabel { files, label } => label::at_exec(c, files, label),
        Step::FileLabel { target, label } => label::of_file(c, target, label),
        Step::Seccomp { flags, program, report } => {
            c.filter = Some(Filter { flags, program, report });
            Ok(())
        }
        Step::Execute { arguments, environment } => {
            program::execute(c, index, arguments, environment)
        }
        Step::_Lifetime(never, _) => match never {},
    }
}

fn new_session() -> Outcome {
    match process::setsid() {
        // Already the leader of its group: only when the caller made it so.
        Ok(_) | Err(Errno::PERM) => Ok(()),
        Err(errno) => Err(Failure::new(At::Call, errno)),
    }
}
