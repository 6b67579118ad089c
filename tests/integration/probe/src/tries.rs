//! Trying paths: what can be read, written, made or executed here.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use creel_probe::{Node, Try};
use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, major, makedev, minor, mknod};

/// At most this much of a file is reported; devices never end.
const READ_LIMIT: u64 = 4096;

/// Does what a word like `read:/etc/passwd` says.
pub(crate) fn run(word: &str) -> Try {
    let (verb, rest) = word.split_once(':').unwrap_or(("", word));
    let path = Path::new(rest);
    match verb {
        "read" => result(read(path)),
        "write" => result(open_for_writing(path)),
        "make" => result(make(path)),
        "mkdir" => result(fs::create_dir(path).map(|()| String::new())),
        "exec" => result(execute(path)),
        "stat" => node(path, rest),
        "mknod" => result(make_node(rest)),
        "memory" => result(use_memory(rest)),
        "realtime" => result(become_realtime(rest)),
        "huge" => result(map_huge_pages(rest)),
        _ => Try::Failed(format!("unknown verb in {word}")),
    }
}

fn result(outcome: io::Result<String>) -> Try {
    match outcome {
        Ok(text) => Try::Worked(text),
        Err(error) => Try::Failed(name(&error)),
    }
}

fn name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("{:?}", Errno::from_raw(number)),
        None => error.to_string(),
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.is_dir() {
        let entries: io::Result<Vec<_>> = fs::read_dir(path)?.collect();
        let mut names: Vec<String> =
            entries?.iter().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        return Ok(names.join("\n"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(READ_LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Only opens: what is there stays as it is.
fn open_for_writing(path: &Path) -> io::Result<String> {
    OpenOptions::new().write(true).open(path).map(|_| String::new())
}

fn make(path: &Path) -> io::Result<String> {
    OpenOptions::new().write(true).create_new(true).open(path).map(|_| String::new())
}

fn execute(path: &Path) -> io::Result<String> {
    let output = Command::new(path).args(["echo", "executed"]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `PATH:b|c:MAJOR:MINOR`: makes the node, then opens it for reading.
fn make_node(text: &str) -> io::Result<String> {
    let words: Vec<&str> = text.split(':').collect();
    let [path, kind, major, minor] = words[..] else {
        return Err(io::Error::other("want PATH:TYPE:MAJOR:MINOR"));
    };
    let kind = if kind == "b" { SFlag::S_IFBLK } else { SFlag::S_IFCHR };
    let number = |n: &str| n.parse().map_err(io::Error::other);
    mknod(path, kind, Mode::from_bits_truncate(0o600), makedev(number(major)?, number(minor)?))?;
    fs::File::open(path).map(|_| String::new())
}

/// Writes to so many bytes of memory, and gives them back.
fn use_memory(bytes: &str) -> io::Result<String> {
    let memory = vec![1_u8; bytes.parse().map_err(io::Error::other)?];
    drop(std::hint::black_box(memory));
    Ok(String::new())
}

/// Runs with this priority of SCHED_FIFO for a moment.
fn become_realtime(priority: &str) -> io::Result<String> {
    let priority = priority.parse().map_err(io::Error::other)?;
    crate::sys::set_scheduler(libc::SCHED_FIFO, priority)?;
    crate::sys::set_scheduler(libc::SCHED_OTHER, 0)?;
    Ok(String::new())
}

/// Maps so many bytes of huge pages, writes to each, and gives them back.
fn map_huge_pages(bytes: &str) -> io::Result<String> {
    crate::sys::use_huge_pages(bytes.parse().map_err(io::Error::other)?)?;
    Ok(String::new())
}

/// The node at a path, links not followed.
pub(crate) fn node(path: &Path, name: &str) -> Try {
    match fs::symlink_metadata(path) {
        Err(error) => Try::Failed(self::name(&error)),
        Ok(meta) => Try::Node(Node {
            name: name.to_owned(),
            kind: kind(&meta.file_type()).to_owned(),
            major: major(meta.rdev()),
            minor: minor(meta.rdev()),
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            link: fs::read_link(path).ok().map(|l| l.display().to_string()),
        }),
    }
}

fn kind(of: &fs::FileType) -> &'static str {
    match () {
        () if of.is_file() => "file",
        () if of.is_dir() => "dir",
        () if of.is_symlink() => "link",
        () if of.is_char_device() => "char",
        () if of.is_block_device() => "block",
        () if of.is_fifo() => "fifo",
        () => "socket",
    }
}
