//! `pause` and `resume`, and what other commands make of a paused container.

use std::time::Duration;

use crate::harness::{Bundle, cgroup, needs_cgroup, process_exists, unless, wait_until};

/// A container that uses all the processor time it gets.
fn busy(name: &str) -> Bundle {
    let bundle = Bundle::new(name).busybox();
    let bundle = bundle.config(|c| c.args(&["/bin/sh", "-c", "while :; do :; done"]));
    bundle.create_and_start();
    bundle
}

/// Processor time used so far, in clock ticks.
fn time_of(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let (_, rest) = text.rsplit_once(") ").expect("a name");
    let fields: Vec<&str> = rest.split(' ').collect();
    fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
}

#[test]
fn a_paused_container_stands_still_and_goes_on() {
    needs_cgroup!();
    unless!(cgroup::has("freezer") || cgroup::is_v2(), "no freezer here");
    let bundle = busy("still");
    let pid = bundle.pid();
    bundle.cmd(&["pause", &bundle.id]).ok();
    assert_eq!(bundle.status(), "paused");
    let file = if cgroup::is_v2() { "cgroup.freeze" } else { "freezer.state" };
    let frozen = cgroup::read(&bundle.cgroup(), ("freezer", file), file);
    assert_eq!(frozen.as_deref(), Some(if cgroup::is_v2() { "1" } else { "FROZEN" }));
    let before = time_of(pid);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(time_of(pid), before, "it ran while it was paused");
    bundle.cmd(&["resume", &bundle.id]).ok();
    assert_eq!(bundle.status(), "running");
    wait_until("the container to run again", || time_of(pid) > before);
}

#[test]
fn processes_that_fork_all_the_time_are_frozen_too() {
    needs_cgroup!();
    let bundle = Bundle::new("forks").busybox();
    let script = "while :; do /bin/true & /bin/true; done";
    let bundle = bundle.config(|c| {
        if cgroup::has("pids") {
            c.set("/linux/resources/pids/limit", 100);
        }
        c.args(&["/bin/sh", "-c", script]);
    });
    bundle.create_and_start();
    bundle.cmd(&["pause", &bundle.id]).ok();
    let before = bundle.processes();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(bundle.processes(), before);
    bundle.cmd(&["resume", &bundle.id]).ok();
}

#[test]
fn pause_and_resume_want_the_other_status() {
    needs_cgroup!();
    let bundle = Bundle::new("status").sleeping();
    bundle.cmd(&["resume", &bundle.id]).output().refused(&["container not paused", "running"]);
    bundle.cmd(&["pause", &bundle.id]).ok();
    bundle.cmd(&["pause", &bundle.id]).output().refused(&["container not running", "paused"]);
    bundle.cmd(&["resume", &bundle.id]).ok();
    bundle.kill("KILL");
    bundle.wait_stopped();
    bundle.cmd(&["pause", &bundle.id]).output().refused(&["container not running", "stopped"]);
    bundle.cmd(&["resume", &bundle.id]).output().refused(&["container not paused", "stopped"]);
    bundle.cmd(&["pause", "nobody"]).output().refused(&["container does not exist"]);
}

#[test]
fn a_created_container_can_be_paused() {
    needs_cgroup!();
    let bundle = Bundle::new("created").config(|c| c.probe(&["sleep", "600"]));
    bundle.create();
    bundle.cmd(&["pause", &bundle.id]).ok();
    assert_eq!(bundle.status(), "paused");
    bundle.cmd(&["start", &bundle.id]).output().refused(&["paused", "resume it first"]);
    bundle.cmd(&["resume", &bundle.id]).ok();
    assert_eq!(bundle.status(), "created");
    bundle.start();
    assert_eq!(bundle.status(), "running");
}

#[test]
fn an_exec_into_a_paused_container_is_refused() {
    needs_cgroup!();
    let bundle = Bundle::new("exec").sleeping();
    bundle.cmd(&["pause", &bundle.id]).ok();
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/probe", "echo", "ran"]).output().exits(255);
    assert!(output.stderr().contains("cannot exec in a paused container"), "{}", output.stderr());
    assert!(output.stderr().contains("use --ignore-paused to override"), "{}", output.stderr());
    assert_eq!(output.stdout(), "");
}

#[test]
fn an_exec_that_ignores_the_pause_runs_once_it_is_over() {
    needs_cgroup!();
    let bundle = Bundle::new("ignore").sleeping();
    bundle.cmd(&["pause", &bundle.id]).ok();
    let exec = ["exec", "--ignore-paused", &bundle.id, "/bin/probe", "echo", "ran"];
    let exec = bundle.cmd(&exec).spawn();
    let count = bundle.processes().len();
    wait_until("the process in the cgroup", || bundle.processes().len() > count.min(1));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(exec.stdout(), "", "it ran in a frozen cgroup");
    bundle.cmd(&["resume", &bundle.id]).ok();
    assert_eq!(exec.output().ok().stdout(), "ran\n");
}

#[test]
fn a_paused_container_is_killed_at_once() {
    needs_cgroup!();
    let bundle = Bundle::new("kill").sleeping();
    let pid = bundle.pid();
    bundle.cmd(&["pause", &bundle.id]).ok();
    bundle.kill("KILL");
    bundle.wait_stopped();
    assert!(!process_exists(pid));
    bundle.delete();
    bundle.assert_nothing_left();
}

#[test]
fn a_paused_container_is_deleted_by_force_alone() {
    needs_cgroup!();
    let bundle = Bundle::new("delete").sleeping();
    bundle.cmd(&["pause", &bundle.id]).ok();
    bundle.cmd(&["delete", &bundle.id]).output().refused(&["paused"]);
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn a_container_that_runs_in_the_foreground_can_be_paused_and_deleted() {
    needs_cgroup!();
    let bundle = Bundle::new("fore").config(|c| c.probe(&["sleep", "600"]));
    let run = bundle.on_bundle("run", &[]).spawn();
    wait_until("the container to run", || {
        bundle.root().join(&bundle.id).join("state.json").exists()
            && bundle.cmd(&["state", &bundle.id]).output().stdout().contains("\"running\"")
    });
    bundle.cmd(&["pause", &bundle.id]).ok();
    assert_eq!(bundle.status(), "paused");
    bundle.cmd(&["resume", &bundle.id]).ok();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    let output = run.output();
    // runc finds its container gone and says so.
    if !crate::harness::is_runc() {
        assert_eq!(output.code(), 137, "{}", output.stderr());
    }
    bundle.assert_nothing_left();
}

#[test]
fn kill_all_reaches_every_process() {
    needs_cgroup!();
    let bundle = Bundle::new("all").config(|c| {
        c.without_namespace("pid");
        c.probe(&["spawn", "spawn", "sleep", "600"]);
    });
    bundle.create_and_start();
    wait_until("three processes", || bundle.processes().len() == 3);
    let pids = bundle.processes();
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
    wait_until("their end", || {
        crate::harness::orphans_reap();
        pids.iter().all(|pid| !process_exists(*pid))
    });
    bundle.wait_stopped();
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
}

#[test]
fn kill_all_reaches_what_the_first_process_left() {
    needs_cgroup!();
    let bundle = Bundle::new("left").config(|c| {
        c.without_namespace("pid");
        c.probe(&["spawn", "sleep", "600"]);
    });
    bundle.create_and_start();
    wait_until("two processes", || bundle.processes().len() == 2);
    bundle.kill("KILL");
    bundle.wait_stopped();
    let left = bundle.processes();
    assert_eq!(left.len(), 1);
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
    wait_until("its end", || {
        crate::harness::orphans_reap();
        !process_exists(left[0])
    });
}
