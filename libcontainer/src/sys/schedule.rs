//! Scheduling another process: its policy, its priorities, and where it begins to run.

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

/// Has a new child begin on another processor than this thread's, where it waited for this thread otherwise; afterwards the
/// kernel may move it again. Fork balancing does the same where it finds a processor idle, so this is for kernels that
/// keep a child on its parent's (virtual machines that are to use few processors). Nothing happens where there is no other.
pub(super) fn move_away(child: i32) {
    let mut allowed = [0u64; 16];
    let size = size_of_val(&allowed) as libc::c_int;
    // SAFETY: the kernel writes at most `size` bytes to a mask of that size.
    let written =
        unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, size, allowed.as_mut_ptr()) };
    // SAFETY: takes nothing.
    let here = unsafe { libc::sched_getcpu() };
    let (Ok(here), true) = (usize::try_from(here), written > 0) else { return };
    let mut elsewhere = allowed;
    if let Some(word) = elsewhere.get_mut(here / 64) {
        *word &= !(1 << (here % 64));
    }
    for mask in [elsewhere, allowed] {
        // SAFETY: the kernel reads `written` bytes, which it wrote above and are no more than the mask has.
        let moved =
            unsafe { libc::syscall(libc::SYS_sched_setaffinity, child, written, mask.as_ptr()) };
        if moved < 0 {
            return;
        }
    }
}
