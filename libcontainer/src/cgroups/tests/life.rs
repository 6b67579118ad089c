//! Making, entering, killing and removing real cgroups.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;

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
        std::thread::yield_now();
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
