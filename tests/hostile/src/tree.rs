//! A root file system as a hostile image would have it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::names::{self, PLACES};
use crate::random::Random;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With this mode.
    Directory(u32),
    /// With this many directories in one another below it.
    Deep(usize),
    File(Vec<u8>),
    /// A file of this size with nothing in it.
    Sparse(u64),
    Link(Vec<u8>),
    Fifo,
    Socket,
    /// A character device that does no harm, or one of no driver.
    Character(u64, u64),
    /// A block device of no driver.
    Block(u64),
    /// The container's program.
    Program,
}

/// In an order in which they can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) entries: Vec<(Vec<u8>, Kind)>,
    /// Whom all of it belongs to.
    pub(crate) owner: u32,
}

/// Where the container's program is.
pub(crate) const PROGRAM: &str = "bin/busybox";

impl Tree {
    pub(crate) fn arbitrary(random: &mut Random) -> Tree {
        // Of a hundred places, so many are not what they should be.
        let hostility = random.one_of(&[0, 2, 2, 5, 10, 40]);
        let missing = random.one_of(&[0, 10, 30, 60]);
        let mut entries: Vec<(Vec<u8>, Kind)> = Vec::new();
        let mut directories = BTreeSet::from([String::new()]);
        for place in PLACES.iter().copied() {
            let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
            if !directories.contains(parent) || (place != "bin" && random.percent(missing)) {
                continue;
            }
            let kind =
                if random.percent(hostility) { hostile(random) } else { ordinary(place, random) };
            if matches!(kind, Kind::Directory(_)) {
                directories.insert(place.to_owned());
            }
            entries.push((place.into(), kind));
        }
        if directories.contains("bin") {
            let kind = if random.percent(hostility / 2) { hostile(random) } else { Kind::Program };
            entries.push((PROGRAM.into(), kind));
        }
        for _ in 0..random.below(4) {
            let directories: Vec<&str> = directories.iter().map(String::as_str).collect();
            let parent = random.one_of(&directories);
            let name = [parent.as_bytes(), b"/", &names::odd_name(random)].concat();
            let kind = hostile(random);
            if entries.iter().all(|(there, _)| *there != name) {
                entries.push((name, kind));
            }
        }
        let owner = random.one_of(&[0, 0, 100_000, 65_534]);
        Tree { entries, owner }
    }

    /// Makes it in an empty directory. Only names in directories of its own are made, so nothing is followed.
    pub(crate) fn grow(&self, root: &Path, program: &Path) -> io::Result<()> {
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        lchown(root, Some(self.owner), Some(self.owner))?;
        for (name, kind) in &self.entries {
            let path = at(root, name);
            make(&path, kind, program).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
            // The program is a link to one that all rounds share.
            if !matches!(kind, Kind::Program) {
                lchown(&path, Some(self.owner), Some(self.owner))?;
            }
        }
        Ok(())
    }
}

/// Where an entry is.
pub(crate) fn at(root: &Path, name: &[u8]) -> PathBuf {
    let name = name.strip_prefix(b"/").unwrap_or(name);
    root.join(OsStr::from_bytes(name))
}

fn ordinary(place: &str, random: &mut Random) -> Kind {
    match place {
        "dev/null" => Kind::Character(1, 3),
        "etc/passwd" => Kind::File(passwd(random)),
        _ if names::is_file(place) => Kind::File(b"text\n".to_vec()),
        "bin" => Kind::Directory(0o755),
        _ => Kind::Directory(random.one_of(&[0o755, 0o755, 0o755, 0o755, 0o1777, 0o700, 0])),
    }
}

fn passwd(random: &mut Random) -> Vec<u8> {
    let lines: [&[u8]; 5] = [
        b"root:x:0:0::/root:/bin/sh\n",
        b"\xff:::::::::\n0\n\n\n::0:0::/\n",
        b"root:x:4294967296:0::/overflow:\nroot:x:-1:0::/negative:\nroot:x:0:0::/root:\n",
        &[b'x'; 9000],
        b"",
    ];
    random.one_of(&lines).to_vec()
}

fn hostile(random: &mut Random) -> Kind {
    match random.below(16) {
        0..=6 => Kind::Link(names::link(random)),
        7 => Kind::File(b"in the way\n".to_vec()),
        8 => Kind::Sparse(1 << (20 + random.below(20))),
        9 => Kind::Fifo,
        10 => Kind::Socket,
        11 => [Kind::Character(1, 3), Kind::Character(1, 5), Kind::Character(1, 7)]
            [random.below(3)]
        .clone(),
        12 => Kind::Character(240, 1 + random.below(200) as u64),
        13 => Kind::Block(1 + random.below(200) as u64),
        14 => Kind::Deep(20 + random.below(180)),
        _ => Kind::Directory([0, 0o755, 0o7777][random.below(3)]),
    }
}

fn make(path: &Path, kind: &Kind, program: &Path) -> io::Result<()> {
    let node = |kind, device| mknod(path, kind, Mode::from_bits_truncate(0o666), device);
    match kind {
        Kind::Directory(mode) => {
            fs::create_dir(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(*mode))?;
        }
        Kind::Deep(depth) => fs::create_dir_all(path.join("d/".repeat(*depth)))?,
        Kind::File(text) => fs::write(path, text)?,
        Kind::Sparse(size) => fs::File::create_new(path)?.set_len(*size)?,
        Kind::Link(text) => symlink(OsStr::from_bytes(text), path)?,
        Kind::Fifo => node(SFlag::S_IFIFO, 0)?,
        Kind::Socket => node(SFlag::S_IFSOCK, 0)?,
        Kind::Character(major, minor) => node(SFlag::S_IFCHR, makedev(*major, *minor))?,
        Kind::Block(minor) => node(SFlag::S_IFBLK, makedev(240, *minor))?,
        Kind::Program => fs::hard_link(program, path)?,
    }
    Ok(())
}
