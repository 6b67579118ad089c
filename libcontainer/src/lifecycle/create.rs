//! `create`: everything is made and prepared, and the process waits for `start`.

use super::admission::{set_limits, set_oom_score, set_scheduling, write_pid_file};
use super::create_checks::{check_devices, check_rights, check_rootfs, check_terminal};
use super::create_options::CreateOptions;
use super::descriptors::{Opened, hook_state};
use super::plan::{Read, WorkedOut};
use super::record::{record, settings};
use super::talk::{died, enter_second_process, go, next_of};
use super::{Container, Runtime, console, delete, notify, pidfd_socket, warn};
use crate::cgroups::Cgroup;
use crate::error::Error;
use crate::hooks;
use crate::lsm;
use crate::netlink;
use crate::plan::{self, Plan};
use crate::process::conversation::Event;
use crate::process::identity::Identity;
use crate::process::launch::{Init, Launch, LaunchError, launch};
use crate::process::{Handed, Process, StepError, id_maps};
use crate::rdt;
use crate::spec;
use crate::state::{Entry, Record, RunningProcess, Written};
use crate::sys::{Entrance, Helper};
use crate::trace::{self, Trace};
use creel_wire::owned::Step;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A container whose process waits: for `start`, or, in `run`, for a word over the conversation.
pub(super) struct Prepared {
    pub(super) entry: Entry,
    pub(super) record: Box<Record>,
    /// The record as it is saved.
    pub(super) saved: Written,
    pub(super) init: Init,
    pub(super) steps: Vec<plan::Planned>,
    /// The other end of the terminal, where no console socket took it.
    pub(super) terminal: Option<OwnedFd>,
    /// Where creel-init notes when its steps begin, if it does.
    pub(super) times: Option<OwnedFd>,
}

/// Who gets the other end of a terminal.
#[derive(Clone, Copy)]
pub(super) enum TerminalFor {
    /// The console socket, or whoever prepares the container.
    Caller,
    /// The console socket alone; what is wrong when there is none.
    Socket { otherwise: &'static str },
}

impl CreateOptions {
    /// The caller's descriptors from 3 on that the process inherits.
    pub(super) fn inherited(&self) -> u32 {
        self.listen_fds.saturating_add(self.preserve_fds)
    }

    pub(super) fn handed(&self) -> Handed<'_> {
        Handed { stdio: &self.stdio, preserved: self.inherited(), files: &self.files }
    }
}

impl Runtime {
    /// Creates a container from a bundle; its process waits for [`Container::start`].
    ///
    /// # Errors
    /// Whatever fails, nothing is left behind.
    pub fn create(&self, id: &str, options: &CreateOptions) -> Result<Container, Error> {
        let nobody =
            "process.terminal is true: create needs --console-socket to hand the terminal to";
        let _trace = Trace::begin();
        let prepared =
            self.prepare(id, options, TerminalFor::Socket { otherwise: nobody }, true)?;
        // From here on the container lives without this process.
        go(&prepared.init.conversation)?;
        trace::inside(prepared.times, &prepared.steps);
        let Init { pid, pidfd, .. } = prepared.init;
        let identity = prepared.record.init.map(|init| init.identity);
        let process = Process::started(identity, pid, pidfd);
        Ok(Container { process: Some(process), ..self.container(id) })
    }

    /// Makes everything up to the point where the process waits.
    pub(super) fn prepare(
        &self,
        id: &str,
        options: &CreateOptions,
        terminal: TerminalFor,
        separate_start: bool,
    ) -> Result<Prepared, Error> {
        super::check_preserved(options.inherited())?;
        // Made by a child while the rest is worked out; what fails before it is used leaves nothing.
        let mut helper = None;
        let read = Read::from(id, options, |text| helper = begin(plan::guess_ahead(text)))?;
        trace::done("read and checked the configuration");
        let kinds = plan::ahead(&read.spec);
        if helper.as_ref().map_or(0, Helper::flags) != kinds {
            helper = begin(kinds);
        }
        let WorkedOut { mut spec, request, host, plan } =
            read.work_out(&self.store, id, options, separate_start)?;
        trace::done("planned");
        check_rights(&plan, &host)?;
        check_terminal(&spec, options, terminal)?;
        check_devices(&spec, &plan)?;
        lsm::check(spec.process().as_ref(), spec.linux().as_ref())?;
        warn(&plan.warnings);
        let record = record(&spec, &request, &plan);
        let settings = Some(settings(&mut spec));
        check_rootfs(&record.rootfs)?;

        let entry = self.store.claim(id)?;
        trace::done("took the id");
        let hooked = has_hooks(&plan);
        let mut making = Making {
            entry,
            record,
            settings,
            hooked,
            helper,
            init: None,
            cgroup: None,
            terminal: None,
            times: None,
        };
        match making.carry_out(&plan, options) {
            Ok(saved) => making.finish(plan, saved),
            Err(error) => Err(making.undo(error)),
        }
    }
}

