//! HOME from the container's /etc/passwd, read with fixed buffers and without any name service.

use crate::failure::{Context, Outcome};
use crate::resolve;
use crate::script::Container;
use creel_wire::message::At;
use rustix::fs::{OFlags, ResolveFlags};

/// Leaves `HOME=...` for [`crate::program::execute`]: the user's directory, or `/`.
pub fn find(c: &mut Container, uid: u32) -> Outcome {
    let mut home = [0u8; 1024];
    let length = lookup(c, uid, &mut home).unwrap_or(0);
    let home = if length == 0 { b"/" } else { &home[..length] };
    c.home.clear();
    c.home.push(b"HOME=").and_then(|()| c.home.push(home)).at(At::Memory)
}

/// passwd(5): `name:password:UID:GID:GECOS:directory:shell`.
fn lookup(c: &mut Container, uid: u32, home: &mut [u8; 1024]) -> Option<usize> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let file = resolve::open(c.root().ok()?, c"etc/passwd", flags, ResolveFlags::empty()).ok()?;
    let mut line = Line::new(uid);
    let mut chunk = [0u8; 1024];
    loop {
        let length = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut chunk)).ok()?;
        if length == 0 {
            return line.end(home);
        }
        for byte in &chunk[..length] {
            if *byte != b'\n' {
                line.push(*byte, home);
            } else if let Some(length) = line.end(home) {
                return Some(length);
            } else {
                line = Line::new(uid);
            }
        }
    }
}

/// The line being read: which field, and what is known of the two that matter.
struct Line {
    wanted: u32,
    field: usize,
    uid: Option<u32>,
    home: usize,
    too_long: bool,
}

impl Line {
    fn new(wanted: u32) -> Self {
        Line { wanted, field: 0, uid: None, home: 0, too_long: false }
    }

    fn push(&mut self, byte: u8, home: &mut [u8; 1024]) {
        match (byte, self.field) {
            (b':', _) => self.field += 1,
            (_, 2) => self.uid = digit(self.uid, self.uid.is_none(), byte),
            (_, 5) => match home.get_mut(self.home) {
                Some(place) => {
                    *place = byte;
                    self.home += 1;
                }
                None => self.too_long = true,
            },
            _ => {}
        }
    }

    fn end(&self, _home: &[u8; 1024]) -> Option<usize> {
        let found = self.field >= 5 && self.uid == Some(self.wanted) && !self.too_long;
        found.then_some(self.home).filter(|length| *length > 0)
    }
}

/// One more digit; a field that is no number becomes one that nobody has.
fn digit(so_far: Option<u32>, first: bool, byte: u8) -> Option<u32> {
    let value = u32::from(byte.wrapping_sub(b'0'));
    if value > 9 {
        return Some(u32::MAX);
    }
    if first {
        return Some(value);
    }
    Some(so_far?.checked_mul(10).and_then(|n| n.checked_add(value)).unwrap_or(u32::MAX))
}
