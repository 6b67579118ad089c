//! What a round must not change: files, mounts, cgroups, processes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::world::{PROGRAM, UNTOUCHED};

/// What a file is, but for when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    mode: u32,
    owner: (u32, u32),
    device: u64,
    links: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    content: Vec<u8>,
}

/// The world before a round.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct World {
    files: BTreeMap<PathBuf, File>,
    program: (u32, u32, u32, u64, i64),
    mounts: Vec<String>,
    cgroups: Vec<PathBuf>,
    processes: Vec<i32>,
}

impl World {
    /// `cgroup` is the directory, in every hierarchy, in which the containers' are made.
    pub(crate) fn now(cgroup: &str) -> io::Result<World> {
        let mut files = BTreeMap::new();
        for top in UNTOUCHED {
            look(Path::new(top), &mut files)?;
        }
        let program = fs::symlink_metadata(PROGRAM)?;
        let table = fs::read_to_string("/proc/self/mountinfo")?;
        Ok(World {
            files,
            program: (
                program.mode(),
                program.uid(),
                program.gid(),
                program.size(),
                program.mtime_nsec(),
            ),
            mounts: table.lines().map(of_this_namespace).collect(),
            cgroups: cgroups(cgroup)?,
            processes: processes()?,
        })
    }

    /// What differs now, after what is dying was given time to be gone.
    pub(crate) fn differences(&self, cgroup: &str) -> io::Result<Vec<String>> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            reap(None);
            let now = World::now(cgroup)?;
            if now == *self {
                return Ok(Vec::new());
            }
            if Instant::now() > end {
                return Ok(self.compare(&now));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn compare(&self, now: &World) -> Vec<String> {
        let mut found = Vec::new();
        for path in self.files.keys().chain(now.files.keys()) {
            let (before, after) = (self.files.get(path), now.files.get(path));
            if before != after {
                found.push(format!("file {}: {before:?} became {after:?}", path.display()));
            }
        }
        if self.program != now.program {
            found.push(format!("the program: {:?} became {:?}", self.program, now.program));
        }
        let new = now.mounts.iter().filter(|mount| !self.mounts.contains(mount));
        found.extend(new.map(|mount| format!("new mount: {mount}")));
        let gone = self.mounts.iter().filter(|mount| !now.mounts.contains(mount));
        found.extend(gone.map(|mount| format!("lost mount: {mount}")));
        if self.cgroups != now.cgroups {
            found.push(format!("cgroups: {:?}", now.cgroups));
        }
        for pid in now.processes.iter().filter(|pid| !self.processes.contains(pid)) {
            let text =
                |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            found.push(format!("process {pid}: {} {}", text("comm").trim(), text("stat").trim()));
        }
        found
    }
}

/// A mount without the settings of its file system, where others have that mounted too.
fn of_this_namespace(line: &str) -> String {
    let (mount, filesystem) = line.split_once(" - ").unwrap_or((line, ""));
    let of_cgroups = filesystem.starts_with("cgroup");
    if of_cgroups { mount.to_owned() } else { line.to_owned() }
}

fn look(path: &Path, files: &mut BTreeMap<PathBuf, File>) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    // A terminal of somebody else's comes and goes.
    if path == Path::new("/dev/pts") {
        return Ok(());
    }
    let is_small = found.is_file() && found.len() < 1 << 16;
    let content = if is_small { fs::read(path)? } else { Vec::new() };
    let file = File {
        mode: found.mode(),
        owner: (found.uid(), found.gid()),
        device: found.rdev(),
        links: found.nlink(),
        size: found.size(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
        content,
    };
    files.insert(path.to_owned(), file);
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            look(&entry?.path(), files)?;
        }
    }
    Ok(())
}

/// What is in the directory of the containers' cgroups, in any hierarchy.
fn cgroups(cgroup: &str) -> io::Result<Vec<PathBuf>> {
    let root = Path::new("/sys/fs/cgroup");
    let mut hierarchies = vec![root.to_owned()];
    if !root.join("cgroup.controllers").exists() {
        hierarchies =
            fs::read_dir(root)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    }
    let mut found = Vec::new();
    for hierarchy in hierarchies.iter().filter(|path| !path.is_symlink()) {
        let Ok(list) = fs::read_dir(hierarchy.join(cgroup)) else { continue };
        found.extend(list.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    Ok(found)
}

fn processes() -> io::Result<Vec<i32>> {
    let names = fs::read_dir("/proc")?.flatten().map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
}

/// Orphans come to the first process. Whoever has a child of their own to wait for names it.
pub(crate) fn reap(but: Option<u32>) {
    for pid in processes().unwrap_or_default() {
        if u32::try_from(pid).ok() != but {
            // Those of others are refused.
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}
