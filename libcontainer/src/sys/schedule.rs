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
/// keep a child on its parent's (virtual machines that are to use few processors). Nothing happens where there is no other,
/// and where there may be more than 1,024.
pub(super) fn move_away(child: i32) {
    let Some((allowed, size)) = allowed() else { return };
    let mut elsewhere = allowed;
    let Some((word, bit)) = here() else { return };
    elsewhere[word] &= !bit;
    if allow(child, &elsewhere, size) {
        allow(child, &allowed, size);
    }
}

/// Has a child run on this thread's processor.
pub(super) fn move_here(child: i32) {
    let Some((word, bit)) = here() else { return };
    let mut mask = Mask::default();
    mask[word] = bit;
    allow(child, &mask, size_of::<Mask>());
}

/// A set of processors.
type Mask = [u64; 16];

/// Those that this thread may run on, and how many bytes the kernel has for them.
fn allowed() -> Option<(Mask, usize)> {
    let mut mask = Mask::default();
    let size = size_of::<Mask>();
    // SAFETY: the kernel writes at most `size` bytes to a mask of that size.
    let written = unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, size, mask.as_mut_ptr()) };
    usize::try_from(written).ok().filter(|written| *written > 0).map(|written| (mask, written))
}

fn allow(child: i32, mask: &Mask, size: usize) -> bool {
    // SAFETY: the kernel reads at most a whole mask.
    let done = unsafe {
        libc::syscall(
            libc::SYS_sched_setaffinity,
            child,
            size.min(size_of::<Mask>()),
            mask.as_ptr(),
        )
    };
    done == 0
}

/// The word and the bit of this thread's processor.
fn here() -> Option<(usize, u64)> {
    // SAFETY: takes nothing.
    let processor = usize::try_from(unsafe { libc::sched_getcpu() }).ok()?;
    let word = processor / 64;
    (word < Mask::default().len()).then_some((word, 1 << (processor % 64)))
}