/// Begins to make namespaces: CLONE_NEW* flags.
fn begin(kinds: u64) -> Option<Helper> {
    (kinds != 0).then(|| {
        let helper = Helper::begin(kinds);
        trace::done("began the network namespace");
        helper
    })
}

/// What is saved when creel-init is ready, written but not in its place yet.
struct Ready {
    written: Written,
    init: Option<RunningProcess>,
}

/// What has been made so far, so that it can be unmade.
struct Making {
    entry: Entry,
    record: Box<Record>,
    /// What only exec needs, and is entered last.
    settings: Option<spec::Process>,
    /// There are hooks to wait for.
    hooked: bool,
    /// Namespaces that are being made.
    helper: Option<Helper>,
    cgroup: Option<Cgroup>,
    init: Option<Init>,
    terminal: Option<OwnedFd>,
    times: Option<OwnedFd>,
}

impl Making {
    /// The outside part of the plan. What is made is entered in the state first, so that a runtime killed at
    /// any moment leaves nothing that `delete --force` cannot find; creel-init gives up when this process
    /// ends before it said go.
    fn carry_out(&mut self, plan: &Plan, options: &CreateOptions) -> Result<Written, Error> {
        if let Some(wanted) = &plan.rdt {
            self.record.rdt = Some(rdt::Groups::planned(wanted, &rdt::mount_point()?));
        }
        if let Some(filter) = &self.record.seccomp {
            self.entry.save_filter(&filter.program)?;
        }
        let saved = self.entry.save_unmade(&self.record)?;
        trace::done("saved what is going to be made");
        if plan.cgroup.unit.is_none() {
            self.own(Cgroup::create(&plan.cgroup)?);
            // At once: a runtime that is killed leaves nothing that is not known to be ours.
            self.entry.mark_made(&saved)?;
            self.begin_filter(plan);
            trace::done("made the cgroup");
        }

        if plan::binds_notify_directory(plan) {
            notify::make_directory(&self.entry)?;
        }
        let opened = Opened::open(plan, &self.entry)?;
        self.times = opened.times(plan);
        self.launch(plan, options, &opened)?;
        trace::done("started creel-init");
        // Early enough: until it is let go on creel-init starts nothing, and ends if this process does.
        self.note_launched()?;
        self.note_waited_for(None)?;
        if let (Some(unit), Some(init)) = (&plan.cgroup.unit, &self.init) {
            self.own(Cgroup::start_unit(&plan.cgroup, unit, init.pid)?);
            self.entry.save(&self.record)?;
            trace::done("had systemd make the cgroup");
        }
        self.admit(plan)?;
        trace::done("set limits and devices");
        // creel-init has entered the namespaces.
        self.helper = None;
        let written = self.write_ahead(plan)?;
        trace::done("wrote what is saved when creel-init is ready");
        self.see_to_ready(plan, options, &opened)?;
        drop(opened);
        trace::done("waited for creel-init, and ran hooks");

        let saved = self.save_ready(written)?;
        trace::done("saved it");
        let pid = self.init.as_ref().map_or(0, |init| init.pid);
        if self.hooked {
            self.entry.forget_waited_for()?;
        }
        if let (Some(socket), Some(init)) = (&options.pidfd_socket, &self.init) {
            pidfd_socket::send(socket, init.pidfd.as_fd(), pidfd_socket::FIRST)?;
        }
        if let Some(file) = &options.pid_file {
            write_pid_file(file, pid)?;
        }
        Ok(saved)
    }

    /// Writes what is to be saved once creel-init is ready, while it works. `None` where something else is saved
    /// until then, or its pid is not known yet.
    fn write_ahead(&mut self, plan: &Plan) -> Result<Option<Ready>, Error> {
        if self.hooked || plan.second_process {
            return Ok(None);
        }
        self.record.process = self.settings.take();
        let init = self.running()?;
        self.record.init = init;
        let written = self.entry.write_ahead(&self.record);
        self.record.init = None;
        Ok(Some(Ready { written: written?, init }))
    }

    fn save_ready(&mut self, ready: Option<Ready>) -> Result<Written, Error> {
        let Some(Ready { written, init }) = ready else {
            self.record.init = self.running()?;
            self.record.process = self.settings.take();
            return Ok(self.entry.save(&self.record)?);
        };
        self.entry.put_in_place(&written)?;
        self.record.init = init;
        Ok(written)
    }

