//! A container that was made, seen from outside: nothing may be mounted in it that it was not given.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use serde_json::Value;

use crate::configuration::VOLUMES;
use crate::swap::ATTIC;

const ROOT: &str = "/scratch/round/bundle/rootfs";

/// A line of /proc/PID/mountinfo.
struct Mount<'a> {
    device: &'a str,
    /// What of its file system it shows.
    root: &'a str,
    target: &'a str,
    fstype: &'a str,
}

fn parse(line: &str) -> Option<Mount<'_>> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let words: Vec<&str> = mount.split(' ').collect();
    let fstype = filesystem.split(' ').next()?;
    Some(Mount { device: words.get(2)?, root: words.get(3)?, target: words.get(4)?, fstype })
}

/// What is wrong with the mounts of a container.
pub(crate) fn faults(pid: i64, configuration: &Value, is_raced: bool) -> io::Result<Vec<String>> {
    let table = match fs::read_to_string(format!("/proc/{pid}/mountinfo")) {
        Ok(table) => table,
        // It has ended.
        Err(_) => return Ok(Vec::new()),
    };
    let scratch = device("/scratch")?;
    let mut found = Vec::new();
    for line in table.lines() {
        let Some(mount) = parse(line) else {
            found.push(format!("not understood: {line}"));
            continue;
        };
        if mount.device == scratch && !is_given(&mount) {
            found.push(format!("the container was given what is not its own: {line}"));
        }
        // Mounts go along with a directory that gets another name: in a race nothing follows from where they are.
        if !is_raced && mount.device == scratch && !is_in_its_place(&mount) {
            found.push(format!("a part of the root file system is in another place: {line}"));
        }
        let is_kernels = matches!(mount.fstype, "proc" | "sysfs") && mount.root == "/";
        let mut asked_for = destinations(configuration, mount.fstype).into_iter();
        if !is_raced && is_kernels && !asked_for.any(|there| there == mount.target) {
            found.push(format!("it was led elsewhere: {line}"));
        }
    }
    Ok(found)
}

/// Its root file system, what is bound by its configuration, and the devices that a user namespace gets.
fn is_given(mount: &Mount<'_>) -> bool {
    let devices = ["null", "zero", "full", "random", "urandom", "tty"];
    [ROOT, ATTIC, VOLUMES].iter().any(|given| mount.root.starts_with(given))
        || devices.iter().any(|name| mount.root == format!("/dev/{name}"))
}

/// What is bound of the root file system is made read-only where it is; only the null device covers other files.
fn is_in_its_place(mount: &Mount<'_>) -> bool {
    let Some(inside) = mount.root.strip_prefix(ROOT) else { return true };
    let is_there = inside == mount.target || (inside.is_empty() && mount.target == "/");
    is_there || (inside == "/dev/null" && is_null(&format!("{ROOT}/dev/null")))
}

fn is_null(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| {
        found.file_type().is_char_device() && found.rdev() == nix::sys::stat::makedev(1, 3)
    })
}

/// Where file systems of a type were asked for, by the text alone: no link may change that.
fn destinations(configuration: &Value, fstype: &str) -> Vec<String> {
    let mounts = configuration["mounts"].as_array().into_iter().flatten();
    let of_type = mounts.filter(|mount| mount["type"] == fstype);
    of_type.filter_map(|mount| mount["destination"].as_str()).map(clean).collect()
}

fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let text = format!("/{}", parts.join("/"));
    text.replace('\\', "\\134").replace(' ', "\\040").replace('\n', "\\012").replace('\t', "\\011")
}

fn device(path: &str) -> io::Result<String> {
    let device = fs::metadata(path)?.dev();
    Ok(format!("{}:{}", nix::sys::stat::major(device), nix::sys::stat::minor(device)))
}
