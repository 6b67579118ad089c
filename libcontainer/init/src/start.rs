//! Waiting for `start`.

use crate::channel::Channel;
use crate::failure::{Context, Failure};
use crate::sys;
use creel_wire::message::At;
use rustix::fd::IntoRawFd;
use rustix::io::retry_on_intr;
use rustix::net::{SocketFlags, accept_with};

/// Accepts connections until one says Go; it then carries what follows. A `start` that died before
/// it said anything leaves the container as it was.
pub fn await_start(listener: i32) -> Result<Channel, Failure> {
    let listener = sys::borrow(listener);
    loop {
        let connection =
            retry_on_intr(|| accept_with(listener, SocketFlags::CLOEXEC)).at(At::Sync)?;
        let channel = Channel::new(connection.into_raw_fd());
        if channel.wait().is_ok() {
            return Ok(channel);
        }
        channel.close();
    }
}
