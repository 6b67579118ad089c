//! What a container must not leave behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, umount2};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::host::process_exists;
use super::{cgroup, driver, orphans};

/// What is still there of a bundle's containers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Leftovers {
    mounts: Vec<String>,
    cgroups: Vec<PathBuf>,
    processes: Vec<(u32, String)>,
    state: Vec<PathBuf>,
    units: Vec<String>,
}

impl Leftovers {
    /// Looks for the bundle's directory and for the text that all its ids have in common.
    pub(crate) fn find(dir: &Path, id: &str, root: &Path) -> Leftovers {
        Leftovers {
            mounts: mounts_below(dir),
            cgroups: cgroup::named(id),
            processes: processes(dir, id),
            state: entries(root),
            units: driver::units(id),
        }
    }

    /// The same, after giving what is dying some seconds to be gone: the kernel takes namespaces apart in its own time.
    pub(crate) fn find_settled(dir: &Path, id: &str, root: &Path) -> Leftovers {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            orphans::reap();
            let found = Leftovers::find(dir, id, root);
            if found == Leftovers::default() || Instant::now() > end {
                return found;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes everything away by force, as far as it goes: the next tests shall not see it.
    pub(crate) fn sweep(&self) {
        for (pid, _) in &self.processes {
            let _ = kill(Pid::from_raw(*pid as i32), Signal::SIGKILL);
        }
        for target in self.mounts.iter().rev() {
            let _ = umount2(Path::new(target), MntFlags::MNT_DETACH);
        }
        let end = Instant::now() + Duration::from_secs(2);
        while self.processes.iter().any(|(pid, _)| process_exists(*pid)) && Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
        }
        orphans::reap();
        for dir in self.cgroups.iter().rev() {
            let _ = fs::remove_dir(dir);
        }
    }
}

fn mounts_below(dir: &Path) -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let targets = table.lines().filter_map(|line| line.split(' ').nth(4));
    targets.filter(|t| Path::new(t).starts_with(dir)).map(str::to_owned).collect()
}

/// Processes whose command line or cgroup names the container, or whose mounts come from the
/// bundle.
fn processes(dir: &Path, id: &str) -> Vec<(u32, String)> {
    let dir = dir.to_string_lossy();
    let me = std::process::id();
    let names = |pid: u32, file: &str, text: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(text)
    };
    let own_mounts = fs::read_link("/proc/self/ns/mnt").ok();
    let belongs = |pid: u32| {
        let mounts = fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
        names(pid, "cgroup", id)
            || names(pid, "cmdline", &dir)
            || (mounts != own_mounts && names(pid, "mountinfo", &dir))
    };
    let pids = orphans::pids().into_iter();
    pids.filter(|pid| *pid != me && process_exists(*pid) && belongs(*pid))
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            (pid, name.trim().to_owned())
        })
        .collect()
}

fn entries(root: &Path) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(root) else { return Vec::new() };
    list.flatten().map(|e| e.path()).collect()
}
