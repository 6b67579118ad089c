//! `lo` of a new network namespace.

use crate::failure::{Context, Outcome};
use crate::sys;
use creel_wire::message::At;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// netdevice(7): SIOCSIFFLAGS with IFF_UP.
pub fn up() -> Outcome {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .at(At::Socket)?;
    sys::interface_up(&socket, b"lo").at(At::Call)
}
