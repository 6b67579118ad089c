//! What of the host stays in the container's mount namespace when there is no pivot that takes it away.

use crate::buffer::Buffer;
use crate::failure::{Context, Failure, Outcome};
use crate::procfs;
use crate::script::Container;
use creel_wire::message::At;
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{self, Mode, OFlags};
use rustix::io::{Errno, read, retry_on_intr};
use rustix::mount::{UnmountFlags, unmount};

/// Detaches every procfs and sysfs that does not lie below the container's root. Even out of reach, one without
/// masks would allow a user namespace inside to mount another without masks (mount_too_revealing in the kernel).
#[inline(never)]
pub fn detach_procfs(c: &mut Container) -> Outcome {
    let number = c.root()?.as_raw_fd();
    let proc = procfs::top(c)?;
    let root = path_of(proc, number).at(At::Detach)?;
    while let Some(point) = find(proc, root.as_bytes()).at(At::Detach)? {
        unmount(point.as_c_str(), UnmountFlags::DETACH)
            .map_err(|errno| Failure::new(At::Detach, errno).with_text(point.as_bytes()))?;
    }
    Ok(())
}

/// The path of an open directory.
fn path_of(proc: &OwnedFd, number: i32) -> Result<Buffer, Errno> {
    let mut name = Buffer::new();
    name.push(b"self/fd/")?;
    name.push_decimal(number.unsigned_abs())?;
    let mut bytes = [0u8; crate::buffer::CAPACITY];
    let length = fs::readlinkat_raw(proc, name.as_c_str(), &mut bytes[..])?;
    let mut path = Buffer::new();
    path.push(&bytes[..length])?;
    Ok(path)
}

/// The last of them in proc_pid_mountinfo(5), which lies on top of the others.
fn find(proc: &OwnedFd, root: &[u8]) -> Result<Option<Buffer>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = fs::openat(proc, c"self/mountinfo", flags, Mode::empty())?;
    let (mut found, mut line, mut chunk) = (None, Line::new(), [0u8; 1024]);
    loop {
        let length = retry_on_intr(|| read(&file, &mut chunk))?;
        if length == 0 {
            return Ok(found);
        }
        for byte in &chunk[..length] {
            if *byte != b'\n' {
                line.push(*byte)?;
                continue;
            }
            let line = core::mem::replace(&mut line, Line::new());
            if line.shows_kernel && !is_below(line.point.as_bytes(), root) {
                found = Some(line.point);
            }
        }
    }
}

fn is_below(path: &[u8], root: &[u8]) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS`, byte by byte.
struct Line {
    field: usize,
    word: [u8; 6],
    length: usize,
    /// The next field is the type.
    type_follows: bool,
    shows_kernel: bool,
    point: Buffer,
    /// Digits of `\040` and its like that are still to come, and what they say so far.
    escape: (u32, u32),
}

impl Line {
    fn new() -> Self {
        Line {
            field: 0,
            word: [0; 6],
            length: 0,
            type_follows: false,
            shows_kernel: false,
            point: Buffer::new(),
            escape: (0, 0),
        }
    }

    fn push(&mut self, byte: u8) -> Result<(), Errno> {
        if byte == b' ' {
            self.end_field();
            return Ok(());
        }
        if let Some(place) = self.word.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
        if self.field == 4 { self.push_point(byte) } else { Ok(()) }
    }

    fn end_field(&mut self) {
        let word = self.word.get(..self.length).unwrap_or(b"");
        if self.type_follows {
            self.shows_kernel = matches!(word, b"proc" | b"sysfs");
        }
        self.type_follows = word == b"-" && self.field > 5 && !self.type_follows;
        self.field += 1;
        self.length = 0;
    }

    fn push_point(&mut self, byte: u8) -> Result<(), Errno> {
        match (self.escape.0, byte) {
            (0, b'\\') => self.escape = (3, 0),
            (0, byte) => return self.point.push(&[byte]),
            (left, digit) => {
                self.escape = (left - 1, self.escape.1 * 8 + u32::from(digit & 7));
                if left == 1 {
                    return self.point.push(&[self.escape.1 as u8]);
                }
            }
        }
        Ok(())
    }
}
