//! A unix socket that is handed descriptors, as engines make one for a terminal or a pidfd.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::{fs, time::Duration};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

use super::Bundle;

/// The listening socket.
pub(crate) struct Passed {
    listener: UnixListener,
    path: PathBuf,
}

/// A descriptor that was handed over.
#[derive(Debug)]
pub(crate) struct PassedFile {
    /// The message it came with.
    pub(crate) name: String,
    /// What it points at.
    pub(crate) link: String,
    /// Its file in /proc/self/fdinfo.
    info: String,
    descriptor: RawFd,
}

impl Drop for PassedFile {
    fn drop(&mut self) {
        let _ = nix::unistd::close(self.descriptor);
    }
}

impl Passed {
    pub(crate) fn listen(bundle: &Bundle) -> Passed {
        let path = bundle.outside("passed").join("socket");
        Passed { listener: UnixListener::bind(&path).expect("a socket"), path }
    }

    pub(crate) fn path(&self) -> &str {
        self.path.to_str().expect("UTF-8")
    }

    /// The next one.
    #[track_caller]
    pub(crate) fn take(&self) -> PassedFile {
        let (connection, _) = self.listener.accept().expect("a connection");
        connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let (name, descriptor) = receive(&connection);
        PassedFile {
            name,
            descriptor,
            link: fs::read_link(format!("/proc/self/fd/{descriptor}"))
                .expect("the descriptor")
                .to_string_lossy()
                .into_owned(),
            info: fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).expect("fdinfo"),
        }
    }
}

impl PassedFile {
    /// The process of a pidfd, pidfd_open(2).
    pub(crate) fn pid(&self) -> Option<u32> {
        self.info.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
    }
}

/// One message with one descriptor.
#[track_caller]
fn receive(connection: &UnixStream) -> (String, RawFd) {
    let mut text = [0u8; 64];
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut text)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(connection.as_raw_fd(), &mut parts, Some(&mut space), flags);
    let message = message.expect("a message");
    let descriptors =
        message.cmsgs().expect("control messages").find_map(|control| match control {
            ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
            _ => None,
        });
    let (length, descriptor) = (message.bytes, descriptors.expect("a descriptor"));
    (String::from_utf8_lossy(&text[..length]).into_owned(), descriptor)
}
