//! Making, entering, killing and removing real cgroups.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use caps::{CapSet, Capability};
use serde_json::{Value, json};

use super::harness::{
    Cleanup, WAIT, directories, held_shell, on_v1, on_v2, planned, release, sleeper, there, unique,
};
use crate::cgroups::{Cgroup, Error, Layout};

fn lives_and_dies(layout: &Layout, resources: Value) {
    let plan = planned(layout, &unique(), resources);
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    assert_eq!(there(&plan), directories(&plan));
    assert!(cgroup.pids().unwrap().is_empty());
    assert!(!cgroup.is_frozen().unwrap());
    assert!(cgroup.record().made);

    let mut child = sleeper();
    let pid = child.id() as i32;
    cgroup.enter(pid).unwrap();
    cgroup.apply(&plan).unwrap();
    assert_eq!(cgroup.pids().unwrap(), [pid]);
    let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let below = plan.directories[0].below.to_str().unwrap();
    let joined = membership.lines().filter(|line| line.ends_with(below)).count();
    assert_eq!(joined, plan.directories.len(), "{membership}");

    let reopened = Cgroup::open(cgroup.record().clone()).unwrap();
    reopened.kill_all(libc::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    reopened.record().remove(WAIT).unwrap();
    assert_eq!(there(&plan), [] as [PathBuf; 0]);
    // Again, as after a crash.
    reopened.record().remove(WAIT).unwrap();
    let gone = Cgroup::open(reopened.record().clone()).unwrap();
    assert!(gone.is_gone());
    assert!(matches!(gone.enter(std::process::id() as i32), Err(Error::Gone { .. })));
}

#[test]
fn a_cgroup_of_version_1_lives_and_dies() {
    on_v1(|layout| lives_and_dies(layout, json!({"pids": {"limit": 5}, "cpu": {"shares": 100}})));
}

#[test]
fn a_cgroup_of_version_2_lives_and_dies() {
    on_v2(|layout| lives_and_dies(layout, json!({"unified": {"cgroup.max.depth": "3"}})));
}

/// Processes that fork all the time, in cgroups that they made themselves.
fn kills_what_forks(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let mut made = Vec::new();
    for path in directories(&plan) {
        fs::create_dir_all(path.join("sub/deep")).unwrap();
        made.push(path.join("sub"));
    }
    let mut shells: Vec<_> =
        (0..4).map(|_| held_shell("while :; do sh -c 'sh -c :'& sh -c :; done")).collect();
    for shell in &mut shells {
        cgroup.enter(shell.id() as i32).unwrap();
        release(shell);
    }
    while cgroup.pids().unwrap().len() < 6 {
        thread::yield_now();
    }
    cgroup.kill_all(libc::SIGKILL).unwrap();
    for mut shell in shells {
        assert_eq!(shell.wait().unwrap().signal(), Some(libc::SIGKILL));
    }
    cgroup.record().remove(WAIT).unwrap();
    assert_eq!(there(&plan), [] as [PathBuf; 0]);
}

#[test]
fn sigkill_reaches_what_forks_on_version_1() {
    on_v1(kills_what_forks);
}

#[test]
fn sigkill_reaches_what_forks_on_version_2() {
    on_v2(kills_what_forks);
}

fn other_signals_are_sent_once(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let mut children = [sleeper(), sleeper()];
    for child in &children {
        cgroup.enter(child.id() as i32).unwrap();
    }
    cgroup.kill_all(libc::SIGTERM).unwrap();
    for child in &mut children {
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    }
    assert!(!cgroup.is_frozen().unwrap());
}

#[test]
fn other_signals_reach_all_on_version_1() {
    on_v1(other_signals_are_sent_once);
}

#[test]
fn other_signals_reach_all_on_version_2() {
    on_v2(other_signals_are_sent_once);
}

fn waits_for_the_end(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let mut child = Command::new("sleep").arg("0.3").spawn().unwrap();
    cgroup.enter(child.id() as i32).unwrap();
    cgroup.record().remove(WAIT).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn removing_waits_for_a_process_on_its_way_out_on_version_1() {
    on_v1(waits_for_the_end);
}

#[test]
fn removing_waits_for_a_process_on_its_way_out_on_version_2() {
    on_v2(waits_for_the_end);
}

fn refuses_a_gone_process(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let mut child = sleeper();
    child.kill().unwrap();
    child.wait().unwrap();
    let entered = cgroup.enter(child.id() as i32);
    assert!(matches!(entered, Err(Error::ProcessGone { .. })), "{entered:?}");
}

#[test]
fn a_process_that_is_gone_cannot_enter_on_version_1() {
    on_v1(refuses_a_gone_process);
}

#[test]
fn a_process_that_is_gone_cannot_enter_on_version_2() {
    on_v2(refuses_a_gone_process);
}

/// Cgroups below one another whose path is longer than PATH_MAX, as a container with a writable cgroup can make them, with
/// this shell in the last.
const DEEP: &str = r#"name=$(printf %0200d 0)
for path in "$@"; do
    cd "$path" && for _ in $(seq 25); do mkdir $name && cd -P $name || exit; done
    echo $$ >cgroup.procs || exit
done
exec sleep 1000"#;

fn is_removed_from_the_depth(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    // Cpuset takes no process before it has processors.
    let mut paths = directories(&plan);
    paths.retain(|path| matches!(layout, Layout::V2 { .. }) || !path.join("cpuset.cpus").exists());
    let mut shell = Command::new("sh").args(["-c", DEEP, "sh"]).args(&paths).spawn().unwrap();
    let pid = shell.id() as i32;
    while fs::read(format!("/proc/{pid}/comm")).unwrap() != b"sleep\n" {
        assert!(shell.try_wait().unwrap().is_none(), "the shell failed");
        thread::yield_now();
    }
    assert_eq!(cgroup.pids().unwrap(), [pid]);
    assert!(matches!(cgroup.record().remove(Duration::ZERO), Err(Error::Busy { .. })));
    cgroup.kill_all(libc::SIGKILL).unwrap();
    assert_eq!(shell.wait().unwrap().signal(), Some(libc::SIGKILL));
    cgroup.record().remove(WAIT).unwrap();
    assert_eq!(there(&plan), [] as [PathBuf; 0]);
}

#[test]
fn what_is_deeper_than_a_path_can_say_is_removed_on_version_1() {
    on_v1(is_removed_from_the_depth);
}

#[test]
fn what_is_deeper_than_a_path_can_say_is_removed_on_version_2() {
    on_v2(is_removed_from_the_depth);
}

/// In a thread that may not read what its owner closed.
fn the_others_are_signalled(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let closed: Vec<_> = directories(&plan).iter().map(|path| path.join("closed")).collect();
    for path in &closed {
        fs::create_dir(path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let mut child = sleeper();
    cgroup.enter(child.id() as i32).unwrap();
    let unprivileged = || {
        for capability in [Capability::CAP_DAC_OVERRIDE, Capability::CAP_DAC_READ_SEARCH] {
            caps::drop(None, CapSet::Effective, capability).unwrap();
        }
        cgroup.kill_all(libc::SIGTERM)
    };
    let killed = thread::scope(|scope| scope.spawn(unprivileged).join().unwrap());
    assert!(
        matches!(&killed, Err(Error::Read { path, .. }) if closed.contains(path)),
        "{killed:?}"
    );
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
    assert!(!cgroup.is_frozen().unwrap());
}

#[test]
fn a_cgroup_that_cannot_be_read_does_not_save_the_others_on_version_1() {
    on_v1(the_others_are_signalled);
}

#[test]
fn a_cgroup_that_cannot_be_read_does_not_save_the_others_on_version_2() {
    on_v2(the_others_are_signalled);
}
