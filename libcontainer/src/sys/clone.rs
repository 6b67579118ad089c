//! clone3(2) straight into a program: the child makes a few system calls on memory that was made
//! before, and execs. It may therefore be used from programs with any number of threads.

use super::helper::Entrance;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

pub(super) const CLONE_PIDFD: u64 = 0x1000;
pub(super) const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const CLOSE_RANGE_CLOEXEC: usize = 4;
const STACK: usize = 32 * 1024;

/// struct clone_args of clone3(2).
#[repr(C, align(8))]
#[derive(Default)]
pub(super) struct CloneArgs {
    pub(super) flags: u64,
    pub(super) pidfd: u64,
    pub(super) child_tid: u64,
    pub(super) parent_tid: u64,
    pub(super) exit_signal: u64,
    pub(super) stack: u64,
    pub(super) stack_size: u64,
    pub(super) tls: u64,
    pub(super) set_tid: u64,
    pub(super) set_tid_size: u64,
    pub(super) cgroup: u64,
}

/// What to clone and what to exec.
pub(crate) struct CloneRequest<'a> {
    /// CLONE_NEW* flags of those that the clone makes.
    pub(crate) namespaces: u64,
    /// Namespaces that the child enters before all else; with `vfork` only.
    pub(crate) entrance: Option<Entrance<'a>>,
    /// A cgroup2 directory to start in.
    pub(crate) cgroup: Option<BorrowedFd<'a>>,
    /// Share memory until the exec and hold this thread still (CLONE_VM, CLONE_VFORK).
    pub(crate) vfork: bool,
    /// Keep all capabilities over the exec: in a new user namespace without maps the kernel would drop them.
    pub(crate) keep_capabilities: bool,
    /// The program, as an open file.
    pub(crate) program: BorrowedFd<'a>,
    pub(crate) arguments: &'a [&'a CStr],
    /// Descriptors that stay open over the exec, besides 0 to 2; all others are closed by it, whatever the
    /// caller had open.
    pub(crate) inherited: &'a [RawFd],
    /// Descriptors that are open over the exec under the second number; no first number is a second one.
    pub(crate) moves: &'a [(RawFd, RawFd)],
}

/// A new process.
pub(crate) struct Child {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    /// What failed before or with the exec, when memory was shared so that it can be known.
    pub(crate) error: Option<ChildError>,
}

/// What the child could not do.
pub(crate) enum ChildError {
    /// Enter the namespaces.
    Enter(io::Error),
    /// Become creel-init: dup3(2), execveat(2).
    Exec(io::Error),
}

/// What the child reads and writes.
struct Shared<'a> {
    entrance: Option<Entrance<'a>>,
    program: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    inherited: *const RawFd,
    inherited_count: usize,
    moves: *const (RawFd, RawFd),
    moves_count: usize,
    keep_capabilities: bool,
    has_entered: bool,
    errno: i32,
}

/// Clones and execs. Signals are blocked in this thread meanwhile; the child starts with them
/// blocked, all handlers removed.
pub(crate) fn clone_and_exec(request: &CloneRequest<'_>) -> io::Result<Child> {
    debug_assert!(request.vfork || request.entrance.is_none(), "it would wait on a copy");
    let mut arguments: Vec<*const c_char> = request.arguments.iter().map(|a| a.as_ptr()).collect();
    arguments.push(ptr::null());
    let environment = [ptr::null::<c_char>()];
    let mut shared = Shared {
        entrance: request.entrance,
        program: request.program.as_raw_fd(),
        arguments: arguments.as_ptr(),
        environment: environment.as_ptr(),
        inherited: request.inherited.as_ptr(),
        inherited_count: request.inherited.len(),
        moves: request.moves.as_ptr(),
        moves_count: request.moves.len(),
        keep_capabilities: request.keep_capabilities,
        has_entered: false,
        errno: 0,
    };
    let stack: Box<[std::mem::MaybeUninit<u8>]> = Box::new_uninit_slice(STACK);
    let mut pidfd: c_int = -1;
    let mut args = CloneArgs {
        flags: request.namespaces | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.as_ptr() as u64,
        stack_size: (STACK & !15) as u64,
        ..CloneArgs::default()
    };
    if request.vfork {
        args.flags |= (libc::CLONE_VM | libc::CLONE_VFORK) as u64;
    }
    if let Some(cgroup) = request.cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    let blocked = nix::sys::signal::SigSet::all()
        .thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_SETMASK)?;
    // SAFETY: `args` is a whole struct clone_args whose pidfd points to a c_int. The stack is ours, 16-byte
    // aligned at its end by the kernel's caller below, and lives until the child execs or ends: with vfork
    // this thread is held until then, without it the child has a copy of all of it. `child` only makes
    // system calls on `shared` and what it points to, which live as long.
    let pid = unsafe { clone3(&args, child, (&raw mut shared).cast()) };
    let restored = blocked.thread_set_mask();
    if pid < 0 {
        return Err(io::Error::from_raw_os_error(-pid as i32));
    }
    restored?;
    // SAFETY: the kernel stored a new descriptor of this process, which nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    // SAFETY: with CLONE_VM the child may have written here; it has exec'd or ended by now.
    let (errno, has_entered) = unsafe {
        ((&raw const shared.errno).read_volatile(), (&raw const shared.has_entered).read_volatile())
    };
    let kind = if has_entered { ChildError::Exec } else { ChildError::Enter };
    let error = (errno != 0).then(|| kind(io::Error::from_raw_os_error(errno)));
    Ok(Child { pid: pid as i32, pidfd, error })
}

