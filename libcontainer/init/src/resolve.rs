//! Paths below the container's root. Whoever made the root file system may be hostile and may change
//! it while we work: every path is resolved once, by the kernel, from the root's descriptor, and what
//! is missing is made relative to a descriptor that was reached that way.

use crate::buffer::{Buffer, CAPACITY};
use crate::failure::{Context, Failure};
use crate::walk;
use core::ffi::CStr;
use creel_wire::message::At;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// How many dangling links one path may lead through, as in the kernel.
const MAX_LINKS: usize = 40;
/// How often a resolution is tried again that met with a rename or a mount anywhere on the machine: then `..` is refused.
const MAX_RETRIES: usize = 128;

/// What a mount target has to be when it is missing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File,
}

/// The process's own `/`.
pub fn current_root() -> Result<OwnedFd, Errno> {
    fs::openat(CWD, c"/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// What lies on top of the root; only openat2(2) can tell.
pub fn top_of(root: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut retries = 0;
    loop {
        match fs::openat2(root, c"..", flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            Err(Errno::AGAIN) if retries < MAX_RETRIES => retries += 1,
            result => return result,
        }
    }
}

/// openat2(2) below `root`, never through a magic link. Where it is missing, or whoever renames without end keeps it from
/// coming to an end, the path is walked.
pub fn open(
    root: BorrowedFd<'_>,
    path: &CStr,
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { c"." } else { path };
    let resolve = resolve | ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let mut retries = 0;
    loop {
        match fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN) if retries < MAX_RETRIES => retries += 1,
            Err(Errno::NOSYS | Errno::AGAIN) => {
                return walk::open(root, path, flags | OFlags::CLOEXEC, resolve);
            }
            result => return result,
        }
    }
}