    fn running(&self) -> Result<Option<RunningProcess>, Error> {
        let Some(init) = &self.init else { return Ok(None) };
        let failed =
            |source| Error::io("read the start time of process", init.pid.to_string(), source);
        let identity = Identity::with_pidfd(init.pid, init.pidfd.as_fd()).map_err(failed)?;
        Ok(Some(RunningProcess { identity }))
    }

    /// Only what is known to be ours is killed: a hook inside may outlive this process.
    fn own(&mut self, cgroup: Cgroup) {
        self.record.cgroup = cgroup.record().clone();
        self.cgroup = Some(cgroup);
    }

    /// Hooks may hang; who deletes the container by force then has to know what to end.
    fn note_waited_for(&self, hook: Option<i32>) -> Result<(), Error> {
        let Some(init) = self.init.as_ref().filter(|_| self.hooked) else { return Ok(()) };
        note_waited_for(&self.entry, init.pid, hook)
    }

    fn launch(
        &mut self,
        plan: &Plan,
        options: &CreateOptions,
        opened: &Opened,
    ) -> Result<(), Error> {
        let descriptors: Vec<BorrowedFd<'_>> = opened.descriptors.iter().map(AsFd::as_fd).collect();
        let cgroup = self.cgroup.as_ref().filter(|_| plan.clone_into_cgroup).and_then(Cgroup::fd);
        let cloned = plan.cloned_namespaces.iter();
        let namespaces = cloned.fold(0, |flags, kind| flags | u64::from(kind.flag()));
        let launch = |entrance: Option<Entrance<'_>>| {
            launch(&Launch {
                steps: &plan.inside,
                descriptors: &descriptors,
                handed: options.handed(),
                namespaces,
                entrance,
                cgroup,
                vfork: true,
            })
        };
        let launched = match launch(self.helper.as_ref().and_then(Helper::entrance)) {
            // The helper may be the process that is one too many.
            Err(LaunchError::Clone(error))
                if error.raw_os_error() == Some(libc::EAGAIN) && self.helper.is_some() =>
            {
                self.helper = None;
                launch(None)
            }
            launched => launched,
        };
        self.init = Some(launched?);
        Ok(())
    }

    /// Without a cgroup only its pid leads to a creel-init whose runtime was killed.
    fn note_launched(&mut self) -> Result<(), Error> {
        if let Some(init) = self.init.as_ref().filter(|_| self.record.cgroup.is_none()) {
            let identity = Identity::with_pidfd(init.pid, init.pidfd.as_fd()).ok();
            self.record.launched = identity.map(|identity| RunningProcess { identity });
            self.entry.save(&self.record)?;
        }
        Ok(())
    }

    /// While creel-init works, what only this side can do: limits, devices, the score of the OOM killer.
    fn admit(&mut self, plan: &Plan) -> Result<(), Error> {
        let (Some(cgroup), Some(init)) = (&self.cgroup, &self.init) else { return Ok(()) };
        // Before the score: what is not mapped owns its files in /proc, but may not write them.
        if let Some(maps) = plan.id_maps.as_ref().filter(|_| !plan.late_maps) {
            id_maps::write(init.pid, maps, plan.map_writers)?;
        }
        set_oom_score(init.pid, plan.oom_score_adj)?;
        if let Some(devices) = plan.net_devices.as_ref().filter(|devices| !devices.late) {
            netlink::move_devices(devices, init.pid)?;
        }
        if let (Some(groups), Some(wanted)) = (&mut self.record.rdt, &plan.rdt) {
            groups.create(wanted)?;
            groups.enter(init.pid)?;
            self.entry.save(&self.record)?;
        }
        if plan.clone_into_cgroup {
            if plan.awaits_admission {
                go(&init.conversation)?;
            }
            return self.apply(cgroup, plan);
        }
        if plan.cgroup.unit.is_none() {
            cgroup.enter(init.pid)?;
        }
        // Before creel-init goes on: v1 takes the device rules one by one, and between the first, which denies
        // all, and the last no device can be made.
        self.apply(cgroup, plan)?;
        go(&init.conversation)
    }

    /// Has the helper attach the device filter, while creel-init is started. What fails is done, and told, in [`Self::apply`].
    fn begin_filter(&mut self, plan: &Plan) {
        let cgroup = self.cgroup.as_ref().filter(|_| !plan.opens_devices);
        let filter = cgroup.and_then(|cgroup| cgroup.device_filter(&plan.cgroup));
        if let (Some(helper), Some(filter)) = (&mut self.helper, filter) {
            helper.attach(filter);
        }
    }

    fn apply(&self, cgroup: &Cgroup, plan: &Plan) -> Result<(), Error> {
        cgroup.apply_limits(&plan.cgroup)?;
        if !plan.opens_devices && !self.helper.as_ref().is_some_and(Helper::has_attached) {
            cgroup.apply_device_rules(&plan.cgroup)?;
        }
        Ok(cgroup.give_to_owner(&plan.cgroup)?)
    }

    /// Answers creel-init until everything is prepared.
    fn see_to_ready(
        &mut self,
        plan: &Plan,
        options: &CreateOptions,
        opened: &Opened,
    ) -> Result<(), Error> {
        let (entry, hooked) = (&self.entry, self.hooked);
        let mut unruled = self.cgroup.as_ref().filter(|_| plan.opens_devices);
        // Once, while creel-init waits with all mounted.
        let mut rule_devices =
            || unruled.take().map_or(Ok(()), |cgroup| cgroup.apply_device_rules(&plan.cgroup));
        let Some(init) = &mut self.init else { return Ok(()) };
        if !plan.second_process {
            opened.tell_hooks(&self.record, plan, init.pid)?;
        }
        loop {
            match next_of(init)? {
                Event::Pid(pid) => {
                    enter_second_process(init, pid)?;
                    // What waited for its score has handed it on.
                    if !plan.awaits_admission {
                        set_oom_score(pid, plan.oom_score_adj)?;
                    }
                    opened.tell_hooks(&self.record, plan, pid)?;
                    if hooked {
                        note_waited_for(entry, pid, None)?;
                    }
                    go(&init.conversation)?;
                }
                Event::Unmapped => {
                    if let Some(maps) = &plan.id_maps {
                        id_maps::write(init.pid, maps, plan.map_writers)?;
                    }
                    if let Some(devices) = plan.net_devices.as_ref().filter(|devices| devices.late)
                    {
                        netlink::move_devices(devices, init.pid)?;
                    }
                    go(&init.conversation)?;
                }
                Event::Mounted => {
                    // Hooks find them in force, as with runc.
                    rule_devices()?;
                    let state = hook_state(&self.record, "creating", init.pid)?;
                    let started = |hook| note_waited_for(entry, init.pid, Some(hook)).is_ok();
                    hooks::run_all(&plan.create_hooks, &state, started)?;
                    note_waited_for(entry, init.pid, None)?;
                    go(&init.conversation)?;
                }
                Event::Console(terminal) => {
                    self.terminal = console::take(terminal, options.console_socket.as_deref())?;
                }
                Event::Ready => {
                    rule_devices()?;
                    set_scheduling(init.pid, &plan.outer_scheduling)?;
                    return set_limits(init.pid, &plan.outer_limits);
                }
                Event::Failed(report) => {
                    return Err(Error::Step(Box::new(StepError::new(report, &plan.inside))));
                }
                Event::Warning(report) => {
                    let warning = StepError::new(report, &plan.inside);
                    log::warn!("{warning}: {}", describe(&warning));
                }
                Event::Closed => return Err(died(init, self.cgroup.as_ref())),
                Event::Executing(..) => {}
            }
        }
    }

    fn finish(self, plan: Plan, saved: Written) -> Result<Prepared, Error> {
        let Making { entry, record, init, terminal, times, .. } = self;
        let Some(init) = init else {
            return Err(Error::Died { during: "it was prepared", how: "it never ran".to_owned() });
        };
        Ok(Prepared { entry, record, saved, init, steps: plan.inside, terminal, times })
    }

    /// Unmakes all of it; the first error is the one that counts.
    fn undo(mut self, error: Error) -> Error {
        // A hook or a process that was ended for that is not the reason.
        let error = if self.entry.is_unwanted() { Error::Unwanted } else { error };
        // Before the cgroup goes that it may be attaching a filter to.
        self.helper = None;
        if let Some(init) = &mut self.init {
            init.end();
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

fn has_hooks(plan: &Plan) -> bool {
    plan.inside.iter().any(|planned| matches!(planned.step, Step::AwaitHooks {}))
}

fn note_waited_for(entry: &Entry, init: i32, hook: Option<i32>) -> Result<(), Error> {
    let pids = [Some(init), hook];
    // One that has ended already needs no ending.
    let identities: Vec<_> = pids.into_iter().flatten().flat_map(Identity::of_child).collect();
    match entry.note_waited_for(&identities)? {
        true => Ok(()),
        false => Err(Error::Unwanted),
    }
}

fn describe(error: &StepError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests;
