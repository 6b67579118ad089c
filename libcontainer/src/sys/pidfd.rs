//! Process file descriptors.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `int pidfd_open(pid_t pid, unsigned int flags)`: a descriptor that becomes readable when the
/// process exits; close-on-exec ([pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html)).
pub(crate) fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open takes two integers and touches no memory of this process.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// `int pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)`: any signal
/// number, real-time ones too
/// ([pidfd_send_signal(2)](https://man7.org/linux/man-pages/man2/pidfd_send_signal.2.html)).
pub(crate) fn send_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let info: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: a null siginfo is allowed and means what kill(2) would send; the descriptor is open
    // for as long as it is borrowed.
    let done =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, info, 0) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// `PIDFD_GET_INFO` of pidfd_open(2) with `PIDFD_INFO_EXIT`, since Linux 6.15: the status, as wait(2) has it, of a process
/// that has ended and was reaped by whomever; `None` where it cannot be had.
pub(crate) fn exit_status(pidfd: BorrowedFd<'_>) -> Option<i32> {
    const PIDFD_GET_INFO: libc::Ioctl = 0xc040_ff0b_u32 as libc::Ioctl;
    const PIDFD_INFO_EXIT: u64 = 1 << 3;
    /// struct pidfd_info of its first size, 64 bytes.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    let mut info = Info { mask: PIDFD_INFO_EXIT, ..Info::default() };
    // SAFETY: the kernel reads and writes one struct of the size that the request's number has in it.
    let done = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    (done == 0 && info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code)
}

/// `int pidfd_getfd(int pidfd, int targetfd, unsigned int flags)`: what another process has open under a number;
/// close-on-exec ([pidfd_getfd(2)](https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html)).
pub(crate) fn get_descriptor(pidfd: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers; the pidfd is open for as long as it is borrowed.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// statfs(2), PID_FS_MAGIC: the inodes of pidfds are those of processes, and none comes twice, since Linux 6.9.
pub(crate) fn is_of_pidfs(pidfd: BorrowedFd<'_>) -> io::Result<bool> {
    const PID_FS_MAGIC: u64 = 0x5049_4446;
    // SAFETY: a struct statfs is plain numbers, for which zeros will do.
    let mut found: libc::statfs = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one struct statfs; the descriptor is open for as long as it is borrowed.
    let done = unsafe { libc::fstatfs(pidfd.as_raw_fd(), &raw mut found) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(found.f_type as u64 == PID_FS_MAGIC) }
}

/// A descriptor that recvmsg(2) just delivered.
pub(crate) fn own_received(number: i32) -> OwnedFd {
    // SAFETY: the kernel made it for the one message it came with, and the caller takes each number once.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// ioctl_nsfs(2), NS_GET_NSTYPE: CLONE_NEW* of an open namespace; ENOTTY for any other file.
pub(crate) fn namespace_kind(namespace: BorrowedFd<'_>) -> io::Result<u32> {
    const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
    // SAFETY: the request takes no argument.
    let kind = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_NSTYPE) };
    if kind < 0 { Err(io::Error::last_os_error()) } else { Ok(kind as u32) }
}
