//! Paths below the root where there is no openat2(2): before Linux 5.6, and under filters that do not know it.
//!
//! Each component is opened by its name in the directory before it and never through a link; the text of a link is
//! walked in its place. `..` leads back to the descriptor that was passed on the way, so a directory that is moved
//! meanwhile leads nowhere else.

use crate::buffer::{Buffer, CAPACITY};
use core::ffi::CStr;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The inode of the top of every procfs.
pub const TOP_OF_PROCFS: u64 = 1;
/// How many links one path may lead through, as in the kernel.
const MAX_LINKS: usize = 40;
/// How deep below the root a path may lead.
const MAX_DEPTH: usize = 64;

/// As openat2(2) with RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS and, if asked for, RESOLVE_NO_SYMLINKS.
pub fn open(
    root: BorrowedFd<'_>,
    path: &CStr,
    flags: OFlags,
    resolve: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let mut way = Way { root, passed: [const { None }; MAX_DEPTH], depth: 0 };
    let mut rest = Buffer::new();
    rest.push(path.to_bytes())?;
    for _ in 0..=MAX_LINKS {
        let mut expanded = Buffer::new();
        if let Some(end) = way.follow(rest.as_bytes(), &mut expanded, flags, resolve)? {
            return Ok(end);
        }
        rest = expanded;
    }
    Err(Errno::LOOP)
}

/// The directories from the root to where the walk has come.
struct Way<'a> {
    root: BorrowedFd<'a>,
    passed: [Option<OwnedFd>; MAX_DEPTH],
    depth: usize,
}

impl Way<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        let last = self.depth.checked_sub(1).and_then(|last| self.passed[last].as_ref());
        last.map_or(self.root, AsFd::as_fd)
    }

    fn enter(&mut self, directory: OwnedFd) -> Result<(), Errno> {
        *self.passed.get_mut(self.depth).ok_or(Errno::NAMETOOLONG)? = Some(directory);
        self.depth += 1;
        Ok(())
    }

    /// At the root it stays there.
    fn back(&mut self) {
        if let Some(above) = self.depth.checked_sub(1) {
            self.passed[above] = None;
            self.depth = above;
        }
    }

    /// Walks to the end of the path and opens it, or to its first link that has to be followed: then `expanded`
    /// becomes the link's text and what came behind it.
    fn follow(
        &mut self,
        path: &[u8],
        expanded: &mut Buffer,
        flags: OFlags,
        resolve: ResolveFlags,
    ) -> Result<Option<OwnedFd>, Errno> {
        if path.first() == Some(&b'/') {
            while self.depth > 0 {
                self.back();
            }
        }
        let mut left = path;
        while let Some((component, behind)) = first(left) {
            left = behind;
            match component {
                b"." => continue,
                b".." => {
                    self.back();
                    continue;
                }
                _ => {}
            }
            let mut name = Buffer::new();
            name.push(component)?;
            let name = name.as_c_str();
            let only_look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let found = fs::openat(self.here(), name, only_look, Mode::empty())?;
            let kind = FileType::from_raw_mode(fs::fstat(&found)?.st_mode);
            // A slash at the end wants a directory, and follows a link to one.
            let is_end = behind.is_empty();
            if kind == FileType::Symlink {
                if is_end && flags.contains(OFlags::NOFOLLOW) {
                    return self.end(found, name, kind, flags).map(Some);
                }
                if resolve.contains(ResolveFlags::NO_SYMLINKS) || self.is_magic(&found)? {
                    return Err(Errno::LOOP);
                }
                expand(&found, behind, expanded)?;
                return Ok(None);
            }
            if is_end {
                return self.end(found, name, kind, flags).map(Some);
            }
            if kind != FileType::Directory {
                return Err(Errno::NOTDIR);
            }
            self.enter(found)?;
        }
        fs::openat(self.here(), c".", flags, Mode::empty()).map(Some)
    }

    /// Opens what was found as it was asked for.
    fn end(
        &self,
        found: OwnedFd,
        name: &CStr,
        kind: FileType,
        flags: OFlags,
    ) -> Result<OwnedFd, Errno> {
        if flags.contains(OFlags::DIRECTORY) && kind != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        if flags.contains(OFlags::PATH) {
            return Ok(found);
        }
        // A link that was put there since is refused.
        fs::openat(self.here(), name, flags | OFlags::NOFOLLOW, Mode::empty())
    }

    /// A link of procfs that leads to an object and not where its text says. Those at its top are plain ones.
    fn is_magic(&self, link: &OwnedFd) -> Result<bool, Errno> {
        let in_proc = fs::fstatfs(link)?.f_type == fs::PROC_SUPER_MAGIC;
        Ok(in_proc && fs::fstat(self.here())?.st_ino != TOP_OF_PROCFS)
    }
}

/// The first component, and what is behind it: nothing at the end of the path, and otherwise beginning with a slash.
fn first(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let begin = path.iter().position(|byte| *byte != b'/')?;
    let path = &path[begin..];
    let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
    Some(path.split_at(end))
}

fn expand(link: &OwnedFd, behind: &[u8], expanded: &mut Buffer) -> Result<(), Errno> {
    let mut bytes = [0u8; CAPACITY];
    let length = fs::readlinkat_raw(link, c"", &mut bytes[..])?;
    expanded.push(&bytes[..length])?;
    expanded.push(behind)
}
