//! Read-only and hidden paths.

use crate::failure::{Context, Failure, Outcome};
use crate::mount::{attach, change, clone_tree};
use crate::resolve;
use crate::script::Container;
use crate::sys::{self, MountAttr};
use core::ffi::CStr;
use creel_wire::message::At;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, FileType, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};

const READ_ONLY: MountAttr =
    MountAttr { set: sys::MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns: 0 };

/// The path, unless the container has none: what is not there needs no hiding.
fn existing(root: BorrowedFd<'_>, path: &CStr) -> Result<Option<OwnedFd>, Failure> {
    match resolve::open(root, path, OFlags::PATH, ResolveFlags::empty()) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(Failure::new(At::Resolve, errno)),
    }
}

/// Binds a path onto itself, read-only.
pub fn read_only(root: BorrowedFd<'_>, path: &CStr) -> Outcome {
    let Some(target) = existing(root, path)? else { return Ok(()) };
    let tree = clone_tree(target.as_fd(), c"", true).at(At::OpenSource)?;
    attach(&tree, &target)?;
    change(&tree, READ_ONLY, false).at(At::Attributes)
}

/// Makes the root mount read-only; the mounts below keep their own.
pub fn read_only_root(root: BorrowedFd<'_>) -> Outcome {
    change(root, READ_ONLY, false).at(At::Attributes)
}

/// Covers a directory with an empty tmpfs and anything else with the null device.
pub fn hide(c: &mut Container, path: &CStr) -> Outcome {
    let Some(target) = existing(c.root()?, path)? else { return Ok(()) };
    let mode = fs::fstat(&target).at(At::Resolve)?.st_mode;
    if FileType::from_raw_mode(mode) == FileType::Directory {
        hide_directory(c, &target)
    } else {
        hide_file(c, &target)
    }
}

fn hide_directory(c: &mut Container, target: &OwnedFd) -> Outcome {
    if let Some(empty) = &c.empty {
        let again = clone_tree(empty.as_fd(), c"", false).at(At::OpenSource)?;
        return attach(&again, target);
    }
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).at(At::FilesystemType)?;
    fsconfig_set_string(&context, c"source", c"tmpfs").at(At::Parameter)?;
    fsconfig_create(&context).at(At::CreateFilesystem)?;
    let empty = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_RDONLY)
        .at(At::CreateFilesystem)?;
    attach(&empty, target)?;
    c.empty = Some(empty);
    Ok(())
}

fn hide_file(c: &mut Container, target: &OwnedFd) -> Outcome {
    if c.null.is_none() {
        c.null = Some(null_device(c.root()?)?);
    }
    let Some(null) = &c.null else { return Err(Failure::new(At::NullDevice, Errno::NODEV)) };
    let cover = clone_tree(null.as_fd(), c"", false).at(At::OpenSource)?;
    attach(&cover, target)
}

/// The container's /dev/null, if it is one: a link there would let the image choose what is bound
/// over the masked files (CVE-2025-31133).
fn null_device(root: BorrowedFd<'_>) -> Result<OwnedFd, Failure> {
    let null = resolve::open(
        root,
        c"dev/null",
        OFlags::PATH | OFlags::NOFOLLOW,
        ResolveFlags::NO_SYMLINKS,
    )
    .at(At::NullDevice)?;
    let stat = fs::fstat(&null).at(At::NullDevice)?;
    let is_null = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && stat.st_rdev == fs::makedev(1, 3);
    if is_null { Ok(null) } else { Err(Failure::new(At::NullDevice, Errno::NODEV)) }
}
