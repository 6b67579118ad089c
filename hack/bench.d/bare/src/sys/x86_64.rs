//! What differs by architecture: call numbers, the call instruction, the entry point, clone3.

use core::arch::{asm, global_asm};

pub(super) const READ: usize = 0;
pub(super) const WRITE: usize = 1;
pub(super) const CLOSE: usize = 3;
pub(super) const EXECVE: usize = 59;
pub(super) const WAIT4: usize = 61;
pub(super) const FCNTL: usize = 72;
pub(super) const CHDIR: usize = 80;
pub(super) const UMASK: usize = 95;
pub(super) const PIVOT_ROOT: usize = 155;
pub(super) const MOUNT: usize = 165;
pub(super) const UMOUNT2: usize = 166;
pub(super) const GETDENTS64: usize = 217;
pub(super) const CLOCK_GETTIME: usize = 228;
pub(super) const EXIT_GROUP: usize = 231;
pub(super) const OPENAT: usize = 257;
pub(super) const MKDIRAT: usize = 258;
pub(super) const MKNODAT: usize = 259;
pub(super) const UNLINKAT: usize = 263;
pub(super) const SYMLINKAT: usize = 266;
pub(super) const PPOLL: usize = 271;
pub(super) const EVENTFD2: usize = 290;
pub(super) const DUP3: usize = 292;
pub(super) const SETNS: usize = 308;
pub(super) const PIDFD_SEND_SIGNAL: usize = 424;
pub(super) const PIDFD_OPEN: usize = 434;
pub(super) const CLONE3: usize = 435;
pub(super) const MOUNT_SETATTR: usize = 442;

// The kernel enters with the stack pointer at argc; the frame above it stays as long as the program.
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call bare_start",
    "ud2",
);

/// One system call with up to six arguments; a negative result is an error number.
///
/// # Safety
/// The arguments must be what this call's man page asks for: pointers valid for what the kernel
/// reads or writes through them.
#[inline(always)]
pub(super) unsafe fn syscall(number: usize, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the instruction changes rax, rcx and r11 alone, all declared; what the kernel does
    // with memory is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a[0], in("rsi") a[1], in("rdx") a[2],
            in("r10") a[3], in("r8") a[4], in("r9") a[5],
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// `clone3` whose child calls `entry(data)` on the stack named in `args` and never comes back here.
///
/// # Safety
/// `args` points to a `clone_args` of `size` bytes whose stack belongs to the child alone; `entry`
/// does not return, and `data` stays valid for as long as the child uses it.
pub(super) unsafe fn clone3(
    args: *const u64,
    size: usize,
    entry: extern "C" fn(usize) -> !,
    data: usize,
) -> isize {
    let result: isize;
    // SAFETY: the parent falls through with only declared registers changed; the child jumps into
    // `entry` on its own stack, so it never touches the parent's frame.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") CLONE3 as isize => result,
            in("rdi") args, in("rsi") size,
            in("r12") data, in("r13") entry,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    result
}
