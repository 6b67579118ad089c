//! `delete` of containers whose processes and cgroups do not end with their first process.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Bundle, cgroup, needs_cgroup, orphans_reap, process_exists, wait_until};

/// A container without a pid namespace of its own: a first process, one below it, and a shell that forks all the time.
fn shared(name: &str) -> Bundle {
    let script = "sleep 600 & (while :; do /bin/true; done) & exec sleep 600";
    let bundle = Bundle::new(name).busybox().config(|c| {
        c.without_namespace("pid");
        c.args(&["/bin/sh", "-c", script]);
    });
    bundle.create_and_start();
    wait_until("three processes", || bundle.processes().len() >= 3);
    bundle
}

/// Two cgroups, one in the other, in every hierarchy below the container's.
fn divide(bundle: &Bundle) -> Vec<PathBuf> {
    let dirs = cgroup::dirs(&bundle.cgroup());
    let deep: Vec<_> = dirs.iter().map(|dir| dir.join("sub/deep")).collect();
    for dir in &deep {
        fs::create_dir_all(dir).expect("cgroups below the container's");
    }
    // Version 1's cpuset takes no process before it has processors.
    for file in ["cpuset.cpus", "cpuset.mems"] {
        for (dir, sub) in dirs
            .iter()
            .flat_map(|d| [(d.clone(), d.join("sub")), (d.join("sub"), d.join("sub/deep"))])
        {
            if let (false, Ok(value)) = (cgroup::is_v2(), fs::read_to_string(dir.join(file))) {
                fs::write(sub.join(file), value).expect("the cpuset of the cgroup above");
            }
        }
    }
    deep
}

/// All of them are gone, reaped as a shim would.
#[track_caller]
fn wait_gone(pids: &[u32]) {
    wait_until("the end of all processes", || {
        orphans_reap();
        pids.iter().all(|pid| !process_exists(*pid))
    });
}

#[test]
fn what_the_first_process_left_in_a_shared_pid_namespace_is_killed() {
    needs_cgroup!();
    let bundle = shared("left");
    let first = bundle.pid();
    bundle.kill("KILL");
    bundle.wait_stopped();
    let left = bundle.processes();
    assert!(left.len() >= 2 && !left.contains(&first), "{left:?}");
    bundle.delete();
    wait_gone(&left);
    bundle.assert_nothing_left();
}

#[test]
fn cgroups_below_the_containers_go_with_it_and_their_processes_too() {
    needs_cgroup!();
    for is_stopped in [true, false] {
        let bundle = shared("sub");
        let all = bundle.processes();
        // Not one of those that the shell makes all the time, which has ended by then.
        let sleeps = |pid: &&u32| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == b"sleep\x00600\x00")
        };
        let others = all.iter().filter(|pid| **pid != bundle.pid());
        let moved = *others.clone().find(sleeps).expect("another process that stays");
        for dir in divide(&bundle) {
            fs::write(dir.join("cgroup.procs"), moved.to_string()).expect("moved");
        }
        if is_stopped {
            bundle.kill("KILL");
            bundle.wait_stopped();
            bundle.delete();
        } else {
            bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        }
        wait_gone(&all);
        bundle.assert_nothing_left();
    }
}

/// Makes 25 cgroups below one another in each directory, with a path longer than PATH_MAX, and moves a process to the last.
const DEEP: &str = r#"name=$(printf %0200d 0); pid=$1; shift
for path in "$@"; do
    cd "$path" && for _ in $(seq 25); do mkdir $name && cd -P $name || exit; done
    echo $pid >cgroup.procs || exit
done"#;

#[test]
fn cgroups_deeper_than_a_path_can_say_save_no_process() {
    needs_cgroup!();
    for by_force in [true, false] {
        let bundle = shared("deep");
        let all = bundle.processes();
        // Not one of those that the shell makes all the time, which has ended by then.
        let sleeps = |pid: &&u32| {
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == b"sleep\x00600\x00")
        };
        let others = all.iter().filter(|pid| **pid != bundle.pid());
        let moved = *others.clone().find(sleeps).expect("another process that stays");
        let mut dirs = cgroup::dirs(&bundle.cgroup());
        // Version 1's cpuset takes no process before it has processors.
        dirs.retain(|dir| cgroup::is_v2() || !dir.join("cpuset.cpus").exists());
        let mut shell = Command::new("sh");
        shell.args(["-c", DEEP, "sh", &moved.to_string()]).args(dirs);
        assert!(shell.status().expect("a shell").success());
        let listed = bundle.cmd(&["ps", "-f", "json", &bundle.id]).ok().stdout();
        let listed: Vec<u32> = serde_json::from_str(&listed).expect("a list");
        assert!(listed.contains(&moved), "{listed:?}");
        if by_force {
            bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        } else {
            bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
            bundle.wait_stopped();
            bundle.delete();
        }
        wait_gone(&all);
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_paused_container_in_a_shared_pid_namespace_is_deleted_by_force() {
    needs_cgroup!();
    let bundle = shared("paused");
    let all = bundle.processes();
    bundle.cmd(&["pause", &bundle.id]).ok();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    wait_gone(&all);
    bundle.assert_nothing_left();
}

#[test]
fn a_container_in_the_pid_namespace_of_another_is_deleted_alone() {
    needs_cgroup!();
    let other = Bundle::new("other").sleeping();
    let path = format!("/proc/{}/ns/pid", other.pid());
    let bundle = Bundle::new("guest").busybox().config(|c| {
        c.join_namespace("pid", &path);
        c.args(&["/bin/sh", "-c", "sleep 600 & exec sleep 600"]);
    });
    bundle.create_and_start();
    wait_until("two processes", || bundle.processes().len() == 2);
    let all = bundle.processes();
    bundle.kill("KILL");
    bundle.wait_stopped();
    assert_eq!(bundle.processes().len(), 1);
    bundle.delete();
    wait_gone(&all);
    bundle.assert_nothing_left();
    assert_eq!(other.status(), "running");
}
