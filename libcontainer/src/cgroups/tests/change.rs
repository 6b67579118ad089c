//! Freezing, updating and measuring real cgroups.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oci_spec::runtime::LinuxResources;
use serde_json::{Value, json};

use super::harness::{
    Cleanup, DEVICES, WAIT, held_shell, on_v1, on_v2, planned, release, sleeper, unique, value,
};
use crate::cgroups::{Cgroup, Error, Happened, Layout, Update};
use crate::sys::Helper;
use crate::sys::bpf::DeviceFilter;

fn update(cgroup: &Cgroup, current: &Value, request: &Value) -> Result<(), Error> {
    let typed = |value: &Value| serde_json::from_value::<LinuxResources>(value.clone()).unwrap();
    cgroup.update(&Update::new(&typed(current), &typed(request), cgroup.record())?)
}

fn freezes_and_thaws(layout: &Layout) {
    let plan = planned(layout, &unique(), json!({}));
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
    cgroup.enter(busy.id() as i32).unwrap();
    for _ in 0..3 {
        cgroup.freeze(WAIT).unwrap();
        assert!(cgroup.is_frozen().unwrap());
        assert!(cgroup.record().is_frozen().unwrap());
        let usage = || cgroup.stats().unwrap().cpu.usage.total;
        let before = usage();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(usage(), before);
        cgroup.thaw(WAIT).unwrap();
        assert!(!cgroup.is_frozen().unwrap());
        assert!(!cgroup.record().is_frozen().unwrap());
        while usage() == before {
            std::thread::yield_now();
        }
    }
    busy.kill().unwrap();
    busy.wait().unwrap();
}

#[test]
fn processes_of_version_1_stand_still() {
    on_v1(freezes_and_thaws);
}

#[test]
fn processes_of_version_2_stand_still() {
    on_v2(freezes_and_thaws);
}

