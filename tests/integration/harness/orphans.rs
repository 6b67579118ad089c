//! The test process is a subreaper, as containerd's shim is: a container's init becomes its child
//! when the runtime exits. Here these children are reaped, and only these.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, Once};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::host::stat_fields;

/// Children that someone waits for by name. Spawning happens under the lock, so that none is
/// missing from the set while orphans are looked for.
static SPAWNED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn spawned() -> MutexGuard<'static, BTreeSet<u32>> {
    SPAWNED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Spawns a child that will be waited for through its handle; [`forget`] follows that wait.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    static SUBREAPER: Once = Once::new();
    SUBREAPER.call_once(|| set_child_subreaper(true).expect("PR_SET_CHILD_SUBREAPER"));
    let mut set = spawned();
    let child = command.spawn()?;
    set.insert(child.id());
    Ok(child)
}

/// Runs a program to its end, with its standard output taken.
pub(crate) fn run(command: &mut Command) -> io::Result<Output> {
    let child = spawn(command.stdout(Stdio::piped()))?;
    let pid = child.id();
    let output = child.wait_with_output();
    forget(pid);
    output
}

/// The child was waited for, its number may come again.
pub(crate) fn forget(pid: u32) {
    spawned().remove(&pid);
}

/// Reaps every dead child that came here as an orphan.
pub(crate) fn reap() {
    let set = spawned();
    let me = std::process::id();
    for pid in pids() {
        let Some(stat) = stat_fields(pid) else { continue };
        if stat.ppid == me && stat.state == 'Z' && !set.contains(&pid) {
            let _ = waitpid(Pid::from_raw(pid as i32), Some(WaitPidFlag::WNOHANG));
        }
    }
}

/// All process ids there are.
pub(crate) fn pids() -> Vec<u32> {
    let Ok(list) = fs::read_dir("/proc") else { return Vec::new() };
    list.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}
