//! Planning updates, without touching the system.

use serde_json::{Value, json};

use super::*;
use crate::cgroups::record::Driver;

fn resources(mut value: Value) -> LinuxResources {
    creel_conformance::take_out_below("linux.resources", &mut value);
    serde_json::from_value(value).unwrap()
}

fn record(controllers: &[&str]) -> Record {
    let paths = controllers.iter().map(|name| ((*name).to_owned(), format!("/c/{name}/x").into()));
    Record { driver: Driver::Cgroupfs, paths: paths.collect(), made: true, rootless: false }
}

fn update(controllers: &[&str], current: Value, request: Value) -> Result<Update, Error> {
    Update::new(&resources(current), &resources(request), &record(controllers))
}

/// `FILE=VALUE` of every write.
fn written(update: &Update) -> Vec<String> {
    update.writes.iter().map(|(_, write)| format!("{}={}", write.file, write.value)).collect()
}

const V1: &[&str] = &["cpu", "memory", "pids", "devices"];
const V2: &[&str] = &[""];

#[test]
fn only_what_is_asked_for_is_written() {
    let current = json!({"cpu": {"shares": 512}, "pids": {"limit": 9}});
    let change = update(V1, current, json!({"pids": {"limit": 20}, "cpu": {"quota": 0}})).unwrap();
    assert_eq!(written(&change), ["pids.max=20"]);
    let expected = resources(json!({"cpu": {"shares": 512}, "pids": {"limit": 20}}));
    assert_eq!(change.resources, expected);
}

#[test]
fn what_is_asked_for_is_written_although_it_was_set_before() {
    let change = update(V1, json!({"pids": {"limit": 9}}), json!({"pids": {"limit": 9}})).unwrap();
    assert_eq!(written(&change), ["pids.max=9"]);
}

#[test]
fn on_v2_the_limit_of_swap_follows_that_of_memory() {
    let current = json!({"memory": {"limit": 100, "swap": 150}});
    let change = update(V2, current, json!({"memory": {"limit": 120}})).unwrap();
    assert_eq!(written(&change), ["memory.swap.max=30", "memory.max=120"]);
}

#[test]
fn no_limit_of_memory_is_none_of_swap_either() {
    let current = json!({"memory": {"limit": 100, "swap": 150}});
    let request = || json!({"memory": {"limit": -1, "swap": 0}});
    let change = update(V2, current.clone(), request()).unwrap();
    assert_eq!(written(&change), ["memory.swap.max=max", "memory.max=max"]);
    let change = update(V1, current, request()).unwrap();
    assert_eq!(written(&change), ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"]);
}

#[test]
fn on_v2_a_period_keeps_the_quota() {
    let current = json!({"cpu": {"quota": 5000, "period": 10_000}});
    let change = update(V2, current, json!({"cpu": {"period": 20_000}})).unwrap();
    assert_eq!(written(&change), ["cpu.max=5000 20000"]);
}

/// BFQ forgets the weights of devices when that of all is written.
#[test]
fn weights_of_devices_are_written_again_after_that_of_all() {
    let current = json!({"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 20}]}});
    for record in [&["blkio"][..], V2] {
        let change = update(record, current.clone(), json!({"blockIO": {"weight": 30}})).unwrap();
        let written = written(&change);
        assert!(written[0].ends_with("weight=30"), "{written:?}");
        assert!(written[1].ends_with("=8:0 20"), "{written:?}");
    }
}

#[test]
fn a_controller_beside_version_1_is_updated_as_cgroup2_has_it() {
    let mut record = record(&["memory"]);
    for name in ["", "hugetlb"] {
        record.paths.insert(name.to_owned(), "/u/x".into());
    }
    let request =
        json!({"memory": {"limit": 5}, "hugepageLimits": [{"pageSize": "2MB", "limit": 7}]});
    let change = Update::new(&resources(json!({})), &resources(request), &record).unwrap();
    let mut writes = written(&change);
    writes.sort();
    assert_eq!(writes, ["hugetlb.2MB.max=7", "hugetlb.2MB.rsvd.max=7", "memory.limit_in_bytes=5"]);
    assert_eq!(change.writes.iter().filter(|(path, _)| path.ends_with("u/x")).count(), 2);
}

#[test]
fn the_same_devices_are_not_touched() {
    let rules = json!([{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]);
    let same = update(V1, json!({"devices": rules}), json!({"devices": rules})).unwrap();
    assert_eq!(same.devices, DeviceChange::None);
    let other = json!([{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rm"},
        {"allow": true, "type": "b", "major": 8, "minor": 0, "access": "r"}]);
    let change = update(V1, json!({"devices": rules}), json!({"devices": other})).unwrap();
    let DeviceChange::Files { there, back, .. } = change.devices else { panic!("not files") };
    let texts = |writes: &[Write]| -> Vec<String> {
        writes.iter().map(|write| format!("{} {}", write.file, write.value)).collect()
    };
    assert_eq!(
        texts(&there),
        ["devices.deny c 10:229 w", "devices.allow c 10:229 m", "devices.allow b 8:0 r"]
    );
    assert_eq!(
        texts(&back),
        ["devices.deny c 10:229 m", "devices.deny b 8:0 r", "devices.allow c 10:229 w"]
    );
}

#[test]
fn another_verdict_begins_anew() {
    let everything = json!({"devices": [{"allow": true, "access": "rwm"}]});
    let change = update(V1, json!({}), everything).unwrap();
    let DeviceChange::Files { there, .. } = change.devices else { panic!("not files") };
    assert_eq!((there[0].file.as_str(), there[0].value.as_str()), ("devices.allow", "a *:* rwm"));
}

#[test]
fn a_checked_limit_is_only_that_of_v2() {
    let request = || json!({"memory": {"limit": 100, "swap": 150, "checkBeforeUpdate": true}});
    let checked = |record, request| update(record, json!({}), request).unwrap().checked;
    assert_eq!(checked(V2, request()), Checked { memory: Some(100), sum: Some(150) });
    assert_eq!(checked(V1, request()), Checked::default());
    let unchecked = json!({"memory": {"limit": 100, "swap": 150}});
    assert_eq!(checked(V2, unchecked), Checked::default());
}

/// The kernel forgets the shares of who is idle.
#[test]
fn who_is_no_longer_idle_has_its_shares_again() {
    let current = json!({"cpu": {"shares": 512, "idle": 1}});
    let change = update(V1, current.clone(), json!({"cpu": {"idle": 0}})).unwrap();
    assert_eq!(written(&change), ["cpu.shares=512", "cpu.idle=0"]);
    let change = update(V1, current, json!({"cpu": {"idle": 1}})).unwrap();
    assert_eq!(written(&change), ["cpu.idle=1"]);
}

#[test]
fn swap_below_memory_is_refused_before_anything_is_written() {
    let current = json!({"memory": {"limit": 100, "swap": 150}});
    let refused = update(V2, current, json!({"memory": {"limit": 200}}));
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
}

#[test]
fn a_missing_controller_is_named() {
    let refused = update(&["memory"], json!({}), json!({"pids": {"limit": 5}}));
    assert!(matches!(refused, Err(Error::MissingController { .. })), "{refused:?}");
}

#[test]
fn lists_and_maps_count_as_one_setting() {
    let change =
        update(V2, json!({"unified": {"cpu.max": "1 2"}}), json!({"unified": {"pids.max": "7"}}));
    assert_eq!(written(&change.unwrap()), ["cpu.max=1 2", "pids.max=7"]);
}
