//! Notifications of a seccomp filter, seccomp_unotify(2).

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

const RECEIVE: libc::Ioctl = 0xc050_2100_u32 as libc::Ioctl;
const ANSWER: libc::Ioctl = 0xc018_2101_u32 as libc::Ioctl;
const CONTINUE: u32 = 1;

/// A call that waits for an answer.
pub(crate) struct Notification {
    id: u64,
}

impl Notification {
    /// Waits for the next one.
    pub(crate) fn next(listener: &OwnedFd) -> io::Result<Self> {
        // struct seccomp_notif: id, pid and flags, then struct seccomp_data; the kernel wants it zeroed.
        let mut notification = [0u64; 10];
        // SAFETY: the kernel writes one struct of 80 bytes.
        let result =
            unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE as _, notification.as_mut_ptr()) };
        if result < 0 {
            Err(io::Error::last_os_error())
        } else {
            Ok(Notification { id: notification[0] })
        }
    }

    /// Lets the call fail with this errno, or go on with 0.
    pub(crate) fn answer(self, listener: &OwnedFd, errno: i32) -> io::Result<()> {
        // struct seccomp_notif_resp: id, val, error and flags.
        let flags = if errno == 0 { CONTINUE } else { 0 };
        let last = u64::from(-errno as u32) | u64::from(flags) << 32;
        let answer = [self.id, 0, last];
        // SAFETY: the kernel reads one struct of 24 bytes.
        let result = unsafe { libc::ioctl(listener.as_raw_fd(), ANSWER as _, answer.as_ptr()) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// One message with its descriptors, recvmsg(2).
pub(crate) fn receive(from: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
    let mut bytes = vec![0; 1 << 16];
    let mut space = nix::cmsg_space!([RawFd; 8]);
    let (length, numbers) = {
        let mut parts = [io::IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
        let mut numbers: Vec<RawFd> = Vec::new();
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(rights) = control {
                numbers.extend(rights);
            }
        }
        (message.bytes, numbers)
    };
    bytes.truncate(length);
    // SAFETY: the kernel made them for this message, and each is taken once.
    let descriptors = numbers.into_iter().map(|n| unsafe { OwnedFd::from_raw_fd(n) }).collect();
    Ok((bytes, descriptors))
}
