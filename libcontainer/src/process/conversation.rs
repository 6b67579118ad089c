//! The talk with creel-init over its socket, in the words of [`creel_wire::message`].

use creel_wire::message::{At, BEFORE_STEPS, Kind, Message, SIZE};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, RecvMsg, Shutdown, SockFlag, SockType,
    UnixCredentials, recvmsg, send, setsockopt, shutdown, socketpair, sockopt,
};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Instant;

/// What creel-init reported of a step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The index of the step; `None`: before the first.
    pub(crate) step: Option<usize>,
    pub(crate) at: At,
    /// An errno, or the status or signal of a hook.
    pub(crate) number: i32,
    pub(crate) text: String,
}

impl Report {
    /// The one call of a step failed.
    pub(crate) fn of_call(step: usize, number: i32) -> Self {
        Report { step: Some(step), at: At::Call, number, text: String::new() }
    }
}

/// What creel-init says.
#[derive(Debug)]
pub(crate) enum Event {
    Mounted,
    /// Its new user namespace waits for its maps.
    Unmapped,
    Ready,
    /// The next call is execve, in the step of this index; with a filter comes where it leaves its errno.
    Executing(usize, Option<OwnedFd>),
    /// Its pid inside a joined pid namespace, as seen from here.
    Pid(i32),
    Console(OwnedFd),
    Warning(Report),
    Failed(Report),
    /// It closed its end: by execve, or by its death.
    Closed,
}

/// The pid of whoever sent a message, where the kernel was [asked](Conversation::ask_for_senders). Others than the sender
/// it may only be made to name, by one with CAP_SYS_ADMIN in its pid namespace, if they are in that namespace.
pub(crate) type Sender = Option<i32>;

/// One end of the socket.
#[derive(Debug)]
pub(crate) struct Conversation {
    socket: OwnedFd,
}

impl Conversation {
    /// Both ends; the other one is for creel-init.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        Ok((Conversation { socket: ours }, theirs))
    }

    /// From now on the kernel says who sent a message (unix(7), `SO_PASSCRED`).
    pub(crate) fn ask_for_senders(&self) -> io::Result<()> {
        Ok(setsockopt(&self.socket, sockopt::PassCred, &true)?)
    }

    /// Over a connection that was made otherwise.
    pub(crate) fn over(socket: OwnedFd) -> Self {
        Conversation { socket }
    }

    /// Lets creel-init go on. That it has died is seen at the next [`Self::next`].
    pub(crate) fn go(&self) -> io::Result<()> {
        let bytes = Message::new(Kind::Go).to_bytes();
        match send(self.socket.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL) {
            Ok(_) | Err(nix::Error::EPIPE | nix::Error::ECONNRESET) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Says that no Go will come any more; what creel-init says can still be read.
    pub(crate) fn hang_up(&self) -> io::Result<()> {
        Ok(shutdown(self.socket.as_raw_fd(), Shutdown::Write)?)
    }

    /// Waits for the next event, but not longer than until `end`.
    pub(crate) fn next_before(&self, end: Instant) -> io::Result<Option<(Event, Sender)>> {
        let mut watched = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        loop {
            let left = end.saturating_duration_since(Instant::now()).as_millis();
            // However much is said.
            if left == 0 {
                return Ok(None);
            }
            match poll(&mut watched, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(0) => return Ok(None),
                Ok(_) => return self.next_and_sender().map(Some),
                Err(nix::Error::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits for something to hear; false when the process, by its pidfd, ended first and has said nothing that is not heard yet.
    pub(crate) fn is_heard_before_end_of(&self, process: BorrowedFd<'_>) -> io::Result<bool> {
        let said = PollFd::new(self.socket.as_fd(), PollFlags::POLLIN);
        let mut watched = [said, PollFd::new(process, PollFlags::POLLIN)];
        let is_said =
            |watched: &[PollFd<'_>]| watched[0].revents().is_some_and(|events| !events.is_empty());
        loop {
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) if is_said(&watched) => return Ok(true),
                // It may have said it after the socket was looked at.
                Ok(_) => return Ok(poll(&mut watched, PollTimeout::ZERO)? > 0 && is_said(&watched)),
                Err(nix::Error::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits for the next event.
    pub(crate) fn next(&self) -> io::Result<Event> {
        self.next_and_sender().map(|(event, _)| event)
    }

    /// As [`Self::next`], and who sent it.
    pub(crate) fn next_and_sender(&self) -> io::Result<(Event, Sender)> {
        let mut bytes = [0u8; SIZE];
        // As many descriptors as can come (SCM_MAX_FD): what finds no room would be open and nobody's.
        let mut space = nix::cmsg_space!(UnixCredentials, [std::os::fd::RawFd; 253]);
        let (length, (descriptor, sender)) = loop {
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let flags = MsgFlags::MSG_CMSG_CLOEXEC;
            match recvmsg::<()>(self.socket.as_raw_fd(), &mut parts, Some(&mut space), flags) {
                Ok(message) => break (message.bytes, take_control(&message)?),
                Err(nix::Error::EINTR) => {}
                Err(nix::Error::ECONNRESET) => return Ok((Event::Closed, None)),
                Err(errno) => return Err(errno.into()),
            }
        };
        if length == 0 {
            return Ok((Event::Closed, None));
        }
        let message = Message::from_bytes(&bytes[..length]).ok_or_else(strange)?;
        Ok((event(&message, descriptor)?, sender))
    }
}

impl AsFd for Conversation {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn event(message: &Message, descriptor: Option<OwnedFd>) -> io::Result<Event> {
    Ok(match message.kind {
        Kind::Mounted => Event::Mounted,
        Kind::Unmapped => Event::Unmapped,
        Kind::Ready => Event::Ready,
        Kind::Executing => Event::Executing(message.step as usize, descriptor),
        // Zero and less would be whole groups of processes for kill(2).
        Kind::Pid => {
            Event::Pid(i32::try_from(message.step).ok().filter(|pid| *pid > 0).ok_or_else(strange)?)
        }
        Kind::Console => Event::Console(descriptor.ok_or_else(strange)?),
        Kind::Warning => Event::Warning(report(message)),
        Kind::Failed => Event::Failed(report(message)),
        Kind::Go => return Err(strange()),
    })
}

fn report(message: &Message) -> Report {
    Report {
        step: (message.step != BEFORE_STEPS).then_some(message.step as usize),
        at: At::from_u32(message.at).unwrap_or(At::Call),
        number: message.errno,
        text: String::from_utf8_lossy(message.text()).trim_end().to_owned(),
    }
}

fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "creel-init sent something that is not a message")
}

fn take_control(message: &RecvMsg<'_, '_, ()>) -> io::Result<(Option<OwnedFd>, Sender)> {
    let (mut taken, mut sender) = (None, None);
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::ScmRights(numbers) => {
                for number in numbers {
                    taken = Some(crate::sys::own_received(number));
                }
            }
            ControlMessageOwned::ScmCredentials(credentials) => sender = Some(credentials.pid()),
            _ => {}
        }
    }
    Ok((taken, sender))
}
