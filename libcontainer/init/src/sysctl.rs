//! Sysctls, through a procfs that is ours alone: the container's own /proc may be covered.

use crate::failure::{Context, Failure, Outcome};
use crate::script::Container;
use core::ffi::CStr;
use creel_wire::message::At;
use rustix::fd::OwnedFd;
use rustix::fs::{self, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Writes `value` to the file at `path`, relative to the top of procfs.
pub fn write(c: &mut Container, path: &CStr, value: &[u8]) -> Outcome {
    let proc = procfs(c)?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS;
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = fs::openat2(proc, path, flags, Mode::empty(), resolve).at(At::OpenFile)?;
    let written = rustix::io::write(&file, value).at(At::WriteFile)?;
    if written == value.len() { Ok(()) } else { Err(Failure::new(At::WriteFile, Errno::IO)) }
}

/// The procfs that nobody else can see, made when it is first needed.
pub fn procfs<'c>(c: &'c mut Container<'_>) -> Result<&'c OwnedFd, Failure> {
    if c.proc.is_none() {
        c.proc = Some(own_procfs().at(At::OwnProc)?);
    }
    c.proc.as_ref().ok_or(Failure::new(At::OwnProc, Errno::BADF))
}

/// A detached procfs of this pid namespace.
pub fn own_procfs() -> Result<OwnedFd, Errno> {
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
