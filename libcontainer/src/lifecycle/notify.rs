//! Readiness: what the container's program says on its own socket is told to the service manager that waits for it
//! (sd_notify(3), NOTIFY_SOCKET).

use crate::error::Error;
use crate::plan::NOTIFY_ATTRIBUTES;
use crate::process::wait;
use crate::state::Entry;
use crate::sys;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, bind, recv, sendmsg,
    socket,
};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;
use std::ffi::{CString, OsStr};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::{fs, path::Path};

/// How long the manager may take to read what it was sent, in milliseconds.
const BARRIER_MS: u16 = 5_000;

/// Makes the directory of the container's socket.
pub(super) fn make_directory(entry: &Entry) -> Result<(), Error> {
    let path = entry.notify_directory();
    let failed = |source| Error::io("make the directory for readiness", &path, source);
    fs::create_dir(&path).map_err(failed)?;
    // A root of a user namespace is anybody here.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(failed)
}

/// Makes it, and the mount that the container gets to see.
pub(super) fn directory(entry: &Entry) -> Result<OwnedFd, Error> {
    make_directory(entry)?;
    let path = entry.notify_directory();
    let failed = |source| Error::io("mount the directory for readiness", &path, source);
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|nul| failed(nul.into()))?;
    let tree = sys::mount::clone_tree(&name, false).map_err(failed)?;
    match sys::mount::set_attributes(tree.as_fd(), (NOTIFY_ATTRIBUTES, 0), false) {
        // Before Linux 5.12: the plan closes it once it is attached.
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {}
        result => result.map_err(failed)?,
    }
    Ok(tree)
}

/// The container's socket, with somebody to tell.
pub(super) struct Readiness {
    listener: OwnedFd,
    manager: UnixAddr,
}

