//! A procfs that is ours alone: nobody else can see it, and nothing in it can be covered
//! (CVE-2025-52881).

use crate::buffer::Buffer;
use crate::failure::{Context, Failure, Outcome};
use crate::script::Container;
use crate::walk;
use core::ffi::CStr;
use core::fmt::Write;
use creel_wire::message::At;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Its top, of this process's pid namespace.
pub fn top<'c>(c: &'c mut Container<'_>) -> Result<&'c OwnedFd, Failure> {
    if c.proc.is_none() {
        c.proc = Some(mount().at(At::OwnProc)?);
    }
    c.proc.as_ref().ok_or(Failure::new(At::OwnProc, Errno::BADF))
}

/// This process's own directory in it.
pub fn own_directory(c: &mut Container) -> Result<OwnedFd, Failure> {
    let mut name = Buffer::new();
    write!(name, "{}", rustix::process::getpid().as_raw_nonzero())
        .map_err(|_| Failure::new(At::OpenFile, Errno::NAMETOOLONG))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(top(c)?.as_fd(), name.as_c_str(), flags).at(At::OpenFile)
}

/// Writes all of `value`, in one go, to the file at `path` below `directory`.
pub fn write(directory: BorrowedFd<'_>, path: &CStr, value: &[u8]) -> Outcome {
    write_to(&open(directory, path, OFlags::WRONLY | OFlags::CLOEXEC).at(At::OpenFile)?, value)
}

/// The same in the procfs at /proc, which others see as well: a file that is covered is an error. Only for files that are
/// the same in every procfs: whose processes this one shows is not known.
pub fn write_in_mounted(path: &CStr, value: &[u8]) -> Outcome {
    let top = mounted().at(At::OwnProc)?;
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    write_to(&fs::openat2(top, path, flags, Mode::empty(), ITSELF).at(At::OpenFile)?, value)
}

fn write_to(file: &OwnedFd, value: &[u8]) -> Outcome {
    let written = rustix::io::write(file, value).at(At::WriteFile)?;
    if written == value.len() { Ok(()) } else { Err(Failure::new(At::WriteFile, Errno::IO)) }
}

/// A file of procfs itself: through no link and no mount.
const ITSELF: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_XDEV).union(ResolveFlags::NO_SYMLINKS);

/// Below `directory`. In a procfs that nobody else sees there are
/// no mounts, so without openat2(2) nothing is lost.
fn open(directory: BorrowedFd<'_>, path: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    match fs::openat2(directory, path, flags, Mode::empty(), ITSELF) {
        Err(Errno::NOSYS) => walk::open(directory, path, flags, ResolveFlags::NO_SYMLINKS),
        opened => opened,
    }
}

/// A detached procfs of this pid namespace.
pub fn mount() -> Result<OwnedFd, Errno> {
    let context = fsopen(c"proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// What is mounted at /proc, if that is the top of a procfs.
fn mounted() -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let proc = fs::openat(fs::CWD, c"/proc", flags, Mode::empty())?;
    let is_procfs = fs::fstatfs(&proc)?.f_type == fs::PROC_SUPER_MAGIC;
    if is_procfs && fs::fstat(&proc)?.st_ino == walk::TOP_OF_PROCFS {
        Ok(proc)
    } else {
        Err(Errno::NODEV)
    }
}
