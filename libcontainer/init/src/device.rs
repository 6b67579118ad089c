//! Device nodes and links, made relative to a descriptor of the directory that holds them.

use crate::failure::{Context, Failure, Outcome};
use crate::resolve;
use core::ffi::CStr;
use creel_wire::message::At;
use rustix::fd::BorrowedFd;
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, Uid};
use rustix::io::Errno;

/// mknod(2) and the owner.
pub struct Node {
    pub mode: u32,
    pub major: u32,
    pub minor: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Makes a node. One that is there already has to be the same device.
pub fn node(root: BorrowedFd<'_>, path: &CStr, node: Node) -> Outcome {
    let (parent, name) = resolve::parent(root, path)?;
    let name = name.as_c_str();
    let kind = FileType::from_raw_mode(node.mode);
    let mode = Mode::from_raw_mode(node.mode);
    let device = fs::makedev(node.major, node.minor);
    match fs::mknodat(&parent, name, kind, mode, device) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let found = fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).at(At::Mismatch)?;
            let same = FileType::from_raw_mode(found.st_mode) == kind
                && (kind == FileType::Fifo || found.st_rdev == device);
            return if same { Ok(()) } else { Err(Failure::new(At::Mismatch, Errno::EXIST)) };
        }
        Err(errno) => return Err(Failure::new(At::Call, errno)),
    }
    if node.uid == 0 && node.gid == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(node.uid), Gid::from_raw(node.gid));
    fs::chownat(&parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).at(At::Owner)
}

/// Makes a link. What the image has in its place stays, unless it is to be replaced.
pub fn symlink(root: BorrowedFd<'_>, path: &CStr, target: &CStr, replace: bool) -> Outcome {
    let (parent, name) = resolve::parent(root, path)?;
    let name = name.as_c_str();
    match fs::symlinkat(target, &parent, name) {
        Err(Errno::EXIST) if replace => {}
        Err(Errno::EXIST) => return Ok(()),
        result => return result.at(At::Call),
    }
    let mut bytes = [0u8; 256];
    if let Ok(length) = fs::readlinkat_raw(&parent, name, &mut bytes[..]) {
        if &bytes[..length] == target.to_bytes() {
            return Ok(());
        }
    }
    fs::unlinkat(&parent, name, AtFlags::empty()).at(At::Mismatch)?;
    fs::symlinkat(target, &parent, name).at(At::Call)
}
