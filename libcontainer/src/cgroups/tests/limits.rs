//! Limits and device rules as the kernel has them.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::harness::{
    Cleanup, DEVICES, WAIT, directories, held_shell, on_v1, on_v2, planned, release, unique, value,
};
use crate::cgroups::Cgroup;
use crate::skip::skip;

#[test]
fn limits_of_version_1_are_in_the_kernel() {
    on_v1(|layout| {
        let resources = json!({
            "memory": {"limit": 1 << 24, "swap": 1 << 25, "reservation": 1 << 23, "swappiness": 3},
            "cpu": {"shares": 300, "quota": 20000, "period": 50000, "burst": 1000, "cpus": "0"},
            "pids": {"limit": 0},
            "devices": [
                {"allow": false, "access": "rwm"},
                {"allow": true, "type": "b", "major": 7, "access": "r"},
            ],
        });
        let plan = planned(layout, &format!("/{}/nested", unique()), resources);
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        cgroup.apply(&plan).unwrap();
        let expected = [
            ("memory.limit_in_bytes", "16777216"),
            ("memory.soft_limit_in_bytes", "8388608"),
            ("memory.memsw.limit_in_bytes", "33554432"),
            ("memory.swappiness", "3"),
            ("cpu.shares", "300"),
            ("cpu.cfs_quota_us", "20000"),
            ("cpu.cfs_period_us", "50000"),
            ("cpu.cfs_burst_us", "1000"),
            ("cpuset.cpus", "0"),
            ("pids.max", "0"),
        ];
        for (file, expected) in expected {
            assert_eq!(value(&plan, file), expected, "{file}");
        }
        assert!(!value(&plan, "cpuset.mems").is_empty());
        let devices = value(&plan, "devices.list");
        assert!(devices.lines().any(|line| line == "b 7:* r"), "{devices}");
        assert!(devices.lines().any(|line| line == "c 1:3 rwm"), "{devices}");
        assert_eq!(devices.lines().count(), 12, "{devices}");
        drop(cgroup);
        plan.record().remove(WAIT).unwrap();
        for path in directories(&plan) {
            fs::remove_dir(path.parent().unwrap()).unwrap();
        }
    });
}

#[test]
fn a_missing_controller_of_version_2_names_the_limit() {
    on_v2(|layout| {
        if fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap().contains("pids") {
            return skip("this host has the controller pids in version 2");
        }
        let plan = planned(layout, &unique(), json!({"pids": {"limit": 3}}));
        let _cleanup = Cleanup(plan.clone());
        let error = Cgroup::create(&plan).unwrap().apply(&plan).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("linux.resources.pids.limit: cgroup controller pids is not available"),
            "{text}"
        );
    });
}

#[test]
fn controllers_of_version_2_are_enabled_down_the_tree() {
    on_v2(|layout| {
        let plan = planned(layout, &format!("/{}/a/b", unique()), json!({}));
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        assert_eq!(
            fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap().trim_end(),
            value(&plan, "cgroup.controllers")
        );
        cgroup.record().remove(WAIT).unwrap();
        let path = plan.directories[0].path();
        for parent in path.ancestors().skip(1).take(2) {
            fs::remove_dir(parent).unwrap();
        }
    });
}

#[test]
fn the_device_filter_of_version_2_denies() {
    on_v2(|layout| {
        let plan = planned(layout, &unique(), json!({"devices": [{"access": "rwm"}]}));
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        let node = Path::new(DEVICES).join(unique());
        // 1:11 is kmsg, which no default allows; making it is.
        let make = format!("mknod {} c 1 11 || exit 2", node.display());
        let script = format!("{make}; : </dev/null || exit 3; : <{}", node.display());
        let mut shell = held_shell(&script);
        cgroup.enter(shell.id() as i32).unwrap();
        cgroup.apply(&plan).unwrap();
        release(&mut shell);
        let output = shell.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let _ = fs::remove_file(&node);
        assert!(stderr.contains("Operation not permitted"), "{stderr}");
        assert!(!matches!(output.status.code(), Some(0 | 3)), "{:?}: {stderr}", output.status);
        assert!(!stderr.contains("mknod"), "{stderr}");
    });
}
