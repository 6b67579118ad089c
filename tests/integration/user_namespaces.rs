//! Containers in a user namespace, made by root.

use std::fs;

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, Config, runc_deviates};

/// Ids 0 to 999 of the container are 100000 and on of the host.
fn mapped(c: &mut Config) {
    c.push("/linux/namespaces", json!({"type": "user"}));
    map(c, json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]));
}

fn map(c: &mut Config, mappings: serde_json::Value) {
    c.set("/linux/uidMappings", mappings.clone());
    c.set("/linux/gidMappings", mappings);
}

/// A bundle that the mapped root can reach: it is nobody on the host.
fn bundle(name: &str) -> Bundle {
    let bundle = Bundle::new(name).config(mapped);
    bundle.reachable();
    bundle
}

#[test]
fn root_inside_is_a_mapped_user_outside() {
    let bundle = bundle("userns").sleeping();
    let report = bundle.exec_report(&[]);
    assert_eq!((report.ids.uid, report.ids.gid), ([0; 4], [0; 4]));
    let status = fs::read_to_string(format!("/proc/{}/status", bundle.pid())).expect("status");
    assert!(status.contains("\nUid:\t100000\t100000\t100000\t100000\n"), "{status}");
    assert!(status.contains("\nGid:\t100000\t100000\t100000\t100000\n"), "{status}");
    let map = fs::read_to_string(format!("/proc/{}/uid_map", bundle.pid())).expect("uid_map");
    let words: Vec<&str> = map.split_whitespace().collect();
    assert_eq!(words, ["0", "100000", "1000"]);
}

#[test]
fn ids_are_mapped_from_where_they_are_said_to_be() {
    let bundle = bundle("usernsmaps").config(|c| {
        let line = |container: u32, host: u32| json!({"containerID": container, "hostID": host, "size": 500});
        c.set("/linux/uidMappings", json!([line(500, 100_000), line(0, 100_500)]));
        c.set("/linux/gidMappings", json!([line(500, 200_000), line(0, 200_500)]));
    });
    let bundle = bundle.sleeping();
    for (file, first) in [("uid_map", 100_000), ("gid_map", 200_000)] {
        let map = fs::read_to_string(format!("/proc/{}/{file}", bundle.pid())).expect(file);
        let found: Vec<u32> =
            map.split_whitespace().map(|word| word.parse().expect("an id")).collect();
        assert_eq!(found, [500, first, 500, 0, first + 500, 500], "{file}");
    }
}

#[test]
fn an_exec_joins_the_user_namespace() {
    let bundle = bundle("usernsexec").sleeping();
    let own = fs::read_link(format!("/proc/{}/ns/user", bundle.pid())).expect("user");
    let report = bundle.exec_report(&["--user", "7:8"]);
    assert!(own.to_string_lossy().contains(&report.namespaces["user"].to_string()), "{own:?}");
    assert_eq!((report.ids.uid, report.ids.gid), ([7; 4], [8; 4]));
}

#[test]
fn capabilities_are_those_asked_for_and_nothing_is_inherited() {
    let bundle = bundle("usernscaps").config(|c| c.capabilities(&["CAP_CHOWN", "CAP_KILL"]));
    let capabilities = bundle.report().capabilities;
    assert_eq!(capabilities.effective.len(), 2, "{capabilities:?}");
    assert_eq!(capabilities.bounding.len(), 2, "{capabilities:?}");
    assert!(capabilities.inheritable.is_empty() && capabilities.ambient.is_empty());
}

#[test]
fn devices_are_bound_and_usable() {
    let mut bundle = bundle("usernsdev");
    let report = bundle.try_all(&["write:/dev/null", "read:/dev/null", "mknod:/dev/mine"]);
    assert!(matches!(&report[0], Try::Worked(_)), "{report:?}");
    assert!(matches!(&report[1], Try::Worked(_)), "{report:?}");
    assert!(matches!(&report[2], Try::Failed(_)), "a device could be made: {report:?}");
}

#[test]
fn limits_hold_although_the_container_may_not_raise_them() {
    let limits = json!([{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 300}]);
    let bundle = bundle("usernslimits").config(|c| c.set("/process/rlimits", limits));
    let bundle = bundle.sleeping();
    assert_eq!(bundle.exec_report(&[]).rlimits["RLIMIT_NOFILE"], (Some(200), Some(300)));
    let limits = fs::read_to_string(format!("/proc/{}/limits", bundle.pid())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("NOFILE");
    assert!(line.contains("200") && line.contains("300"), "{line}");
}

#[test]
fn a_score_for_the_oom_killer_is_set() {
    let bundle = bundle("usernsoom").config(|c| c.set("/process/oomScoreAdj", 222));
    assert_eq!(bundle.report().oom_score_adj, 222);
}

#[test]
fn the_user_namespace_of_another_container_is_joined_with_new_other_ones() {
    let first = bundle("usernsowner").sleeping();
    let path = format!("/proc/{}/ns/user", first.pid());
    let second = bundle("usernsguest").config(|c| {
        c.without_namespace("user");
        c.push("/linux/namespaces", json!({"type": "user", "path": path}));
    });
    let report = second.report();
    let own = fs::read_link(&path).expect("user");
    assert!(own.to_string_lossy().contains(&report.namespaces["user"].to_string()), "{own:?}");
    assert_eq!(report.pid, 1, "its pid namespace is its own");
    assert_eq!(report.ids.uid, [0; 4]);
}

#[test]
fn a_process_in_the_middle_of_a_map_without_root() {
    runc_deviates!("it cannot make a container without a root in its map");
    let bundle = bundle("usernsnoroot").config(|c| {
        map(c, json!([{"containerID": 500, "hostID": 100_500, "size": 10}]));
        // devpts and tmpfs belong to root and to group 5, whom this map does not have.
        c.set("/mounts", json!([{"destination": "/proc", "type": "proc", "source": "proc"}]));
        c.set("/process/user", json!({"uid": 500, "gid": 500}));
        for pointer in ["/linux/maskedPaths", "/linux/readonlyPaths"] {
            c.remove(pointer);
        }
    });
    for dir in ["dev", "proc"] {
        let path = bundle.rootfs(dir);
        fs::create_dir_all(&path).expect("mkdir");
        std::os::unix::fs::chown(&path, Some(100_500), Some(100_500)).expect("chown");
    }
    let report = bundle.report();
    assert_eq!((report.ids.uid, report.ids.gid), ([500; 4], [500; 4]));
}
