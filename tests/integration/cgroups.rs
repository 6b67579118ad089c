//! The container's cgroup: where it is, what is in it, the basic limits, and that it goes away.

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, cgroup, driver, needs_cgroup, needs_root, runc_deviates, unless};

#[test]
fn the_cgroup_is_at_cgroups_path_in_every_hierarchy() {
    needs_cgroup!();
    let bundle = Bundle::new("path").sleeping();
    let dirs = cgroup::dirs(&bundle.cgroup());
    let pid = bundle.pid().to_string();
    assert!(!dirs.is_empty());
    for dir in &dirs {
        let procs = std::fs::read_to_string(dir.join("cgroup.procs")).expect("cgroup.procs");
        assert!(procs.lines().any(|line| line == pid), "init is not in {}", dir.display());
    }
    if !cgroup::is_v2() {
        for controller in ["memory", "pids", "cpu", "devices", "freezer"] {
            assert!(
                dirs.iter().any(|d| d.starts_with(format!("/sys/fs/cgroup/{controller}"))),
                "no cgroup for {controller}: {dirs:?}"
            );
        }
    }
}

#[test]
fn a_created_container_is_in_its_cgroup() {
    needs_cgroup!();
    let bundle = Bundle::new("created");
    bundle.create();
    assert_eq!(bundle.processes(), [bundle.pid()]);
}

