//! The host's cgroups: where a container's are, and taking them away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nix::unistd::{AccessFlags, access};

use super::{driver, rootless};

const ROOT: &str = "/sys/fs/cgroup";

/// The parent of all cgroups of this test process: other test processes may run beside it.
pub(crate) fn parent() -> String {
    let above = if rootless::is_rootless() { rootless::cgroup_parent() } else { String::new() };
    format!("{above}/creel-integration-{}", std::process::id())
}

/// Containers can have cgroups of their own: always as root and of systemd, otherwise on cgroup2 where a cgroup is
/// delegated.
pub(crate) fn may_be_made() -> bool {
    let beside = Path::new(ROOT).join(rootless::cgroup_parent().trim_start_matches('/'));
    let writable = |path: PathBuf| access(&path, AccessFlags::W_OK).is_ok();
    !rootless::is_rootless()
        || driver::is_systemd()
        || (is_v2() && writable(beside.clone()) && writable(beside.join("cgroup.procs")))
}

/// The mount point of each hierarchy: one per v1 controller and `unified`, or only the v2 one.
pub(crate) fn hierarchies() -> Vec<PathBuf> {
    if is_v2() {
        return vec![PathBuf::from(ROOT)];
    }
    let list = fs::read_dir(ROOT).expect("/sys/fs/cgroup");
    let mut dirs: Vec<PathBuf> =
        list.flatten().map(|e| e.path()).filter(|p| p.is_dir() && !p.is_symlink()).collect();
    dirs.sort();
    dirs
}

/// cgroup2 alone is mounted.
pub(crate) fn is_v2() -> bool {
    Path::new(ROOT).join("cgroup.controllers").exists()
}

/// The directories of a cgroup in all hierarchies in which it exists.
pub(crate) fn dirs(path: &str) -> Vec<PathBuf> {
    let relative = path.trim_start_matches('/');
    hierarchies().iter().map(|h| h.join(relative)).filter(|d| d.is_dir()).collect()
}

/// A file of a cgroup by its v1 controller and name, or its v2 name; `None` when there is no such
/// file.
pub(crate) fn read(path: &str, v1: (&str, &str), v2: &str) -> Option<String> {
    let relative = path.trim_start_matches('/');
    let file = match is_v2() {
        true => Path::new(ROOT).join(relative).join(v2),
        false => Path::new(ROOT).join(v1.0).join(relative).join(v1.1),
    };
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

/// All cgroup directories, a few levels deep, whose name has this text in it.
pub(crate) fn named(text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for hierarchy in hierarchies() {
        collect(&hierarchy, text, 5, &mut found);
    }
    found
}

fn collect(dir: &Path, text: &str, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(list) = fs::read_dir(dir) else { return };
    for entry in list.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir())) {
        if entry.file_name().to_string_lossy().contains(text) {
            found.push(entry.path());
        }
        if depth > 0 {
            collect(&entry.path(), text, depth - 1, found);
        }
    }
}

/// How many bundles live: the common parent goes with the last one. Removing it under the lock
/// keeps it from vanishing while a runtime is making a cgroup in it.
static LIVE: Mutex<usize> = Mutex::new(0);

pub(crate) fn enter() {
    *LIVE.lock().unwrap_or_else(|p| p.into_inner()) += 1;
}

pub(crate) fn leave() {
    let mut live = LIVE.lock().unwrap_or_else(|p| p.into_inner());
    *live -= 1;
    if *live == 0 {
        for dir in dirs(&parent()) {
            // What a failed test left, if it could not be removed earlier.
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                let _ = fs::remove_dir(entry.path());
            }
            let _ = fs::remove_dir(dir);
        }
    }
}

/// Whether the kernel offers a controller where the containers' cgroups are made.
pub(crate) fn has(controller: &str) -> bool {
    let above = match (rootless::is_rootless(), may_be_made()) {
        (false, _) => String::new(),
        // A user's systemd hands down some of the controllers that it has.
        (true, true) if driver::is_systemd() => driver::cgroup_of_slice(),
        (true, true) => rootless::cgroup_parent(),
        (true, false) => return false,
    };
    match fs::read_to_string(format!("{ROOT}{above}/cgroup.controllers")) {
        Ok(list) => list.split_whitespace().any(|name| name == controller),
        Err(_) => std::path::Path::new("/sys/fs/cgroup").join(controller).exists(),
    }
}

/// Whether a hybrid host has a controller beside version 1's, on cgroup2.
pub(crate) fn has_on_unified(controller: &str) -> bool {
    let list = fs::read_to_string(Path::new(ROOT).join("unified/cgroup.controllers"));
    list.is_ok_and(|list| list.split_whitespace().any(|name| name == controller))
}
