//! A socket that talks with the kernel of one network namespace.

use super::message::{
    self, Address, HEADER, Link, RTM_NEWADDR, RTM_NEWLINK, Request, cut, get_addresses, get_link,
};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::thread;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

#[derive(Debug)]
pub(super) struct Socket {
    socket: OwnedFd,
    sequence: u32,
}

impl Socket {
    /// In this thread's network namespace.
    pub(super) fn here() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        Ok(Socket { socket, sequence: 0 })
    }

    /// In another network namespace. A socket stays where it was made, and setns(2) moves only the thread that
    /// calls it: that one ends right after.
    pub(super) fn inside(namespace: BorrowedFd<'_>) -> io::Result<Self> {
        let make = || {
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
            Socket::here()
        };
        thread::scope(|scope| {
            let made = thread::Builder::new().spawn_scoped(scope, make)?.join();
            made.unwrap_or_else(|_| Err(io::Error::other("the thread for the socket panicked")))
        })
    }

    /// The device of this name; ENODEV when there is none.
    pub(super) fn link(&mut self, name: &str) -> io::Result<Link> {
        let mut found = None;
        self.ask(&get_link(name), |kind, body| {
            if kind == RTM_NEWLINK {
                found = Some(Link::parse(body)?);
            }
            Ok(())
        })?;
        found.ok_or_else(|| io::Error::from_raw_os_error(libc::ENODEV))
    }

    /// All addresses of a device.
    pub(super) fn addresses(&mut self, index: i32) -> io::Result<Vec<Address>> {
        let mut found = Vec::new();
        self.ask(&get_addresses(), |kind, body| {
            if kind == RTM_NEWADDR {
                let address = Address::parse(body)?;
                if address.index == index {
                    found.push(address);
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// A request that is only acknowledged.
    pub(super) fn change(&mut self, request: &Request) -> io::Result<()> {
        self.ask(request, |_, _| Ok(()))
    }

    /// Sends a request and reads until its acknowledgement, or the end of a dump.
    fn ask(
        &mut self,
        request: &message::Request,
        mut take: impl FnMut(u16, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.sequence += 1;
        let kernel = NetlinkAddr::new(0, 0);
        let bytes = request.bytes(self.sequence);
        sendto(self.socket.as_raw_fd(), &bytes, &kernel, MsgFlags::empty())?;
        let mut buffer = vec![0u8; 64 * 1024];
        loop {
            let length = match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Err(nix::Error::EINTR) => continue,
                result => result?,
            };
            let mut rest = &buffer[..length];
            while !rest.is_empty() {
                let (kind, sequence, body);
                (kind, sequence, body, rest) = next(rest)?;
                match kind {
                    // What is left of an earlier request.
                    _ if sequence != self.sequence => {}
                    NLMSG_ERROR => return result(body),
                    NLMSG_DONE => return Ok(()),
                    kind => take(kind, body)?,
                }
            }
        }
    }
}

/// The type, the number and the body of the first message, and what is behind it.
fn next(bytes: &[u8]) -> io::Result<(u16, u32, &[u8], &[u8])> {
    let word = |at: usize| -> io::Result<u32> {
        let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_ne_bytes).ok_or_else(cut)
    };
    let length = word(0)? as usize;
    let body = bytes.get(HEADER..length).ok_or_else(cut)?;
    let kind = bytes.get(4..6).and_then(|bytes| bytes.try_into().ok()).ok_or_else(cut)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Ok((u16::from_ne_bytes(kind), word(8)?, body, rest))
}

/// struct nlmsgerr: 0, or an errno below it.
fn result(body: &[u8]) -> io::Result<()> {
    let errno = body.get(..4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(cut)?;
    match i32::from_ne_bytes(errno) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno.wrapping_neg())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_cut_short_is_refused() {
        assert!(next(&[0; 3]).is_err());
        let mut bytes = vec![0; 16];
        bytes[0] = 40;
        assert!(next(&bytes).is_err());
        bytes[0] = 15;
        assert!(next(&bytes).is_err());
        assert!(result(&[1]).is_err());
    }

    #[test]
    fn the_loopback_device_is_found_with_its_address() {
        let mut socket = Socket::here().unwrap();
        assert_eq!(socket.link("lo").unwrap().index, 1);
        let missing = socket.link("creel-no-such").unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(libc::ENODEV));
        socket.addresses(1).unwrap();
    }
}