#[test]
fn delete_takes_the_cgroup_away() {
    needs_cgroup!();
    let bundle = Bundle::new("gone");
    bundle.create();
    assert!(!cgroup::dirs(&bundle.cgroup()).is_empty());
    bundle.delete();
    assert_eq!(cgroup::dirs(&bundle.cgroup()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn without_cgroups_path_there_is_one_named_by_the_id() {
    needs_cgroup!();
    let bundle = Bundle::new("nopath").config(|c| {
        c.remove("/linux/cgroupsPath");
        c.probe(&["sleep", "600"]);
    });
    bundle.create_and_start();
    let dirs = cgroup::named(&bundle.id);
    assert!(!dirs.is_empty());
    let pid = bundle.pid().to_string();
    for dir in dirs {
        assert!(dir.ends_with(driver::default_name(&bundle.id)), "{}", dir.display());
        let procs = std::fs::read_to_string(dir.join("cgroup.procs")).expect("cgroup.procs");
        assert!(procs.lines().any(|line| line == pid), "init is not in {}", dir.display());
    }
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn without_resources_nothing_is_limited() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("nolimits").config(|c| c.remove("/linux/resources"));
    let bundle = bundle.sleeping();
    let pids = cgroup::read(&bundle.cgroup(), ("pids", "pids.max"), "pids.max");
    // systemd gives every unit a limit of its own, which runc leaves as well.
    assert_eq!(pids, Some(driver::default_pids_max()));
}

/// The value of a file of the cgroup, of a container made with these resources.
#[track_caller]
fn limit(resources: serde_json::Value, v1: (&str, &str), v2: &str) -> Option<String> {
    let bundle = Bundle::new("limit").config(|c| c.set("/linux/resources", resources));
    bundle.create();
    cgroup::read(&bundle.cgroup(), v1, v2)
}

#[test]
fn a_memory_limit() {
    needs_cgroup!();
    unless!(cgroup::has("memory"), "no memory controller here");
    let resources = json!({"memory": {"limit": 64 << 20}});
    let value = limit(resources, ("memory", "memory.limit_in_bytes"), "memory.max");
    assert_eq!(value.as_deref(), Some("67108864"));
}

#[test]
fn a_limit_of_processes() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let value = limit(json!({"pids": {"limit": 33}}), ("pids", "pids.max"), "pids.max");
    assert_eq!(value.as_deref(), Some("33"));
}

#[test]
fn a_quota_of_cpu_time() {
    needs_cgroup!();
    unless!(cgroup::has("cpu"), "no cpu controller here");
    let resources = json!({"cpu": {"quota": 25_000, "period": 50_000}});
    if cgroup::is_v2() {
        let value = limit(resources, ("", ""), "cpu.max");
        assert_eq!(value.as_deref(), Some("25000 50000"));
    } else {
        unless!(
            std::path::Path::new("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").exists()
                || cgroup::dirs("/").iter().any(|d| d.join("cpu.cfs_period_us").exists()),
            "this kernel has no CFS bandwidth control"
        );
        for (file, value) in [("cpu.cfs_quota_us", "25000"), ("cpu.cfs_period_us", "50000")] {
            let found = limit(resources.clone(), ("cpu", file), "");
            assert_eq!(found.as_deref(), Some(value), "{file}");
        }
    }
}

#[test]
fn cpu_shares_on_v1() {
    needs_cgroup!();
    unless!(!cgroup::is_v2(), "this machine has cgroup v2 alone");
    let value = limit(json!({"cpu": {"shares": 512}}), ("cpu", "cpu.shares"), "");
    assert_eq!(value.as_deref(), Some("512"));
}

#[test]
fn a_set_of_cpus() {
    needs_cgroup!();
    unless!(cgroup::has("cpuset"), "no cpuset controller here");
    let value = limit(json!({"cpu": {"cpus": "0"}}), ("cpuset", "cpuset.cpus"), "cpuset.cpus");
    assert_eq!(value.as_deref(), Some("0"));
}

#[test]
fn too_many_processes_are_stopped_by_the_limit() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("forks").busybox().config(|c| {
        c.set("/linux/resources/pids", json!({"limit": 3}));
        c.args(&["/bin/sh", "-c", "echo begin; for i in 1 2 3 4 5 6; do sleep 5 & done; echo all"]);
    });
    let output = bundle.run();
    assert_eq!(output.stdout(), "begin\n", "six processes with a limit of three");
    bundle.assert_nothing_left();
}

#[test]
fn devices_outside_the_rules_cannot_be_opened() {
    needs_root!("no device can be made in a user namespace");
    let mut bundle = Bundle::new("devices").config(|c| {
        c.capabilities(&["CAP_MKNOD"]);
        let rule = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"});
        c.push("/linux/resources/devices", rule);
        // The device nodes of /dev need a file system without nodev.
        c.mount("tmpfs", "/nodes", "tmpfs", &[]);
    });
    let tries = bundle.try_all(&[
        "mknod:/nodes/kmsg:c:1:11",
        "mknod:/nodes/null:c:1:3",
        "mknod:/nodes/vda:b:254:0",
    ]);
    assert!(matches!(tries[1], Try::Worked(_)), "the default device null: {:?}", tries[1]);
    assert_eq!(tries[0], Try::Failed("EPERM".to_owned()), "kmsg");
    assert_eq!(tries[2], Try::Failed("EPERM".to_owned()), "a disk");
}

/// A rule lets through what its type, its numbers and its access name, and nothing else. The numbers are those that the
/// kernel keeps for experiments: what is let through finds no driver.
#[test]
fn a_rule_is_for_its_type_its_numbers_and_its_access() {
    needs_root!("no device can be made in a user namespace");
    let mut bundle = Bundle::new("rule").config(|c| {
        c.capabilities(&["CAP_MKNOD"]);
        let rule = json!({"allow": true, "type": "c", "major": 240, "minor": 11, "access": "r"});
        c.set("/linux/resources/devices", json!([{"allow": false, "access": "rwm"}, rule]));
        c.mount("tmpfs", "/nodes", "tmpfs", &[]);
    });
    let tries = bundle.try_all(&[
        "mknod:/nodes/named:c:240:11",
        "write:/nodes/named",
        "mknod:/nodes/type:b:240:11",
        "mknod:/nodes/major:c:241:11",
        "mknod:/nodes/minor:c:240:12",
    ]);
    assert_eq!(tries[0], Try::Failed("ENXIO".to_owned()), "reading it is allowed");
    for (tried, what) in tries[1..].iter().zip(["access", "type", "major", "minor"]) {
        assert_eq!(*tried, Try::Failed("EPERM".to_owned()), "another {what}");
    }
}

#[test]
fn a_cgroup_with_a_process_in_it_is_refused() {
    needs_cgroup!();
    runc_deviates!("it only warns");
    let first = Bundle::new("busy").sleeping();
    let path = driver::cgroups_path(&first.id);
    let second = Bundle::new("second").config(|c| c.set("/linux/cgroupsPath", path));
    second.on_bundle("create", &[]).output().refused(&[&first.id]);
    assert_eq!(first.status(), "running", "the other container was killed");
}

#[test]
fn limits_on_a_missing_controller_are_refused() {
    unless!(!cgroup::is_v2(), "this machine has cgroup v2 alone");
    let there = cgroup::hierarchies().iter().any(|h| h.ends_with("net_cls"));
    unless!(!there, "this machine has the net_cls controller");
    let bundle = Bundle::new("netcls").config(|c| {
        c.set("/linux/resources/network", json!({"classID": 0x10_0001}));
    });
    bundle.on_bundle("create", &[]).output().refused(&["net_cls"]);
    bundle.assert_nothing_left();
}

#[test]
fn settings_without_effect_are_named() {
    needs_cgroup!();
    runc_deviates!("it says nothing");
    unless!(cgroup::has("memory"), "no memory controller here");
    let bundle = Bundle::new("ignored").config(|c| {
        c.set("/linux/resources/memory", json!({"kernel": 1 << 24}));
        c.probe(&["sleep", "600"]);
    });
    let warning = |output: &crate::harness::Output| {
        let stderr = output.stderr();
        let line = stderr.lines().find(|line| line.contains("level=warning"));
        line.is_some_and(|line| line.contains("linux.resources.memory.kernel is ignored"))
    };
    let created = bundle.create();
    assert!(warning(&created), "{}", created.stderr());
    bundle.start();
    // Once it was said it is not said again, unless it is asked for again.
    let update =
        |resources: &str| bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin(resources).ok();
    assert!(!warning(&update(r#"{"memory": {"reservation": 1048576}}"#)));
    assert!(warning(&update(r#"{"memory": {"kernel": 1048576}}"#)));
}
