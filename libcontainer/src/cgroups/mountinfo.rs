//! The cgroup lines of proc_pid_mountinfo(5).

use std::path::PathBuf;

/// One mount of a cgroup or cgroup2 file system.
pub(super) struct CgroupMountLine<'a> {
    pub(super) v1: bool,
    /// The directory of the file system that is mounted, still escaped.
    pub(super) root: &'a str,
    pub(super) path: PathBuf,
    super_options: &'a str,
}

impl CgroupMountLine<'_> {
    /// The controllers, or the `name=` of the hierarchy: what is not a known mount option.
    pub(super) fn controllers(&self) -> Vec<String> {
        let is_option = |o: &&str| {
            matches!(*o, "rw" | "ro" | "xattr" | "noprefix" | "clone_children" | "cpuset_v2_mode")
                || o.starts_with("release_agent=")
                || matches!(*o, "favordynmods" | "seclabel")
        };
        self.super_options.split(',').filter(|o| !is_option(o)).map(str::to_owned).collect()
    }
}

/// Every cgroup mount of a mountinfo text, in its order.
pub(super) fn cgroup_mounts(text: &str) -> impl Iterator<Item = CgroupMountLine<'_>> {
    text.lines().filter_map(parse_line)
}

fn parse_line(line: &str) -> Option<CgroupMountLine<'_>> {
    let (mount, fs) = line.split_once(" - ")?;
    let mut fs = fs.split(' ');
    let v1 = match fs.next()? {
        "cgroup" => true,
        "cgroup2" => false,
        _ => return None,
    };
    let super_options = fs.nth(1)?;
    let mut mount = mount.split(' ').skip(3);
    let root = mount.next()?;
    let path = PathBuf::from(unescape(mount.next()?));
    Some(CgroupMountLine { v1, root, path, super_options })
}

/// Undo the octal escapes of space, tab, newline and backslash.
fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        match after.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            Some(byte) if byte.is_ascii() => {
                text.push(char::from(byte));
                rest = &after[3..];
            }
            _ => {
                text.push('\\');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}
