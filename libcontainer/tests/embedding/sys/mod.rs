//! What the tests ask of the kernel by bare numbers.

#![allow(unsafe_code)]

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::unistd::Pid;
use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// Whether this number is a descriptor that an execve(2) hands on.
pub(crate) fn is_inheritable(number: i32) -> bool {
    // SAFETY: it is only asked for its flags; one that is not open is EBADF.
    let fd = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(fd, FcntlArg::F_GETFD).is_ok_and(|flags| flags & FdFlag::FD_CLOEXEC.bits() == 0)
}

/// A duplicate with the first free number from `from` on, which execve(2) hands on.
pub(crate) fn duplicate_inheritable(file: BorrowedFd<'_>, from: i32) -> OwnedFd {
    let number = fcntl(file, FcntlArg::F_DUPFD(from)).expect("a duplicate");
    // SAFETY: the kernel just made it, for nobody else.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// The next message, its length, and the first descriptor that came with it (SCM_RIGHTS, unix(7)).
pub(crate) fn receive(
    stream: &UnixStream,
    bytes: &mut [u8],
) -> nix::Result<(usize, Option<OwnedFd>)> {
    let mut space = nix::cmsg_space!([i32; 1]);
    let mut parts = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut fd = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = control {
            // SAFETY: the kernel just made it for this message.
            fd = Some(unsafe { OwnedFd::from_raw_fd(numbers[0]) });
        }
    }
    Ok((message.bytes, fd))
}

/// tgkill(2): a signal for one thread of this program alone. 0, or -1.
pub(crate) fn signal_thread(thread: Pid, signal: Signal) -> i64 {
    let process = Pid::this().as_raw();
    // SAFETY: plain numbers.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread.as_raw(), signal as i32) }
}
