//! A tree of directories, files and links, from any bytes.

use crate::follow::Job;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

/// In every root: a procfs, and a file system of its own.
pub(crate) const MOUNTS: [&str; 2] = ["proc", "m"];

/// What paths are made of.
const WORDS: [&str; 24] = [
    "a", "b", "c", "d", "a", "b", "c", "..", "..", ".", "", "m", "m", "proc", "self", "mounts",
    "cwd", "root", "fd", "0", "exe", "net", "missing", "outside",
];

/// Of a hundred bytes more than a name may have: 255 is the most.
const LONG: [usize; 2] = [255, 256];

pub(crate) type Bytes<'a> = std::iter::Copied<std::slice::Iter<'a, u8>>;

/// The next byte; 0 when there are no more.
pub(crate) fn next(bytes: &mut Bytes<'_>) -> usize {
    bytes.next().unwrap_or(0).into()
}

/// A path of up to eight words.
pub(crate) fn path(bytes: &mut Bytes<'_>) -> String {
    let shape = next(bytes);
    let word = |byte: usize| match byte.checked_sub(254) {
        Some(long) => "x".repeat(LONG[long]),
        None => WORDS[byte % WORDS.len()].to_owned(),
    };
    let parts: Vec<String> = (0..1 + shape % 8).map(|_| word(next(bytes))).collect();
    let begin = ["", "/", "../", "/../../"][(shape >> 3) % 4];
    let end = ["", "", "/", "/."][(shape >> 5) % 4];
    let text = format!("{begin}{}{end}", parts.join("/"));
    // A link has to have a text.
    if text.is_empty() { ".".to_owned() } else { text }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link(String),
}

/// Entries by their names below the root, in an order in which they can be made.
#[derive(Debug)]
pub(crate) struct Tree(Vec<(String, Kind)>);

impl Tree {
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Tree {
        let mut directories = vec![String::new(), "m/".to_owned()];
        let mut entries: Vec<(String, Kind)> = Vec::new();
        for _ in 0..next(bytes) % 24 {
            let parent = &directories[next(bytes) % directories.len()];
            let choice = next(bytes);
            let name = format!("{parent}{}", ["a", "b", "c", "d"][choice % 4]);
            if entries.iter().any(|(there, _)| *there == name) {
                continue;
            }
            let kind = match (choice >> 2) % 4 {
                0 if parent.len() < 40 => {
                    directories.push(format!("{name}/"));
                    Kind::Directory
                }
                0 | 1 => Kind::File,
                _ => Kind::Link(path(bytes)),
            };
            entries.push((name, kind));
        }
        Tree(entries)
    }

    /// Makes it in the place of what is there. No name leads through a link.
    pub(crate) fn grow(&self, root: &Path) {
        for place in [root.join("m"), root.to_owned()] {
            for entry in fs::read_dir(place).expect("a root").flatten() {
                let kind = entry.file_type().expect("an entry");
                match MOUNTS.iter().any(|mount| entry.path() == root.join(mount)) {
                    true => {}
                    false if kind.is_dir() => fs::remove_dir_all(entry.path()).expect("remove"),
                    false => fs::remove_file(entry.path()).expect("remove"),
                }
            }
        }
        for (name, kind) in &self.0 {
            let path = root.join(name);
            match kind {
                Kind::Directory => fs::create_dir(path),
                Kind::File => fs::write(path, ""),
                Kind::Link(text) => symlink(text, path),
            }
            .expect("an entry");
        }
    }

    /// Whether there are texts of which two do not fit into one path.
    pub(crate) fn is_long(&self, job: &Job) -> bool {
        let is_long = |text: &str| text.len() > 250;
        let link = |(_, kind): &(String, Kind)| matches!(kind, Kind::Link(text) if is_long(text));
        is_long(job.path()) || self.0.iter().any(link)
    }
}

/// All names below a root but those of procfs, and what they are.
pub(crate) fn list(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(root, root, &mut found);
    found
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("an entry");
        let name = path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
        if kind.is_dir() && name != "proc" {
            collect(root, &path, found);
        }
        found.insert(name, format!("{kind:?}"));
    }
}
