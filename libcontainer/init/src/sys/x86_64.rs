//! What differs on x86_64: the entry point, the system call instruction, the memory functions that
//! the compiler calls, the numbers.

use core::arch::{asm, global_asm};

// The kernel enters here with the argument count on top of the stack (System V ABI, 3.4.1).
global_asm!(
    ".globl _start",
    ".type _start, @function",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {entry}",
    "ud2",
    entry = sym super::entry,
);

/// Ends this process by SIGILL, which asks no filter.
pub(super) fn trap() -> ! {
    // SAFETY: the instruction never completes; the kernel ends the process, whose memory nobody sees again.
    unsafe { asm!("ud2", options(noreturn)) }
}

/// One system call with up to six arguments; the result as the kernel gives it.
///
/// # Safety
/// The arguments must be right for the call `number`: every pointer valid for what the kernel does
/// with it, and nothing done to memory that Rust code still counts on.
pub(super) unsafe fn syscall(number: usize, a: [usize; 6]) -> isize {
    let result;
    // SAFETY: the caller vouches for the arguments; the instruction clobbers rcx and r11 only, and
    // memory, which is not declared untouched.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a[0],
            in("rsi") a[1],
            in("rdx") a[2],
            in("r10") a[3],
            in("r8") a[4],
            in("r9") a[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// System call numbers that rustix has no safe call for.
pub(super) mod number {
    pub(crate) const RT_SIGACTION: usize = 13;
    pub(crate) const RT_SIGPROCMASK: usize = 14;
    pub(crate) const IOCTL: usize = 16;
    pub(crate) const DUP3: usize = 292;
    pub(crate) const CLONE: usize = 56;
    pub(crate) const EXECVE: usize = 59;
    pub(crate) const EXIT_GROUP: usize = 231;
    pub(crate) const GETCWD: usize = 79;
    pub(crate) const SETGROUPS: usize = 116;
    pub(crate) const SETRESUID: usize = 117;
    pub(crate) const SETRESGID: usize = 119;
    pub(crate) const PERSONALITY: usize = 135;
    pub(crate) const SET_MEMPOLICY: usize = 238;
    pub(crate) const IOPRIO_SET: usize = 251;
    pub(crate) const SCHED_SETATTR: usize = 314;
    pub(crate) const CAPGET: usize = 125;
    pub(crate) const CAPSET: usize = 126;
    pub(crate) const PRCTL: usize = 157;
    pub(crate) const KEYCTL: usize = 250;
    pub(crate) const UNSHARE: usize = 272;
    pub(crate) const PRLIMIT64: usize = 302;
    pub(crate) const SETNS: usize = 308;
    pub(crate) const SECCOMP: usize = 317;
    pub(crate) const CLOCK_GETTIME: usize = 228;
    pub(crate) const CLOSE_RANGE: usize = 436;
    pub(crate) const MOUNT_SETATTR: usize = 442;
}

/// The functions that compiled code may call by name; glibc's cannot be linked without libc.
mod memory {
    use core::arch::asm;

    /// memcpy(3).
    ///
    /// # Safety
    /// As in C: `n` bytes readable at `source` and writable at `target`, not overlapping.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(target: *mut u8, source: *const u8, n: usize) -> *mut u8 {
        // SAFETY: the caller vouches for both ranges; the direction flag is clear by the ABI.
        unsafe {
            asm!("rep movsb", inout("rcx") n => _, inout("rdi") target => _,
                 inout("rsi") source => _, options(nostack, preserves_flags));
        }
        target
    }

    /// memmove(3).
    ///
    /// # Safety
    /// As in C: `n` bytes readable at `source` and writable at `target`.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(target: *mut u8, source: *const u8, n: usize) -> *mut u8 {
        if (target as usize).wrapping_sub(source as usize) >= n {
            // SAFETY: copying upwards never overwrites what is still to be read.
            return unsafe { memcpy(target, source, n) };
        }
        // SAFETY: downwards from the last byte for the other overlap; n is not 0 here; the direction
        // flag is cleared again as the ABI wants it.
        unsafe {
            asm!("std", "rep movsb", "cld", inout("rcx") n => _,
                 inout("rdi") target.add(n).sub(1) => _,
                 inout("rsi") source.add(n).sub(1) => _, options(nostack));
        }
        target
    }

    /// memset(3).
    ///
    /// # Safety
    /// As in C: `n` bytes writable at `target`.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(target: *mut u8, byte: i32, n: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the range; the direction flag is clear by the ABI.
        unsafe {
            asm!("rep stosb", inout("rcx") n => _, inout("rdi") target => _,
                 in("al") byte as u8, options(nostack, preserves_flags));
        }
        target
    }

    /// memcmp(3).
    ///
    /// # Safety
    /// As in C: `n` bytes readable at both places.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
        let mut at = 0;
        while at < n {
            // SAFETY: `at` is below `n`, and the caller vouches for `n` bytes at both places. Volatile,
            // so that the loop is not made into a call of this very function.
            let (x, y) = unsafe { (a.add(at).read_volatile(), b.add(at).read_volatile()) };
            if x != y {
                return i32::from(x) - i32::from(y);
            }
            at += 1;
        }
        0
    }

    /// bcmp(3).
    ///
    /// # Safety
    /// As [`memcmp`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
        // SAFETY: the caller's promise is the same.
        unsafe { memcmp(a, b, n) }
    }

    /// strlen(3).
    ///
    /// # Safety
    /// As in C: a NUL-terminated text at `text`.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        let mut length = 0;
        // SAFETY: every byte up to the NUL is readable. Volatile for the same reason as in memcmp.
        while unsafe { text.add(length).read_volatile() } != 0 {
            length += 1;
        }
        length
    }
}