#[test]
fn a_cgroup_below_a_frozen_one_cannot_be_thawed() {
    let test = |layout: &Layout| {
        let outer = unique();
        let parent = planned(layout, &outer, json!({}));
        let _outer = Cleanup(parent.clone());
        let plan = planned(layout, &format!("{outer}/inner"), json!({}));
        let _cleanup = Cleanup(plan.clone());
        let above = Cgroup::create(&parent).unwrap();
        let cgroup = Cgroup::create(&plan).unwrap();
        let mut child = sleeper();
        cgroup.enter(child.id() as i32).unwrap();
        above.freeze(WAIT).unwrap();
        cgroup.freeze(WAIT).unwrap();
        let thawed = cgroup.thaw(Duration::from_millis(20));
        assert!(matches!(thawed, Err(Error::Frozen { .. })), "{thawed:?}");
        above.thaw(WAIT).unwrap();
        assert!(!cgroup.is_frozen().unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
    };
    on_v1(test);
    on_v2(test);
}

/// What opening a device of fuse's number says in the cgroup: `Operation not permitted` or something else.
fn open_device(cgroup: &Cgroup) -> String {
    let node = Path::new(DEVICES).join(unique());
    let script = format!("mknod {0} c 10 229; : <{0}", node.display());
    let mut shell = held_shell(&script);
    cgroup.enter(shell.id() as i32).unwrap();
    release(&mut shell);
    let output = shell.wait_with_output().unwrap();
    let _ = fs::remove_file(&node);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_device_filter_of_version_2_is_replaced() {
    on_v2(|layout| {
        let deny = json!({"devices": [{"allow": false, "access": "rwm"}]});
        let fuse = json!({"devices": [{"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]});
        let all = json!({"devices": [{"allow": true, "access": "rwm"}]});
        let plan = planned(layout, &unique(), deny.clone());
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        cgroup.apply(&plan).unwrap();
        let filters = || crate::sys::bpf::own_device_programs(cgroup.fd().unwrap()).unwrap().len();
        let denied = || open_device(&cgroup).contains("Operation not permitted");
        assert!(denied());
        for (before, after, count, is_denied) in [
            (&deny, &fuse, 1, false),
            (&fuse, &deny, 1, true),
            (&deny, &all, 0, false),
            (&all, &deny, 1, true),
        ] {
            update(&cgroup, before, after).unwrap();
            assert_eq!(filters(), count, "{after}");
            assert_eq!(denied(), is_denied, "{after}");
        }
    });
}

/// By the process that makes the network namespace, too.
#[test]
fn the_device_filter_of_version_2_is_attached_by_a_helper() {
    on_v2(|layout| {
        let plan =
            planned(layout, &unique(), json!({"devices": [{"allow": false, "access": "rwm"}]}));
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        let denied = || open_device(&cgroup).contains("Operation not permitted");
        let mut helper = Helper::begin(libc::CLONE_NEWNET as u64);
        assert!(!helper.has_attached(), "it was given none");
        assert!(!denied());
        helper.attach(cgroup.device_filter(&plan).unwrap());
        assert!(helper.has_attached());
        assert!(denied());
        // One that the kernel refuses is left to who asked for it.
        let refused = DeviceFilter::new(&[0], cgroup.fd().unwrap()).unwrap();
        let mut other = Helper::begin(libc::CLONE_NEWNET as u64);
        other.attach(refused);
        assert!(!other.has_attached());
        assert_eq!(crate::sys::bpf::own_device_programs(cgroup.fd().unwrap()).unwrap().len(), 1);
    });
}

#[test]
fn an_update_of_version_1_is_taken_back_when_a_part_of_it_fails() {
    on_v1(|layout| {
        let current = json!({"cpu": {"shares": 256, "quota": 20_000}, "pids": {"limit": 9}});
        let plan = planned(layout, &unique(), current.clone());
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        cgroup.apply(&plan).unwrap();
        let bad = json!({"cpu": {"shares": 512, "quota": 30_000}, "pids": {"limit": 10},
            "devices": [{"allow": true, "access": "rwm"}], "memory": {"limit": 1 << 25, "swap": 1 << 24}});
        let refused = update(&cgroup, &current, &bad);
        assert!(matches!(refused, Err(Error::Write { .. })), "{refused:?}");
        let files = ["cpu.shares", "cpu.cfs_quota_us", "pids.max"];
        assert_eq!(files.map(|file| value(&plan, file)), ["256", "20000", "9"]);
        assert!(value(&plan, "memory.limit_in_bytes").len() > 15, "the limit of memory stayed");
        assert!(!value(&plan, "devices.list").starts_with("a *:*"));
    });
}

#[test]
fn the_order_of_limits_that_depend_on_each_other_does_not_matter() {
    on_v1(|layout| {
        let mut current = json!({"memory": {"limit": 1 << 24, "swap": 1 << 24},
            "cpu": {"quota": 5000, "period": 50_000, "burst": 4000}});
        let plan = planned(layout, &unique(), current.clone());
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        cgroup.apply(&plan).unwrap();
        for (memory, quota, burst) in [(1 << 26, 20_000, 15_000), (1 << 23, 2000, 1000)] {
            let request = json!({"memory": {"limit": memory, "swap": memory},
                "cpu": {"quota": quota, "burst": burst}});
            update(&cgroup, &current, &request).unwrap();
            assert_eq!(value(&plan, "memory.limit_in_bytes"), memory.to_string());
            assert_eq!(value(&plan, "memory.memsw.limit_in_bytes"), memory.to_string());
            assert_eq!(value(&plan, "cpu.cfs_quota_us"), quota.to_string());
            assert_eq!(value(&plan, "cpu.cfs_burst_us"), burst.to_string());
            current = request;
        }
    });
}

#[test]
fn the_end_of_a_cgroup_is_noticed() {
    let test = |layout: &Layout| {
        let plan = planned(layout, &unique(), json!({}));
        let _cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        let mut watch = cgroup.watch_oom().unwrap();
        assert_eq!(watch.wait(Duration::ZERO).unwrap(), Happened::Nothing);
        cgroup.record().remove(WAIT).unwrap();
        assert_eq!(watch.wait(Duration::from_millis(1)).unwrap(), Happened::Gone);
    };
    on_v1(test);
    on_v2(test);
}