impl Readiness {
    /// `None` when the container was made without a socket to be ready on.
    pub(super) fn listen(entry: &Entry, manager: &OsStr) -> Result<Option<Self>, Error> {
        if !entry.notify_directory().is_dir() {
            log::warn!(
                "NOTIFY_SOCKET is not relayed: the container was created without one, and cannot say that it is ready"
            );
            return Ok(None);
        }
        let address = address(manager)
            .map_err(|source| Error::io("use NOTIFY_SOCKET", Path::new(manager), source))?;
        let path = entry.notify_socket_path();
        let listener = bound(entry, &path)
            .map_err(|source| Error::io("make the socket for readiness", &path, source))?;
        Ok(Some(Readiness { listener, manager: address }))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Takes one message; when it says ready, so does this, and names the container's process with `main_pid`. Nothing else
    /// of what a container says is for the manager: it could name another main process, or store descriptors.
    pub(super) fn relay(&self, main_pid: Option<i32>) -> bool {
        let mut message = [0u8; 4096];
        let length = match recv(self.listener.as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => length,
            Err(_) => return false,
        };
        if !message[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
            return false;
        }
        if let Err(error) = self.tell(main_pid) {
            log::warn!("NOTIFY_SOCKET: the service manager cannot be told: {error}");
        }
        true
    }

    /// Waits until the container has said that it is ready, or has ended.
    pub(super) fn wait(&self, process: BorrowedFd<'_>, pid: i32) -> Result<(), Error> {
        loop {
            let mut watched = [
                PollFd::new(self.fd(), PollFlags::POLLIN),
                PollFd::new(process, PollFlags::POLLIN),
            ];
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(errno) => {
                    return Err(Error::io("wait for readiness", "", errno.into()));
                }
            }
            let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|events| !events.is_empty());
            let [spoke, ended] = [ready(&watched[0]), ready(&watched[1])];
            // The pid of what has ended is soon another's.
            if (spoke && self.relay((!ended).then_some(pid))) || (ended && !spoke) {
                return Ok(());
            }
        }
    }

    fn tell(&self, main_pid: Option<i32>) -> io::Result<()> {
        let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        let message = match main_pid {
            Some(pid) => format!("MAINPID={pid}\nREADY=1\n"),
            None => "READY=1\n".to_owned(),
        };
        self.send(&socket, message.as_bytes(), &[])?;
        if main_pid.is_none() {
            return Ok(());
        }
        // sd_notify_barrier(3): the manager looks at the sender, which is about to end and must not be gone by then.
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let descriptors = [writer.as_raw_fd()];
        self.send(&socket, b"BARRIER=1", &[ControlMessage::ScmRights(&descriptors)])?;
        drop(writer);
        match wait::is_readable_within(&reader, BARRIER_MS)? {
            true => Ok(()),
            false => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn send(
        &self,
        socket: &OwnedFd,
        message: &[u8],
        control: &[ControlMessage<'_>],
    ) -> io::Result<()> {
        let parts = [IoSlice::new(message)];
        let flags = MsgFlags::MSG_NOSIGNAL;
        sendmsg(socket.as_raw_fd(), &parts, control, flags, Some(&self.manager))?;
        Ok(())
    }
}

/// sd_notify(3): a path, or `@` and an abstract name.
fn address(text: &OsStr) -> io::Result<UnixAddr> {
    match text.as_bytes() {
        [b'@', name @ ..] => Ok(UnixAddr::new_abstract(name)?),
        [b'/', ..] => Ok(UnixAddr::new(Path::new(text))?),
        _ => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
    }
}

/// A socket that everybody may send to, whoever the container's program runs as.
fn bound(entry: &Entry, path: &Path) -> io::Result<OwnedFd> {
    let listener = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    match fs::remove_file(path) {
        // Of a `start` that was killed.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    bind(listener.as_raw_fd(), &UnixAddr::new(entry.notify_address().as_str())?)?;
    open_to_all(path)?;
    Ok(listener)
}

/// Whoever can write in the directory may have put something else there: no link is followed, and only a socket changed.
fn open_to_all(path: &Path) -> io::Result<()> {
    // Not by std: with musl it leaves O_PATH out, and without that no socket can be opened.
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let socket = fs::File::from(nix::fcntl::open(path, flags, Mode::empty())?);
    if !socket.metadata()?.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let opened = format!("/proc/self/fd/{}", socket.as_raw_fd());
    fs::set_permissions(opened, fs::Permissions::from_mode(0o666))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_manager_is_a_path_or_an_abstract_name() {
        assert!(address(OsStr::new("/run/systemd/notify")).unwrap().path().is_some());
        let name = address(OsStr::new("@manager")).unwrap();
        assert_eq!(name.as_abstract(), Some(&b"manager"[..]));
        for bad in ["", "relative", "vsock:2:1"] {
            assert!(address(OsStr::new(bad)).is_err(), "{bad}");
        }
    }

    /// A directory that goes with its owner.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("creel-{name}-{}", std::process::id()));
            fs::create_dir(&path).expect("a directory");
            Scratch(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_link_in_place_of_the_socket_is_not_followed() {
        let scratch = Scratch::new("notify-link");
        let (secret, link) = (scratch.0.join("secret"), scratch.0.join("notify.sock"));
        fs::write(&secret, "").expect("write");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("chmod");
        std::os::unix::fs::symlink(&secret, &link).expect("a link");
        assert!(open_to_all(&link).is_err());
        assert!(open_to_all(&secret).is_err(), "no socket");
        assert_eq!(fs::metadata(&secret).expect("it").permissions().mode() & 0o777, 0o600);

        fs::remove_file(&link).expect("remove");
        let _bound = UnixDatagram::bind(&link).expect("bind");
        open_to_all(&link).expect("a socket");
        assert_eq!(fs::metadata(&link).expect("it").permissions().mode() & 0o777, 0o666);
    }

    /// The pid could be another's by the time that the manager looks.
    #[test]
    fn what_has_ended_is_no_main_process() {
        let scratch = Scratch::new("notify-ended");
        let path = scratch.0.join("manager");
        let manager = UnixDatagram::bind(&path).expect("bind");
        manager.set_nonblocking(true).expect("it");
        let listener = UnixDatagram::bind(scratch.0.join("listener")).expect("bind");
        let program = UnixDatagram::unbound().expect("a socket");
        program.send_to(b"READY=1", scratch.0.join("listener")).expect("send");
        let mut ended = std::process::Command::new("true").spawn().expect("true");
        let pidfd = sys::pidfd_open(ended.id() as i32).expect("a child");
        ended.wait().expect("wait");
        let manager_address = UnixAddr::new(&path).expect("an address");
        let readiness = Readiness { listener: listener.into(), manager: manager_address };
        readiness.wait(pidfd.as_fd(), ended.id() as i32).expect("ready");
        let mut text = [0; 64];
        let length = manager.recv(&mut text).expect("a message");
        assert_eq!(&text[..length], b"READY=1\n");
    }
}
