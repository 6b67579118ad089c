//! Device nodes and links, made relative to a descriptor of the directory that holds them.

use crate::failure::{Context, Failure, Outcome};
use crate::resolve;
use crate::script::Container;
use core::ffi::CStr;
use creel_wire::message::At;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, Gid, Mode, Uid};
use rustix::io::Errno;

/// The directory that holds the last device or link. The next one is mostly made there, too: it is looked up once for
/// all that follow one another.
pub struct Place<'a> {
    path: &'a [u8],
    directory: OwnedFd,
}

/// The directory that is to hold what is made at `path`, and its name there.
fn enter<'c, 'a>(
    c: &'c mut Container<'a>,
    path: &'a CStr,
) -> Result<(BorrowedFd<'c>, &'a CStr), Failure> {
    let bytes = path.to_bytes_with_nul();
    let slash = bytes.iter().rposition(|byte| *byte == b'/');
    let (above, name) = bytes.split_at(slash.map_or(0, |slash| slash + 1));
    let name = CStr::from_bytes_with_nul(name).unwrap_or(c"");
    if c.place.as_ref().is_none_or(|place| place.path != above) {
        let directory = resolve::parent(c.root()?, path)?;
        c.place = Some(Place { path: above, directory });
    }
    let place = c.place.as_ref().ok_or(Failure::new(At::Resolve, Errno::BADF))?;
    Ok((place.directory.as_fd(), name))
}

/// mknod(2) and the owner.
pub struct Node {
    pub mode: u32,
    pub major: u32,
    pub minor: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Makes a node. One that is there already has to be the same device.
pub fn node<'a>(c: &mut Container<'a>, path: &'a CStr, node: Node) -> Outcome {
    let (parent, name) = enter(c, path)?;
    let kind = FileType::from_raw_mode(node.mode);
    let mode = Mode::from_raw_mode(node.mode);
    let device = fs::makedev(node.major, node.minor);
    match fs::mknodat(parent, name, kind, mode, device) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let found = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).at(At::Mismatch)?;
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
    fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).at(At::Owner)
}

/// Makes a link. What the image has in its place stays, unless it is to be replaced.
pub fn symlink<'a>(c: &mut Container<'a>, path: &'a CStr, target: &CStr, replace: bool) -> Outcome {
    let (parent, name) = enter(c, path)?;
    match fs::symlinkat(target, parent, name) {
        Err(Errno::EXIST) if replace => {}
        Err(Errno::EXIST) => return Ok(()),
        result => return result.at(At::Call),
    }
    let mut bytes = [0u8; 256];
    if let Ok(length) = fs::readlinkat_raw(parent, name, &mut bytes[..]) {
        if &bytes[..length] == target.to_bytes() {
            return Ok(());
        }
    }
    fs::unlinkat(parent, name, AtFlags::empty()).at(At::Mismatch)?;
    fs::symlinkat(target, parent, name).at(At::Call)
}
