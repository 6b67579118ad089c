//! The messages of rtnetlink(7) that moving a device takes: written and read as bytes, every length checked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_GETLINK: u16 = 18;
pub(super) const RTM_NEWADDR: u16 = 20;
pub(super) const RTM_GETADDR: u16 = 22;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_CREATE_EXCL: u16 = 0x600;

const IFLA_IFNAME: u16 = 3;
const IFLA_NET_NS_FD: u16 = 28;
const IFF_UP: u32 = 1;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_BROADCAST: u16 = 4;
const IFA_FLAGS: u16 = 8;
const IFA_F_PERMANENT: u32 = 0x80;
const IFA_F_NODAD: u32 = 0x02;
const RT_SCOPE_UNIVERSE: u8 = 0;

/// struct nlmsghdr.
pub(super) const HEADER: usize = 16;

/// A request: header, fixed part, attributes.
#[derive(Debug, Clone)]
pub(super) struct Request(Vec<u8>);

impl Request {
    fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
        bytes.extend_from_slice(fixed);
        Request(bytes)
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = (4 + value.len()) as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// The bytes to send, numbered.
    pub(super) fn bytes(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = self.0.clone();
        let length = bytes.len() as u32;
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes
    }
}

/// struct ifinfomsg.
fn link_part(index: i32, flags: u32, change: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..16].copy_from_slice(&change.to_ne_bytes());
    bytes
}

fn name_bytes(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0"].concat()
}

/// Asks for one device by its name.
pub(super) fn get_link(name: &str) -> Request {
    Request::new(RTM_GETLINK, NLM_F_ACK, &link_part(0, 0, 0))
        .attribute(IFLA_IFNAME, &name_bytes(name))
}

/// Moves a device into another network namespace, under a new name.
pub(super) fn move_link(index: i32, name: &str, namespace: BorrowedFd<'_>) -> Request {
    Request::new(RTM_NEWLINK, NLM_F_ACK, &link_part(index, 0, 0))
        .attribute(IFLA_NET_NS_FD, &(namespace.as_raw_fd() as u32).to_ne_bytes())
        .attribute(IFLA_IFNAME, &name_bytes(name))
}

/// Sets a device up.
pub(super) fn set_up(index: i32) -> Request {
    Request::new(RTM_NEWLINK, NLM_F_ACK, &link_part(index, IFF_UP, IFF_UP))
}

/// Asks for all addresses of all devices.
pub(super) fn get_addresses() -> Request {
    Request::new(RTM_GETADDR, NLM_F_DUMP, &[0; 8])
}

/// A network device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: i32,
}

impl Link {
    /// Reads the body of an RTM_NEWLINK.
    pub(super) fn parse(body: &[u8]) -> io::Result<Self> {
        let index = body.get(4..8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(cut)?;
        Ok(Link { index: i32::from_ne_bytes(index) })
    }
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    family: u8,
    prefix: u8,
    flags: u32,
    scope: u8,
    pub(super) index: i32,
    /// IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, where they are there.
    values: Vec<(u16, Vec<u8>)>,
}

impl Address {
    /// Reads the body of an RTM_NEWADDR.
    pub(super) fn parse(body: &[u8]) -> io::Result<Self> {
        let (fixed, attributes) = body.split_at_checked(8).ok_or_else(cut)?;
        let index = fixed[4..8].try_into().map_err(|_| cut())?;
        let mut address = Address {
            family: fixed[0],
            prefix: fixed[1],
            flags: u32::from(fixed[2]),
            scope: fixed[3],
            index: i32::from_ne_bytes(index),
            values: Vec::new(),
        };
        for (kind, value) in self::attributes(attributes)? {
            match kind {
                // All 32 flags; the fixed part has room for 8.
                IFA_FLAGS => {
                    let flags = value.try_into().map_err(|_| cut())?;
                    address.flags = u32::from_ne_bytes(flags);
                }
                IFA_ADDRESS | IFA_LOCAL | IFA_BROADCAST => {
                    address.values.push((kind, value.to_vec()));
                }
                IFA_LABEL => {}
                _ => {}
            }
        }
        Ok(address)
    }

    /// Those of the link itself come by themselves, and those with a lifetime are renewed by whoever gave them.
    pub(super) fn is_kept(&self) -> bool {
        self.flags & IFA_F_PERMANENT != 0 && self.scope == RT_SCOPE_UNIVERSE
    }

    /// The request that gives it to a device.
    pub(super) fn add_to(&self, index: i32) -> Request {
        // It was found to be nobody else's where it was; looking again would keep it unusable for a second.
        let flags = self.flags & IFA_F_NODAD | IFA_F_PERMANENT;
        let mut fixed = [0; 8];
        (fixed[0], fixed[1], fixed[2], fixed[3]) =
            (self.family, self.prefix, flags as u8, self.scope);
        fixed[4..8].copy_from_slice(&index.to_ne_bytes());
        let request = Request::new(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE_EXCL, &fixed);
        self.values.iter().fold(request, |request, (kind, value)| request.attribute(*kind, value))
    }

    /// As ip(8) writes it.
    pub(super) fn display(&self) -> String {
        let local = self.values.iter().find(|(kind, _)| *kind == IFA_LOCAL);
        let value = local.or_else(|| self.values.iter().find(|(kind, _)| *kind == IFA_ADDRESS));
        let address = value.and_then(|(_, bytes)| ip(bytes));
        address.map_or(String::new(), |address| format!("{address}/{}", self.prefix))
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into())
}

/// struct rtattr, one after the other, each at a multiple of 4 bytes.
fn attributes(mut bytes: &[u8]) -> io::Result<Vec<(u16, &[u8])>> {
    let mut found = Vec::new();
    while let [a, b, c, d, ..] = *bytes {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let value = bytes.get(4..length).ok_or_else(cut)?;
        found.push((u16::from_ne_bytes([c, d]), value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(found)
}

pub(super) fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a netlink message that is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(flags: u32, scope: u8) -> Vec<u8> {
        let mut body = vec![2, 24, flags as u8, scope];
        body.extend_from_slice(&7i32.to_ne_bytes());
        for (kind, value) in [(IFA_LOCAL, [10, 0, 0, 1]), (IFA_FLAGS, flags.to_ne_bytes())] {
            body.extend_from_slice(&8u16.to_ne_bytes());
            body.extend_from_slice(&kind.to_ne_bytes());
            body.extend_from_slice(&value);
        }
        body
    }

    #[test]
    fn an_address_is_read_and_given_to_another_device() {
        let read = Address::parse(&address(IFA_F_PERMANENT, 0)).unwrap();
        assert!(read.is_kept());
        assert_eq!((read.display().as_str(), read.index), ("10.0.0.1/24", 7));
        let bytes = read.add_to(9).bytes(3);
        let again = Address::parse(&bytes[HEADER..]).unwrap();
        assert_eq!((again.index, again.values), (9, read.values));
    }

    #[test]
    fn what_is_not_permanent_or_not_global_stays_behind() {
        assert!(!Address::parse(&address(0, 0)).unwrap().is_kept());
        assert!(!Address::parse(&address(IFA_F_PERMANENT, 253)).unwrap().is_kept());
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut body = address(IFA_F_PERMANENT, 0);
        body[8] = 200;
        assert!(Address::parse(&body).is_err());
        body[8] = 0;
        assert!(Address::parse(&body).is_err());
        assert!(Address::parse(&[2, 24]).is_err());
        assert!(Link::parse(&[0; 6]).is_err());
    }
}
