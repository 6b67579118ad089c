//! Starting a process with `clone3`.

use core::mem::{MaybeUninit, size_of};

use super::{Errno, Result, arch};

/// Flags of `clone3`, see clone(2).
pub mod flags {
    /// Share the memory: nothing is copied.
    pub const VM: u64 = 0x100;
    /// Hold the parent until the child has called exec or ended.
    pub const VFORK: u64 = 0x4000;
    /// A new mount namespace.
    pub const NEWNS: u64 = 0x2_0000;
    /// A new cgroup namespace.
    pub const NEWCGROUP: u64 = 0x200_0000;
    /// A new UTS namespace.
    pub const NEWUTS: u64 = 0x400_0000;
    /// A new IPC namespace.
    pub const NEWIPC: u64 = 0x800_0000;
    /// A new pid namespace.
    pub const NEWPID: u64 = 0x2000_0000;
    /// A new network namespace.
    pub const NEWNET: u64 = 0x4000_0000;
    /// Into the cgroup whose descriptor is given.
    pub const INTO_CGROUP: u64 = 0x2_0000_0000;
}

const STACK: usize = 32 * 1024;
const SIGCHLD: u64 = 17;

/// `struct clone_args` up to `cgroup` (`CLONE_ARGS_SIZE_VER2`).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

struct Job<'a, T> {
    child: fn(&T) -> !,
    data: &'a T,
}

extern "C" fn enter<T>(job: usize) -> ! {
    // SAFETY: `start_process` passes the address of a Job<T> that it keeps until the child is done
    // with it: either the child has a copy of the memory, or the parent stands still (VFORK).
    let job = unsafe { &*(job as *const Job<'_, T>) };
    (job.child)(job.data)
}

/// `clone3(flags)`: the child calls `child(data)`; the parent gets its pid.
///
/// With [`flags::VM`] the parent must stand still, so [`flags::VFORK`] is added.
pub fn start_process<T>(
    mut flags: u64,
    cgroup: Option<i32>,
    child: fn(&T) -> !,
    data: &T,
) -> Result<i32> {
    if flags & flags::VM != 0 {
        flags |= flags::VFORK;
    }
    if cgroup.is_some() {
        flags |= flags::INTO_CGROUP;
    }
    let mut stack = MaybeUninit::<[u8; STACK]>::uninit();
    let args = CloneArgs {
        flags,
        exit_signal: SIGCHLD,
        stack: stack.as_mut_ptr() as u64,
        stack_size: STACK as u64,
        cgroup: cgroup.unwrap_or(0) as u64,
        ..CloneArgs::default()
    };
    let job = Job { child, data };
    // SAFETY: the stack is this frame's own and used by the child alone; this frame, the job in it
    // included, stays as it is until the child has left the memory (VM: VFORK holds the parent
    // here) or the child works on its own copy; `enter` does not return.
    let pid = unsafe {
        arch::clone3(
            (&raw const args).cast(),
            size_of::<CloneArgs>(),
            enter::<T>,
            (&raw const job) as usize,
        )
    };
    if pid < 0 { Err(Errno(-pid as i32)) } else { Ok(pid as i32) }
}
