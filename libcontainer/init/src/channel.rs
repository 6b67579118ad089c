//! The socket to whoever waits for this process: `create` or `run` at first, `start` later.

use crate::failure::{Context, Failure};
use core::sync::atomic::{AtomicI32, Ordering};
use creel_wire::message::{At, BEFORE_STEPS, Kind, Message, SIZE};
use rustix::fd::{AsFd, BorrowedFd, RawFd};
use rustix::io::Errno;

/// Where a panic is reported to; a panic handler has no other way to know.
static CURRENT: AtomicI32 = AtomicI32::new(-1);

/// One connected socket. Closed by the kernel, at execve or when the process ends.
pub struct Channel {
    number: RawFd,
}

impl Channel {
    pub fn new(number: RawFd) -> Self {
        CURRENT.store(number, Ordering::Relaxed);
        Channel { number }
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        crate::sys::borrow(self.number)
    }

    /// Sends one message; whoever should read it may be gone, which the next wait will show.
    pub fn send(&self, message: &Message) {
        let _ = crate::sys::send(self.fd(), &message.to_bytes());
    }

    pub fn failed(&self, step: u32, failure: &Failure) {
        self.send(&of_failure(Kind::Failed, step, failure));
    }

    pub fn warn(&self, step: u32, failure: &Failure) {
        self.send(&of_failure(Kind::Warning, step, failure));
    }

    /// Sends a message with a descriptor.
    pub fn send_descriptor(&self, message: &Message, descriptor: impl AsFd) -> Result<(), Errno> {
        crate::sys::send_descriptor(self.fd(), &message.to_bytes(), descriptor.as_fd())
    }

    /// Ends a connection that said nothing.
    pub fn close(self) {
        CURRENT.store(-1, Ordering::Relaxed);
        crate::sys::close(self.number);
    }

    /// Waits for Go. The end of the connection means that nobody wants this container any more.
    pub fn wait(&self) -> Result<(), Failure> {
        let mut bytes = [0; SIZE];
        let length =
            rustix::io::retry_on_intr(|| rustix::io::read(self.fd(), &mut bytes)).at(At::Sync)?;
        match Message::from_bytes(&bytes[..length]) {
            Some(Message { kind: Kind::Go, .. }) => Ok(()),
            _ => Err(Failure::new(At::Sync, Errno::PIPE)),
        }
    }
}

fn of_failure(kind: Kind, step: u32, failure: &Failure) -> Message {
    let (text, length) = failure.text();
    let mut message = Message::new(kind).with_text(&text[..length]);
    message.step = step;
    message.at = failure.at as u32;
    message.errno = failure.errno.raw_os_error();
    message
}

/// Says that creel-init itself is defective.
pub fn report_panic() {
    let number = CURRENT.load(Ordering::Relaxed);
    if number >= 0 {
        Channel { number }.failed(BEFORE_STEPS, &Failure::new(At::Panic, Errno::NOTRECOVERABLE));
    }
}
