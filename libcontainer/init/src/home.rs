//! HOME from the container's /etc/passwd, read with fixed buffers and without any name service.

use crate::failure::{Context, Failure, Outcome};
use crate::resolve;
use crate::script::Container;
use creel_passwd::Search;
use creel_wire::message::At;
use rustix::fs::{OFlags, ResolveFlags};
use rustix::io::Errno;

/// 16 MiB: the container may put a file without an end there (/dev/zero).
const MOST_PIECES: usize = 16 << 10;

/// Leaves `HOME=...` for [`crate::program::execute`]: the user's directory, or `/`.
pub fn find(c: &mut Container, uid: u32) -> Outcome {
    let mut search = Search::new(uid);
    // What cannot be read to its end says nothing.
    let read = read(c, &mut search);
    let home = read.ok().and_then(|()| search.end()).unwrap_or(b"/");
    c.home.clear();
    c.home.push(b"HOME=").and_then(|()| c.home.push(home)).at(At::Memory)
}

fn read(c: &mut Container, search: &mut Search) -> Result<(), Failure> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let file =
        resolve::open(c.root()?, c"etc/passwd", flags, ResolveFlags::empty()).at(At::OpenFile)?;
    let mut piece = [0u8; 1024];
    for _ in 0..MOST_PIECES {
        let read = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut piece));
        let length = read.at(At::OpenFile)?;
        if length == 0 || search.take(&piece[..length]) {
            return Ok(());
        }
    }
    Err(Failure::new(At::OpenFile, Errno::FBIG))
}
