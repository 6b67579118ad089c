//! What mount(2) has to do where the newer calls do not: attributes before Linux 5.12, and file system
//! parameters that are too long for fsconfig(2).
//!
//! mount(2) takes paths. The only ones used are links in a procfs of our own, which name descriptors that were
//! resolved before, so nothing can be swapped under them.

use crate::buffer::Buffer;
use crate::failure::{Context, Failure, Outcome};
use crate::procfs;
use crate::sys::{self, MountAttr};
use core::ffi::CStr;
use core::fmt::Write;
use creel_wire::Texts;
use creel_wire::message::At;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::fs;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_remount};
use rustix::process::{chdir, fchdir};

/// The longest value that fsconfig(2) takes, with its NUL.
pub const FSCONFIG_VALUE: usize = 256;

/// MOUNT_ATTR_* and what the same is called in mount(2) and, by statfs(2), in a mount's flags.
const FLAGS: [(u64, u64); 5] = [
    (0x1, 0x1),    // read-only
    (0x2, 0x2),    // nosuid
    (0x4, 0x4),    // nodev
    (0x8, 0x8),    // noexec
    (0x80, 0x800), // nodiratime
];
const ATTR_ATIME: u64 = 0x70;
const ATTR_NOATIME: u64 = 0x10;
const ATTR_STRICTATIME: u64 = 0x20;
const MS_NOATIME: u64 = 0x400;
const MS_RELATIME: u64 = 0x20_0000;
const MS_STRICTATIME: u64 = 0x100_0000;
const ST_NOATIME: u64 = 0x400;
const ST_RELATIME: u64 = 0x1000;

/// Changes the attributes or the propagation of an attached mount.
pub fn change(mounted: BorrowedFd<'_>, attr: MountAttr, recursive: bool) -> Result<(), Errno> {
    if attr.propagation != 0 {
        let recursion = if recursive { u64::from(sys::MS_REC) } else { 0 };
        return at_own_path(mounted, |path| set_propagation(path, attr.propagation | recursion));
    }
    if recursive {
        // Only mount_setattr(2) can change a whole tree.
        return Err(Errno::NOSYS);
    }
    let now = fs::fstatvfs(mounted)?.f_flag.bits();
    let flags = remount_flags(now, attr).ok_or(Errno::NOSYS)?;
    at_own_path(mounted, |path| {
        mount_remount(path, MountFlags::from_bits_retain(flags as u32) | MountFlags::BIND, c"")
    })
}

fn set_propagation(path: &CStr, flags: u64) -> Result<(), Errno> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    mount_change(path, MountPropagationFlags::from_bits_retain(flags as u32))
}

/// A remount sets all flags at once, so those that stay have to be named too.
fn remount_flags(now: u64, attr: MountAttr) -> Option<u64> {
    let known = FLAGS.iter().fold(ATTR_ATIME, |known, (attribute, _)| known | attribute);
    if (attr.set | attr.clear) & !known != 0 {
        return None;
    }
    let mut flags = 0;
    for (attribute, flag) in FLAGS {
        let stays = now & flag != 0 && attr.clear & attribute == 0;
        if stays || attr.set & attribute != 0 {
            flags |= flag;
        }
    }
    let mode = if attr.clear & ATTR_ATIME != 0 {
        attr.set & ATTR_ATIME
    } else if now & ST_NOATIME != 0 {
        ATTR_NOATIME
    } else if now & ST_RELATIME != 0 {
        0
    } else {
        ATTR_STRICTATIME
    };
    Some(
        flags
            | match mode {
                ATTR_NOATIME => MS_NOATIME,
                ATTR_STRICTATIME => MS_STRICTATIME,
                _ => MS_RELATIME,
            },
    )
}

/// mount(2) of a new file system with all parameters in one text.
#[inline(never)]
pub fn filesystem(
    target: BorrowedFd<'_>,
    fstype: &CStr,
    source: &CStr,
    parameters: Texts<'_>,
    attributes: u64,
) -> Outcome {
    let mut data = Buffer::new();
    for parameter in parameters {
        // Read-only is a flag here.
        if parameter == c"ro" {
            continue;
        }
        let comma: &[u8] = if data.is_empty() { b"" } else { b"," };
        data.push(comma)
            .and_then(|()| data.push(parameter.to_bytes()))
            .map_err(|errno| Failure::new(At::Parameter, errno).with_text(parameter.to_bytes()))?;
    }
    let attr = MountAttr { set: attributes, clear: ATTR_ATIME, ..Default::default() };
    let flags = remount_flags(0, attr).ok_or(Failure::new(At::Attributes, Errno::OPNOTSUPP))?;
    let flags = MountFlags::from_bits_retain(flags as u32);
    at_own_path(target, |path| mount(source, path, fstype, flags, data.as_c_str()))
        .at(At::CreateFilesystem)
}

/// Calls `act` with a path that leads to this descriptor and to nothing else.
fn at_own_path(
    descriptor: BorrowedFd<'_>,
    act: impl FnOnce(&CStr) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let proc = procfs::mount()?;
    let mut path = Buffer::new();
    write!(path, "self/fd/{}", descriptor.as_raw_fd()).map_err(|_| Errno::NAMETOOLONG)?;
    fchdir(proc.as_fd())?;
    let acted = act(path.as_c_str());
    chdir(c"/")?;
    acted
}
