//! A runtime that is killed at any instant: `delete --force` cleans up after it.

use std::thread;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};

use crate::harness::{Bundle, needs_root, runc_deviates, wait_until};

const STEPS: u32 = 20;
const NONE: Option<&str> = None;

/// How long a whole `create` takes here.
fn time_of_create(bundle: &Bundle) -> Duration {
    let begin = Instant::now();
    bundle.create();
    let time = begin.elapsed();
    assert_eq!(bundle.status(), "created");
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    time
}

#[test]
fn create_killed_at_any_moment_leaves_nothing_after_delete_force() {
    runc_deviates!("cgroups made before the state was written stay");
    let bundle = Bundle::new("killcreate");
    let whole = time_of_create(&bundle);
    for step in 0..STEPS {
        let mut create = bundle.on_bundle("create", &[]).spawn();
        thread::sleep(whole * step / STEPS);
        create.kill();
        create.output();
        bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        bundle.assert_nothing_left();
    }
}

#[test]
fn run_killed_at_any_moment_leaves_nothing_after_delete_force() {
    runc_deviates!("cgroups made before the state was written stay");
    let bundle = Bundle::new("killrun");
    let whole = time_of_create(&bundle);
    let bundle = bundle.config(|c| c.probe(&["sleep", "60"]));
    for step in 0..STEPS {
        let mut run = bundle.on_bundle("run", &[]).spawn();
        thread::sleep(whole * 2 * step / STEPS);
        run.kill();
        run.output();
        bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        bundle.assert_nothing_left();
    }
}

#[test]
fn delete_killed_at_any_moment_can_be_repeated() {
    let bundle = Bundle::new("killdelete");
    bundle.create();
    assert_eq!(bundle.status(), "created");
    let begin = Instant::now();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    let whole = begin.elapsed();
    for step in 0..STEPS {
        bundle.create();
        let mut delete = bundle.cmd(&["delete", "--force", &bundle.id]).spawn();
        thread::sleep(whole * step / STEPS);
        delete.kill();
        delete.output();
        bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        bundle.assert_nothing_left();
    }
}

/// The hook runs inside: it neither hears of the end of the runtime, nor did that get to record the process.
#[test]
fn create_killed_during_a_hook_inside_leaves_nothing_after_delete_force() {
    runc_deviates!("its hook is not in the container's cgroup");
    let mut bundle = Bundle::new("killhook");
    let flag = bundle.outside("flag").join("runs");
    let script = format!("echo > {}; exec sleep 60", flag.display());
    bundle.reconfigure(|c| c.hook("createContainer", &["/bin/sh", "-c", &script]));
    let mut create = bundle.on_bundle("create", &[]).spawn();
    wait_until("the hook runs", || flag.exists());
    create.kill();
    create.output();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    bundle.assert_nothing_left();
}

/// The process went on without it: it runs, and is not deleted as one that was never started.
#[test]
fn a_container_runs_although_its_start_was_killed() {
    runc_deviates!("a killed start ends the container");
    let bundle = Bundle::new("killstart").busybox().config(|c| {
        c.hook("startContainer", &["/bin/sleep", "0.5"]);
        c.probe(&["sleep", "60"]);
    });
    bundle.create();
    let listener = bundle.root().join(&bundle.id).join("start.sock");
    let mut start = bundle.cmd(&["start", &bundle.id]).spawn();
    wait_until("the hook runs", || bundle.processes().len() == 2);
    start.kill();
    start.output();
    assert_eq!(bundle.status(), "created");
    wait_until("the program runs", || bundle.status() == "running");
    assert!(listener.exists(), "this test tests nothing: start had marked it");
    bundle.cmd(&["start", &bundle.id]).output().refused(&["already running"]);
    bundle.cmd(&["delete", &bundle.id]).output().refused(&["not stopped"]);
}

/// Its state cannot be changed any more, but the container runs.
#[test]
fn start_succeeds_on_a_state_root_that_became_read_only() {
    needs_root!("it mounts something on the host");
    runc_deviates!("it starts the container and fails");
    let mut bundle = Bundle::new("readonlyroot").config(|c| c.probe(&["sleep", "60"]));
    let root = bundle.root();
    bundle.mount_tmpfs(&root, MsFlags::empty(), "");
    bundle.create();
    let remount = |flags| mount(NONE, &root, NONE, MsFlags::MS_REMOUNT | flags, NONE);
    remount(MsFlags::MS_RDONLY).expect("remount");
    let output = bundle.cmd(&["start", &bundle.id]).output();
    let status = bundle.status();
    remount(MsFlags::empty()).expect("remount");
    output.ok();
    assert_eq!(status, "running");
}
