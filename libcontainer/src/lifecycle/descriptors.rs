//! What the plan's descriptors are: opened before creel-init is started, by slot.

use super::notify;
use crate::error::Error;
use crate::mount_tree;
use crate::plan::{Descriptor, Join, Namespace, Plan};
use crate::process::image;
use crate::state::{Entry, Record};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The descriptors of the plan, opened, in the order of their slots from 1 on.
pub(super) struct Opened {
    pub(super) descriptors: Vec<OwnedFd>,
    /// Hook states, to be filled once the pid is known.
    hook_states: Vec<(&'static str, File)>,
}

impl Opened {
    pub(super) fn open(plan: &Plan, entry: &Entry) -> Result<Self, Error> {
        let mut opened = Opened { descriptors: Vec::new(), hook_states: Vec::new() };
        // Slot 0 is the conversation, which the launch makes.
        for descriptor in plan.descriptors.iter().skip(1) {
            let fd = opened.one(descriptor, plan, entry)?;
            opened.descriptors.push(fd);
        }
        Ok(opened)
    }

    fn one(
        &mut self,
        descriptor: &Descriptor,
        plan: &Plan,
        entry: &Entry,
    ) -> Result<OwnedFd, Error> {
        match descriptor {
            Descriptor::StartListener => start_listener(entry)
                .map_err(|source| Error::io("make the start socket in", entry.path(), source)),
            Descriptor::Namespace(join) => open_namespace(join),
            Descriptor::Report => report(),
            Descriptor::Times => times(plan.inside.len()),
            Descriptor::MountTree(tree) => Ok(mount_tree::make(tree)?),
            Descriptor::NotifyDirectory => notify::directory(entry),
            Descriptor::OuterSource(source) => Ok(mount_tree::open(source)?),
            Descriptor::HookState(status) => {
                let memfd = nix::sys::memfd::memfd_create(
                    c"creel-state",
                    nix::sys::memfd::MFdFlags::MFD_CLOEXEC,
                )
                .map_err(|errno| Error::io("make a memfd", "", errno.into()))?;
                let copy = memfd
                    .try_clone()
                    .map_err(|source| Error::io("duplicate a memfd", "", source))?;
                self.hook_states.push((status, File::from(copy)));
                Ok(memfd)
            }
            Descriptor::Conversation | Descriptor::Process | Descriptor::ProcessRoot => {
                Err(Error::io(
                    "open a descriptor of the plan",
                    "",
                    io::Error::from_raw_os_error(libc::EINVAL),
                ))
            }
        }
    }

    /// Where creel-init notes the times of its steps, if it does.
    pub(super) fn times(&self, plan: &Plan) -> Option<OwnedFd> {
        let slot = plan.descriptors.iter().position(|one| *one == Descriptor::Times)?;
        self.descriptors.get(slot.checked_sub(1)?)?.try_clone().ok()
    }

    /// Runtime spec, "State": hooks inside the container learn the pid as the container sees it.
    pub(super) fn tell_hooks(&self, record: &Record, plan: &Plan, pid: i32) -> Result<(), Error> {
        if self.hook_states.is_empty() {
            return Ok(());
        }
        let pid = match plan.new_namespaces.contains(&Namespace::Pid) {
            true => 1,
            false => pid_inside(pid).map_err(|source| {
                Error::io("read the status of process", pid.to_string(), source)
            })?,
        };
        for (status, file) in &self.hook_states {
            let state = hook_state(record, status, pid)?;
            let mut file = file;
            file.write_all(&state)
                .map_err(|source| Error::io("write the state for hooks", "", source))?;
        }
        Ok(())
    }
}

/// The last number of NSpid in proc_pid_status(5): the pid in the innermost namespace.
fn pid_inside(pid: i32) -> io::Result<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let last = line.and_then(|pids| pids.split_whitespace().next_back()?.parse().ok());
    last.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no NSpid"))
}

pub(super) fn hook_state(record: &Record, status: &str, pid: i32) -> Result<Vec<u8>, Error> {
    record
        .hook_state(status, pid)
        .map_err(|source| Error::io("write the state for hooks", "", source.into()))
}

/// Memory for the times at which so many steps begin.
pub(super) fn times(steps: usize) -> Result<OwnedFd, Error> {
    image::times(steps).map_err(|source| Error::io("make a memfd", "", source))
}

pub(super) fn report() -> Result<OwnedFd, Error> {
    image::report().map_err(|source| Error::io("make a memfd", "", source))
}

fn open_namespace(join: &Join) -> Result<OwnedFd, Error> {
    let json_path = || format!("{}.path", join.origin);
    let opened = File::open(&join.path).and_then(|file| {
        let kind = crate::sys::namespace_kind(file.as_fd())?;
        Ok((OwnedFd::from(file), kind))
    });
    match opened {
        Ok((file, kind)) if kind == join.namespace.flag() => Ok(file),
        Ok(_) => Err(Error::NamespaceKind {
            json_path: json_path(),
            path: join.path.clone(),
            wanted: join.namespace.file(),
        }),
        Err(source) => {
            Err(Error::Namespace { json_path: json_path(), path: join.path.clone(), source })
        }
    }
}

/// Bound through the directory's descriptor: the path may be longer than an address can be.
fn start_listener(entry: &Entry) -> io::Result<OwnedFd> {
    let listener = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    bind(listener.as_raw_fd(), &UnixAddr::new(entry.start_address().as_str())?)?;
    listen(&listener, Backlog::new(8)?)?;
    Ok(listener)
}
