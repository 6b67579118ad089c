//! The container's terminal: a pair from its own devpts.

use crate::failure::{Context, Failure, Outcome};
use crate::mount::{attach, clone_tree};
use crate::resolve::{self, Kind};
use crate::script::Container;
use crate::sys;
use creel_wire::message::{At, Kind as MessageKind, Message};
use rustix::fd::AsFd;
use rustix::fs::{self, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// DEVPTS_SUPER_MAGIC, statfs(2).
const DEVPTS: i64 = 0x1cd1;

/// What the terminal is to be like.
pub struct Settings {
    pub uid: u32,
    pub rows: u32,
    pub columns: u32,
    /// Whether it shows at /dev/console too.
    pub device: bool,
}

/// Opens the pair, sends one end to the library and makes the other this process's terminal.
pub fn open(c: &mut Container, settings: Settings) -> Outcome {
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let master =
        resolve::open(c.root()?, c"dev/pts/ptmx", flags, ResolveFlags::NO_SYMLINKS).at(At::Ptmx)?;
    if fs::fstatfs(&master).at(At::Ptmx)?.f_type != DEVPTS {
        return Err(Failure::new(At::NotDevpts, Errno::NOTTY));
    }
    unlockpt(&master).at(At::Ptmx)?;
    // Not by a path: /dev/pts/N may be a link of the image's (CVE-2025-52565).
    let peer_flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = ioctl_tiocgptpeer(&master, peer_flags).at(At::Ptmx)?;
    if settings.rows != 0 || settings.columns != 0 {
        let size = Winsize {
            ws_row: settings.rows as u16,
            ws_col: settings.columns as u16,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).at(At::Call)?;
    }
    if settings.uid != 0 {
        // The group stays the devpts's own, which is the terminals'.
        fs::fchown(&terminal, Some(Uid::from_raw(settings.uid)), None).at(At::Owner)?;
        fs::fchmod(&terminal, Mode::from_bits_truncate(0o620)).at(At::Owner)?;
    }
    if settings.device {
        let target =
            resolve::target(c.root()?, c"dev/console", Kind::File, ResolveFlags::NO_SYMLINKS)?;
        let tree = clone_tree(terminal.as_fd(), c"", false).at(At::OpenSource)?;
        attach(&tree, &target)?;
    }
    c.channel.send_descriptor(&Message::new(MessageKind::Console), &master).at(At::Sync)?;
    for number in 0..3 {
        sys::replace(terminal.as_fd(), number).at(At::Call)?;
    }
    rustix::process::ioctl_tiocsctty(&terminal).at(At::Call)
}
