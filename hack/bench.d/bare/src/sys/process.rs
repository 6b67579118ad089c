//! Processes: their programs, ends, signals and namespaces; the clock.

use core::ffi::{CStr, c_char};
use core::ptr::null;

use super::{Args, Errno, MAX_ARGS, Result, addr, arch, call};

/// `exit_group(code)`
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: takes a number only.
        let _ = unsafe { call(arch::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]) };
    }
}

/// `execve(path, argv, environment)` with `environment` of one string; comes back only to fail.
pub fn exec_args(path: &CStr, argv: Args, environment: &CStr) -> Errno {
    let env = [environment.as_ptr(), null()];
    // SAFETY: the argv is the kernel's own of this program, NULL at its end; the environment is
    // NULL-terminated; all is only read.
    unsafe { execve(path, argv.as_argv(), env.as_ptr()) }
}

/// The same with an argv of NUL-terminated strings one after another in `packed`.
pub fn exec_packed(packed: &[u8], environment: &CStr) -> Errno {
    let mut argv = [null::<c_char>(); MAX_ARGS + 1];
    let mut rest = packed;
    let mut n = 0;
    while let Ok(arg) = CStr::from_bytes_until_nul(rest) {
        if n == MAX_ARGS {
            return Errno::E2BIG;
        }
        argv[n] = arg.as_ptr();
        n += 1;
        rest = &rest[arg.count_bytes() + 1..];
    }
    let Ok(path) = CStr::from_bytes_until_nul(packed) else { return Errno::ENOENT };
    let env = [environment.as_ptr(), null()];
    // SAFETY: both lists end with NULL (n <= MAX_ARGS < the array's length) and are only read.
    unsafe { execve(path, argv.as_ptr(), env.as_ptr()) }
}

/// # Safety
/// Both lists hold pointers to NUL-terminated strings and end with NULL.
unsafe fn execve(path: &CStr, argv: *const *const c_char, env: *const *const c_char) -> Errno {
    // SAFETY: the caller's promise.
    match unsafe { call(arch::EXECVE, [addr(path), argv as usize, env as usize, 0, 0, 0]) } {
        Err(e) => e,
        Ok(_) => Errno(0),
    }
}

/// What `wait4` tells of an ended process.
#[derive(Clone, Copy)]
pub struct Ended {
    /// The status as wait(2) codes it.
    pub status: i32,
    /// User and system time, microseconds.
    pub user_us: i64,
    /// System time, microseconds.
    pub system_us: i64,
    /// Peak resident size, KiB: the largest of the process and what it has waited for.
    pub max_rss: i64,
    /// Page faults without and with reading.
    pub faults: i64,
}

impl Ended {
    /// The exit code, or 128 + signal.
    pub fn code(&self) -> i32 {
        let signal = self.status & 0x7f;
        if signal == 0 { (self.status >> 8) & 0xff } else { 128 + signal }
    }
}

/// `wait4(pid, &status, 0, &rusage)`
pub fn wait(pid: i32) -> Result<Ended> {
    let mut status = 0_i32;
    // struct rusage: two timevals, then maxrss, ixrss, idrss, isrss, minflt, majflt and 8 more.
    let mut usage = [0_i64; 18];
    let args = [pid as usize, (&raw mut status) as usize, 0, usage.as_mut_ptr() as usize, 0, 0];
    // SAFETY: the kernel writes an int and a `struct rusage` of 144 bytes, which both have room.
    while let Err(e) = unsafe { call(arch::WAIT4, args) } {
        if e != Errno::EINTR {
            return Err(e);
        }
    }
    Ok(Ended {
        status,
        user_us: usage[0] * 1_000_000 + usage[1],
        system_us: usage[2] * 1_000_000 + usage[3],
        max_rss: usage[4],
        faults: usage[8] + usage[9],
    })
}

/// `clock_gettime(CLOCK_MONOTONIC)`, nanoseconds.
pub fn monotonic_ns() -> i64 {
    const CLOCK_MONOTONIC: usize = 1;
    let mut time = [0_i64; 2];
    // SAFETY: the kernel writes a `struct timespec` of two words.
    let _ = unsafe {
        call(arch::CLOCK_GETTIME, [CLOCK_MONOTONIC, time.as_mut_ptr() as usize, 0, 0, 0, 0])
    };
    time[0] * 1_000_000_000 + time[1]
}

/// `pidfd_open(pid, 0)`
pub fn pidfd_open(pid: i32) -> Result<i32> {
    // SAFETY: takes numbers only.
    unsafe { call(arch::PIDFD_OPEN, [pid as usize, 0, 0, 0, 0, 0]) }.map(|fd| fd as i32)
}

/// `pidfd_send_signal(pidfd, signal, NULL, 0)`
pub fn pidfd_send_signal(pidfd: i32, signal: i32) -> Result<()> {
    // SAFETY: numbers and a NULL.
    unsafe { call(arch::PIDFD_SEND_SIGNAL, [pidfd as usize, signal as usize, 0, 0, 0, 0]) }
        .map(drop)
}

/// `poll({fd, POLLIN}, no timeout)`: until there is something to read, or the process has ended.
pub fn poll_in(fd: i32) -> Result<()> {
    const POLLIN: u64 = 1;
    let mut entry: u64 = fd as u32 as u64 | (POLLIN << 32);
    // SAFETY: one `struct pollfd` of eight bytes (fd, events, revents); no timeout, no mask.
    unsafe { call(arch::PPOLL, [(&raw mut entry) as usize, 1, 0, 0, 0, 0]) }.map(drop)
}

/// `setns(pidfd, flags)`: into those namespaces of the process.
pub fn setns(pidfd: i32, flags: u64) -> Result<()> {
    // SAFETY: takes numbers only.
    unsafe { call(arch::SETNS, [pidfd as usize, flags as usize, 0, 0, 0, 0]) }.map(drop)
}