/// The target of a mount as an O_PATH descriptor, made when it is missing.
pub fn target(
    root: BorrowedFd<'_>,
    path: &CStr,
    kind: Kind,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Failure> {
    find_or_make(root, path, kind, resolve).map(|(target, _)| target)
}

/// As [`target`], and whether it had to be made.
pub fn find_or_make(
    root: BorrowedFd<'_>,
    path: &CStr,
    kind: Kind,
    resolve: ResolveFlags,
) -> Result<(OwnedFd, bool), Failure> {
    match open(root, path, OFlags::PATH, resolve) {
        Err(Errno::NOENT) => {}
        found => return found.at(At::Resolve).map(|found| (found, false)),
    }
    make(root, path, kind, resolve).map(|made| (made, true))
}

#[inline(never)]
fn make(
    root: BorrowedFd<'_>,
    path: &CStr,
    kind: Kind,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Failure> {
    let mut name = Buffer::new();
    let parent = parent_of(root, path, resolve, Last::Follow, &mut name)?;
    if kind == Kind::Directory {
        make_directory(parent.as_fd(), name.as_c_str()).at(At::Create)?;
    } else {
        make_file(&parent, name.as_c_str()).at(At::Create)?;
    }
    // Not through a link: what was made is neither, and a swapped one must not be followed.
    let flags = OFlags::PATH | OFlags::NOFOLLOW;
    open(parent.as_fd(), name.as_c_str(), flags, ResolveFlags::NO_SYMLINKS).at(At::Resolve)
}

/// The directory that holds the last component of `path`, which may be a link itself; made with all above it when
/// missing.
#[inline(never)]
pub fn parent(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Failure> {
    parent_of(root, path, ResolveFlags::empty(), Last::Keep, &mut Buffer::new())
}

/// Whether a link in the last component is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Follow,
    Keep,
}

/// Links that lead nowhere are followed as the kernel would if they led somewhere. `name` becomes the last component.
fn parent_of(
    root: BorrowedFd<'_>,
    path: &CStr,
    resolve: ResolveFlags,
    last: Last,
    name: &mut Buffer,
) -> Result<OwnedFd, Failure> {
    let mut rest = Buffer::new();
    rest.push(path.to_bytes()).at(At::Resolve)?;
    for _ in 0..MAX_LINKS {
        match descend(root, rest.as_bytes(), resolve, last, name)? {
            Descent::Arrived(directory) => return Ok(directory),
            Descent::Link(reached, count) => {
                let here = reached.as_ref().map_or(root, AsFd::as_fd);
                expand(&mut rest, count, here, name.as_c_str())?;
            }
        }
    }
    Err(Failure::new(At::Resolve, Errno::LOOP))
}

enum Descent {
    Arrived(OwnedFd),
    /// In the directory, or in the root, the next component, after so many, is a link to something missing.
    Link(Option<OwnedFd>, usize),
}

#[inline(never)]
fn descend(
    root: BorrowedFd<'_>,
    path: &[u8],
    resolve: ResolveFlags,
    last: Last,
    name: &mut Buffer,
) -> Result<Descent, Failure> {
    let directory = OFlags::PATH | OFlags::DIRECTORY;
    // `None`: the root itself.
    let mut reached: Option<OwnedFd> = None;
    let mut prefix = Buffer::new();
    let mut components = components(path).enumerate().peekable();
    while let Some((count, component)) = components.next() {
        name.clear();
        name.push(component).at(At::Resolve)?;
        let is_last = components.peek().is_none();
        let here = reached.as_ref().map_or(root, AsFd::as_fd);
        if is_last && (last == Last::Keep || !is_link(here, name.as_c_str())) {
            let arrived = match reached {
                Some(reached) => reached,
                None => open(root, c".", directory, resolve).at(At::Resolve)?,
            };
            return Ok(Descent::Arrived(arrived));
        }
        prefix.push(b"/").and_then(|()| prefix.push(component)).at(At::Resolve)?;
        let next = match open(root, relative(&prefix), directory, resolve) {
            Ok(next) => next,
            Err(Errno::NOENT) if is_link(here, name.as_c_str()) => {
                return Ok(Descent::Link(reached, count));
            }
            Err(Errno::NOENT) => {
                make_directory(here, name.as_c_str()).at(At::Create)?;
                open(here, name.as_c_str(), directory, ResolveFlags::NO_SYMLINKS).at(At::Resolve)?
            }
            Err(errno) => return Err(Failure::new(At::Resolve, errno)),
        };
        reached = Some(next);
    }
    Err(Failure::new(At::Resolve, Errno::EXIST))
}

/// Without the leading slash that [`descend`] put there.
fn relative(prefix: &Buffer) -> &CStr {
    CStr::from_bytes_with_nul(&prefix.as_c_str().to_bytes_with_nul()[1..]).unwrap_or(c".")
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/').filter(|part| !part.is_empty())
}

/// Puts the text of a link in the place of the component of the path that comes after so many.
#[inline(never)]
fn expand(
    path: &mut Buffer,
    count: usize,
    here: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(), Failure> {
    let link = read_link(here, name).at(At::Resolve)?;
    let above = if link.as_bytes().first() == Some(&b'/') { 0 } else { count };
    let parts = || components(path.as_bytes());
    let parts = parts().take(above).chain([link.as_bytes()]).chain(parts().skip(count + 1));
    let mut expanded = Buffer::new();
    for part in parts {
        expanded.push(b"/").and_then(|()| expanded.push(part)).at(At::Resolve)?;
    }
    *path = expanded;
    Ok(())
}

fn is_link(directory: BorrowedFd<'_>, name: &CStr) -> bool {
    fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn read_link(directory: BorrowedFd<'_>, name: &CStr) -> Result<Buffer, Errno> {
    let mut bytes = [0u8; CAPACITY];
    let length = fs::readlinkat_raw(directory, name, &mut bytes[..])?;
    let mut link = Buffer::new();
    link.push(&bytes[..length])?;
    Ok(link)
}

fn make_directory(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    match fs::mkdirat(parent, name, Mode::from_bits_truncate(0o755)) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

fn make_file(parent: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::WRONLY;
    match fs::openat(parent, name, flags, Mode::from_bits_truncate(0o755)) {
        Ok(_) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}
