//! Scheduling another process: its policy, its priorities, and where it begins to run.

use std::io;

use creel_wire::owned::Step;
use creel_wire::schedule::SchedAttr;
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// sched_setattr(2) on a process, as [`Step::Scheduler`] says; any other step sets nothing.
pub(crate) fn set_scheduler(pid: i32, wanted: &Step) -> io::Result<()> {
    let Step::Scheduler { policy, flags, nice, priority, runtime, deadline, period } = *wanted
    else {
        return Ok(());
    };
    let attr = SchedAttr::new(policy, flags, nice, priority, (runtime, deadline, period));
    // SAFETY: the kernel reads one struct of the size that stands in it.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, pid, &raw const attr, 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// ioprio_set(2) on a process.
pub(crate) fn set_io_priority(pid: i32, value: u32) -> io::Result<()> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    // SAFETY: plain numbers.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Has a new child begin on another processor than this thread's, where it waited for this thread otherwise; afterwards the
/// kernel may move it again. Fork balancing does the same where it finds a processor idle, so this is for kernels that
/// keep a child on its parent's (virtual machines that are to use few processors). Nothing happens where there is no other,
/// and where there may be more than 1,024.
pub(super) fn move_away(child: i32) {
    let (Ok(allowed), Ok(here)) = (sched_getaffinity(Pid::from_raw(0)), sched_getcpu()) else {
        return;
    };
    let (mut elsewhere, child) = (allowed, Pid::from_raw(child));
    if elsewhere.unset(here).is_ok() && sched_setaffinity(child, &elsewhere).is_ok() {
        let _ = sched_setaffinity(child, &allowed);
    }
}

/// Has a child run on this thread's processor.
pub(super) fn move_here(child: i32) {
    let mut processors = CpuSet::new();
    if sched_getcpu().and_then(|here| processors.set(here)).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(child), &processors);
    }
}
