//! Facts about this thread, memfd sealing, and what a child may not inherit.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// capget(2): the permitted set of this thread.
pub(crate) fn capabilities() -> io::Result<u64> {
    let mut header = [0x2008_0522_u32, 0];
    let mut data = [[0u32; 3]; 2];
    // SAFETY: version 3 reads a header of two words and writes two structs of three words.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(data[0][1]) | (u64::from(data[1][1]) << 32))
}

/// fcntl(2), F_ADD_SEALS: no more writing, growing, shrinking or sealing.
pub(crate) fn seal_all(memfd: BorrowedFd<'_>) -> io::Result<()> {
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: plain numbers.
    let result = unsafe { libc::fcntl(memfd.as_raw_fd(), libc::F_ADD_SEALS, seals) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// fcntl(2), F_GETFD: whether a descriptor is open and would outlive an execve. None of ours ever would: they are
/// close-on-exec from birth.
pub(crate) fn is_inheritable(number: RawFd) -> bool {
    // SAFETY: plain numbers; a number that is not open is an answer.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    flags >= 0 && flags & libc::FD_CLOEXEC == 0
}

/// fcntl(2), F_DUPFD_CLOEXEC: a copy whose number is `first` or the next free one.
pub(crate) fn duplicate_from(fd: BorrowedFd<'_>, first: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the descriptor is open for as long as it is borrowed.
    let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, first) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// signal(2): SIGCHLD has its default action from now on.
pub(crate) fn default_child_signal() {
    // SAFETY: no handler is installed. It fails only for numbers that are no signals.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// close_range(2): the child keeps standard input, output and error alone, whatever the caller had open.
pub(crate) fn close_descriptors_at_exec(command: &mut Command) {
    let close = || {
        // SAFETY: plain numbers; descriptors are only marked, so nothing that Rust code owns is closed.
        let result = unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 4) };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // Before 5.11 there is no CLOSE_RANGE_CLOEXEC.
            Some(libc::EINVAL | libc::ENOSYS) => close_each_at_exec(),
            _ => Err(error),
        }
    };
    // SAFETY: between fork and exec the closure makes system calls only and allocates nothing.
    unsafe { command.pre_exec(close) };
}

/// fcntl(2), F_SETFD, one by one up to the hard limit: the soft one may have been lowered after something above it was
/// opened.
fn close_each_at_exec() -> io::Result<()> {
    const MOST: u64 = 1 << 20;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one struct rlimit.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } < 0 {
        return Err(io::Error::last_os_error());
    }
    for number in 3..limit.rlim_max.min(MOST) as RawFd {
        // SAFETY: plain numbers; what is open is only marked, and what is not is no matter.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}

/// seccomp(2): whether the kernel knows these SECCOMP_FILTER_FLAG_*. Without a filter it fails in any case, and looks
/// at the flags first.
pub(crate) fn seccomp_knows(flags: u32) -> bool {
    let nothing = std::ptr::null::<u8>();
    // SAFETY: a null pointer, which the kernel answers with EFAULT; no filter is installed.
    unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, nothing) };
    io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// prlimit(2) on another process.
pub(crate) fn set_limit(pid: i32, resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = [soft, hard];
    let nothing = std::ptr::null_mut::<u64>();
    // SAFETY: the kernel reads one struct rlimit64 and writes none back.
    let result =
        unsafe { libc::syscall(libc::SYS_prlimit64, pid, resource, limit.as_ptr(), nothing) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
