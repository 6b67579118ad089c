//! Scheduling another process.

use std::io;

use creel_wire::owned::Step;
use creel_wire::schedule::SchedAttr;

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
