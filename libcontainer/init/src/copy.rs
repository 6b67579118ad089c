//! `tmpcopyup`: a tmpfs begins with what it covers.

use crate::buffer::CAPACITY;
use crate::failure::{Context, Failure, Outcome};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use creel_wire::message::At;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    self, AtFlags, FileType, Gid, Mode, OFlags, RawDir, Stat, Timespec, Timestamps, Uid,
};
use rustix::io::Errno;

/// How deep a tree may be: each level takes room on the stack.
const MAX_DEPTH: usize = 100;

/// Copies all that is below one directory into another, with modes, owners and times.
pub fn tree(from: &OwnedFd, to: &OwnedFd) -> Outcome {
    let (from, to) = (open_directory(from, c".")?, open_directory(to, c".")?);
    directory(&from, &to, 0)
}

fn open_directory(at: impl AsFd, name: &CStr) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::openat(at, name, flags, Mode::empty()).at(At::Copy)
}

fn directory(from: &OwnedFd, to: &OwnedFd, depth: usize) -> Outcome {
    if depth > MAX_DEPTH {
        return Err(Failure::new(At::Copy, Errno::LOOP));
    }
    let mut space = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(from, &mut space);
    while let Some(entry) = entries.next() {
        let entry = entry.at(At::Copy)?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            one(from, to, name, depth).map_err(|failure| {
                Failure::new(At::Copy, failure.errno).with_text(name.to_bytes())
            })?;
        }
    }
    Ok(())
}

fn one(from: &OwnedFd, to: &OwnedFd, name: &CStr, depth: usize) -> Outcome {
    let stat = fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW).at(At::Copy)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let mode = Mode::from_raw_mode(stat.st_mode);
    match kind {
        FileType::Directory => {
            fs::mkdirat(to, name, Mode::RWXU).at(At::Copy)?;
            let (below, copy) = (open_directory(from, name)?, open_directory(to, name)?);
            directory(&below, &copy, depth + 1)?;
        }
        FileType::RegularFile => file(from, to, name)?,
        FileType::Symlink => link(from, to, name)?,
        _ => fs::mknodat(to, name, kind, mode, stat.st_rdev).at(At::Copy)?,
    }
    dress(to.as_fd(), name, &stat, kind, mode)
}

fn file(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> Outcome {
    let read = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let source = fs::openat(from, name, read, Mode::empty()).at(At::Copy)?;
    let write = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let copy = fs::openat(to, name, write, Mode::RUSR | Mode::WUSR).at(At::Copy)?;
    loop {
        match fs::sendfile(&copy, &source, None, 1 << 20) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::new(At::Copy, errno)),
        }
    }
}

fn link(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> Outcome {
    let mut text = [0u8; CAPACITY];
    let length = fs::readlinkat_raw(from, name, &mut text[..CAPACITY - 1]).at(At::Copy)?;
    // The rest of the array is zero, so there is a NUL behind the text.
    let target = CStr::from_bytes_until_nul(&text[..=length]).unwrap_or(c"");
    fs::symlinkat(target, to, name).at(At::Copy)
}

/// Owner before mode: chown(2) takes set-user-id bits away.
fn dress(to: BorrowedFd<'_>, name: &CStr, stat: &Stat, kind: FileType, mode: Mode) -> Outcome {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    fs::chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).at(At::Copy)?;
    if kind != FileType::Symlink {
        fs::chmodat(to, name, mode, AtFlags::empty()).at(At::Copy)?;
    }
    let times = Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec as _ },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec as _ },
    };
    fs::utimensat(to, name, &times, AtFlags::SYMLINK_NOFOLLOW).at(At::Copy)
}
