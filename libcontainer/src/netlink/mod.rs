//! Network devices of the host that move into the container, over rtnetlink(7).
//!
//! Everything is synchronous, on one socket per network namespace. A device that has moved never comes back
//! by creel's doing: the kernel destroys it with the namespace, or returns it when it is a physical one.

mod message;
mod socket;

use crate::plan::{NetDevice, NetDevices};
use message::{Address, Link};
use socket::Socket;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;

/// Why a device could not be moved.
#[derive(Debug)]
pub struct NetDeviceError {
    json_path: String,
    doing: Doing,
    source: io::Error,
}

#[derive(Debug)]
enum Doing {
    Enter(PathBuf),
    Find(String),
    ListAddresses,
    Move(String),
    Address(String),
    Up(String),
}

impl NetDeviceError {
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match (&self.doing, self.source.raw_os_error()) {
            (Doing::Find(_), Some(libc::ENODEV)) => {
                Some("the device has to be in the network namespace that creel runs in")
            }
            (Doing::Move(_), Some(libc::EINVAL)) => {
                Some("a device such as a bridge or lo stays in the namespace it was made in")
            }
            (Doing::Move(_), Some(libc::EEXIST)) => {
                Some("the network namespace has a device of that name already; choose another name")
            }
            _ => None,
        }
    }
}

impl fmt::Display for NetDeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.json_path)?;
        match &self.doing {
            Doing::Enter(path) => write!(f, "network namespace {}", path.display()),
            Doing::Find(name) => write!(f, "network device {name} on the host"),
            Doing::ListAddresses => f.write_str("listing its addresses"),
            Doing::Move(name) => write!(f, "moving it into the container as {name}"),
            Doing::Address(address) => write!(f, "giving it back its address {address}"),
            Doing::Up(name) => write!(f, "setting {name} up"),
        }
    }
}

impl std::error::Error for NetDeviceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Moves all of them into the joined namespace, or else into that of process `pid`.
pub(crate) fn move_devices(wanted: &NetDevices, pid: i32) -> Result<(), NetDeviceError> {
    let path = match &wanted.joined {
        Some(join) => join.path.clone(),
        None => format!("/proc/{pid}/ns/net").into(),
    };
    let enter = |source| NetDeviceError {
        json_path: "linux.netDevices".to_owned(),
        doing: Doing::Enter(path.clone()),
        source,
    };
    let namespace = File::open(&path).map_err(enter)?;
    let mut host = Socket::here().map_err(enter)?;
    let mut container = Socket::inside(namespace.as_fd()).map_err(enter)?;
    for device in &wanted.devices {
        move_one(device, &mut host, &mut container, &namespace)?;
    }
    Ok(())
}

/// config-linux.md, "Network Devices": moved and renamed in one step, with the permanent global addresses that
/// it loses by that, and set up.
fn move_one(
    device: &NetDevice,
    host: &mut Socket,
    container: &mut Socket,
    namespace: &File,
) -> Result<(), NetDeviceError> {
    let failed = |doing| move |source| NetDeviceError { json_path: device.origin(), doing, source };
    let name = || device.container.clone();
    let found = host.link(&device.host).map_err(failed(Doing::Find(device.host.clone())))?;
    let addresses = host.addresses(found.index).map_err(failed(Doing::ListAddresses))?;
    host.change(&message::move_link(found.index, &device.container, namespace.as_fd()))
        .map_err(failed(Doing::Move(name())))?;
    // Its index may be another one there.
    let Link { index, .. } =
        container.link(&device.container).map_err(failed(Doing::Move(name())))?;
    for address in addresses.iter().filter(|address| address.is_kept()) {
        container
            .change(&address.add_to(index))
            .map_err(failed(Doing::Address(Address::display(address))))?;
    }
    container.change(&message::set_up(index)).map_err(failed(Doing::Up(name())))
}
