//! The layer over the kernel: one safe function per system call, and what a program without libc
//! needs to start.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod arch;
mod clone;
mod entry;
mod file;
mod memory;
mod process;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the bench's bare programs know only x86_64: add a file beside src/sys/x86_64.rs");

pub use clone::{flags, start_process};
pub use entry::{Args, MAX_ARGS, start_program};
pub use file::*;
pub use process::*;

/// A kernel error number, positive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

impl Errno {
    /// No such file or directory.
    pub const ENOENT: Self = Self(2);
    /// No such process.
    pub const ESRCH: Self = Self(3);
    /// Interrupted by a signal.
    pub const EINTR: Self = Self(4);
    /// Busy: of a cgroup, that something is still in it.
    pub const EBUSY: Self = Self(16);
    /// An argument list that does not fit the program's own buffers.
    pub const E2BIG: Self = Self(7);
}

/// What a system call gives.
pub type Result<T> = core::result::Result<T, Errno>;

/// A system call's result, its error number taken out.
///
/// # Safety
/// As [`arch::syscall`].
unsafe fn call(number: usize, args: [usize; 6]) -> Result<usize> {
    // SAFETY: the caller's promise.
    let result = unsafe { arch::syscall(number, args) };
    if result < 0 { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}

/// A string as the argument of a system call.
fn addr(s: &core::ffi::CStr) -> usize {
    s.as_ptr() as usize
}