/// The child: no allocation, no libc (whose state belongs to the parent), only system calls.
///
/// # Safety
/// `argument` points to a `Shared` whose pointers are valid.
unsafe extern "C" fn child(argument: *mut c_void) -> ! {
    let shared: *mut Shared<'_> = argument.cast();
    // SAFETY: as promised above; nobody else uses it while this runs (the parent is held, or this is a copy).
    unsafe {
        if let Some(entrance) = (*shared).entrance {
            let result = entrance.enter();
            if result < 0 {
                give_up(shared, result);
            }
        }
        (&raw mut (*shared).has_entered).write_volatile(true);
        // Before 5.11 this is refused; what the caller leaked then stays until creel-init's own execve.
        raw(libc::SYS_close_range, [3, u32::MAX as usize, CLOSE_RANGE_CLOEXEC, 0, 0]);
        for index in 0..(*shared).inherited_count {
            let descriptor = *(*shared).inherited.add(index);
            raw(libc::SYS_fcntl, [descriptor as usize, libc::F_SETFD as usize, 0, 0, 0]);
        }
        for index in 0..(*shared).moves_count {
            let (from, to) = *(*shared).moves.add(index);
            let result = raw(libc::SYS_dup3, [from as usize, to as usize, 0, 0, 0]);
            if result < 0 {
                give_up(shared, result);
            }
        }
        if (*shared).keep_capabilities {
            keep_capabilities();
        }
        let result = raw(
            libc::SYS_execveat,
            [
                (*shared).program as usize,
                c"".as_ptr() as usize,
                (*shared).arguments as usize,
                (*shared).environment as usize,
                libc::AT_EMPTY_PATH as usize,
            ],
        );
        give_up(shared, result);
    }
}

/// Ends the child with the error where the parent finds it.
///
/// # Safety
/// `shared` is valid.
unsafe fn give_up(shared: *mut Shared<'_>, result: isize) -> ! {
    // SAFETY: as promised above; the rest is a system call.
    unsafe {
        (&raw mut (*shared).errno).write_volatile(-result as i32);
        loop {
            raw(libc::SYS_exit_group, [127, 0, 0, 0, 0]);
        }
    }
}

/// Makes every capability inheritable and ambient. A refusal shows later, as a step that lacks a capability.
///
/// # Safety
/// Only system calls on this function's own memory.
unsafe fn keep_capabilities() {
    let mut header = [0x2008_0522_u32, 0];
    let mut sets = [[0u32; 3]; 2];
    // SAFETY: version 3 of capget: a header of two words, and two structs of three words that are written.
    unsafe {
        let (header, sets) = (header.as_mut_ptr() as usize, sets.as_mut_ptr() as usize);
        raw(libc::SYS_capget, [header, sets, 0, 0, 0]);
    }
    let [[effective, permitted, _], [high_effective, high_permitted, _]] = sets;
    let inheritable =
        [[effective, permitted, permitted], [high_effective, high_permitted, high_permitted]];
    // SAFETY: capset reads the same; prctl takes plain numbers.
    unsafe {
        let (header, sets) = (header.as_mut_ptr() as usize, inheritable.as_ptr() as usize);
        raw(libc::SYS_capset, [header, sets, 0, 0, 0]);
        for capability in 0..64 {
            let (ambient, raise) =
                (libc::PR_CAP_AMBIENT as usize, libc::PR_CAP_AMBIENT_RAISE as usize);
            if raw(libc::SYS_prctl, [ambient, raise, capability, 0, 0]) < 0 {
                break;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{clone3, raw};

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::{CloneArgs, c_long, c_void};
    use std::arch::asm;

    /// A system call without errno, which is a variable of the thread that is held.
    ///
    /// # Safety
    /// The arguments must be right for the call.
    pub(in crate::sys) unsafe fn raw(number: c_long, a: [usize; 5]) -> isize {
        let result;
        // SAFETY: the caller vouches for the arguments; rcx and r11 are what the instruction clobbers.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") number as usize => result,
                in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3], in("r8") a[4],
                lateout("rcx") _, lateout("r11") _,
                options(nostack),
            );
        }
        result
    }

    /// clone3(2), the child going on in `entry` on the stack that `args` names.
    ///
    /// # Safety
    /// The stack must be big enough for `entry`, which must not return and must only do what a child that
    /// may share this memory can do.
    pub(in crate::sys) unsafe fn clone3(
        args: &CloneArgs,
        entry: unsafe extern "C" fn(*mut c_void) -> !,
        argument: *mut c_void,
    ) -> isize {
        let result;
        // SAFETY: the caller vouches for stack and entry. The child has all registers of the parent but rax
        // and rsp, so it finds `entry` and `argument` where they were put; the frame pointer is cleared and
        // the stack aligned as at any function's entry. The parent goes on behind the label.
        unsafe {
            asm!(
                "syscall",
                "test rax, rax",
                "jnz 2f",
                "xor ebp, ebp",
                "and rsp, -16",
                "mov rdi, rdx",
                "call r8",
                "ud2",
                "2:",
                // Named: any register could be the frame pointer, too.
                in("rdx") argument,
                in("r8") entry,
                inlateout("rax") libc::SYS_clone3 as usize => result,
                in("rdi") args as *const CloneArgs,
                in("rsi") size_of::<CloneArgs>(),
                // Not late: the instruction overwrites them before the inputs are used.
                out("rcx") _, out("r11") _,
            );
        }
        result
    }
}
