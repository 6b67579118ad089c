//! Device nodes and links.

use super::harness::{changes, hybrid, map_ids, plan_of, planned, refused, request, v2};
use super::text::names;
use crate::cgroups::systemd::Maker;
use crate::plan::{Host, Request};
use creel_wire::owned::Step;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[test]
fn devices_of_the_configuration() {
    let devices = json!([
        {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229},
        {"path": "/dev/disk", "type": "b", "major": 8, "minor": 1, "fileMode": 0o640, "uid": 1, "gid": 6},
        {"path": "/dev/pipe", "type": "p"},
    ]);
    assert_snapshot!(changes(|config| config["linux"]["devices"] = devices), @r"
      mountBind
    + linux.devices[0]: device path=dev/fuse mode=0o20666 major=10 minor=229
    + linux.devices[1]: device path=dev/disk mode=0o60640 major=8 minor=1 uid=1 gid=6
    + linux.devices[2]: device path=dev/pipe mode=0o10666
      device
    ");
}

#[test]
fn a_default_device_is_replaced() {
    let devices = json!([
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "gid": 7},
    ]);
    assert_snapshot!(changes(|config| config["linux"]["devices"] = devices), @r"
      mountBind
    - device path=dev/null mode=0o20666 major=1 minor=3
    + linux.devices[0]: device path=dev/null mode=0o20600 major=1 minor=3 gid=7
      device
    ");
}

/// Nodes made there would be made in somebody else's /dev.
#[test]
fn nothing_is_made_in_a_bound_dev() {
    let mount = json!({"destination": "/dev/", "source": "/dev", "options": ["rbind"]});
    let plan = plan_of(|config| config["mounts"] = json!([mount]));
    let names = names(&plan.inside);
    assert!(!names.iter().any(|name| name == "device" || name == "symlink"), "{names:?}");
}

#[test]
fn every_type_is_not_a_device() {
    let devices = json!([{"path": "/dev/all", "type": "a", "major": 1, "minor": 1}]);
    let message = refused(|config| config["linux"]["devices"] = devices);
    assert!(message.starts_with("linux.devices[0].type: \"a\" is not supported"), "{message}");
}

/// `/dev/loop0` as the source of a mount with this type and these options.
fn mounting(fstype: &str, options: &[&str]) -> impl Fn(&mut Value) {
    let mount =
        json!({"destination": "/m", "source": "/dev/loop0", "type": fstype, "options": options});
    move |config| config["mounts"].as_array_mut().unwrap().push(mount.clone())
}

/// The kernel opens it as creel-init, for which the rules must not hold yet.
#[test]
fn a_mount_that_may_open_a_device() {
    let opens =
        |edit: &dyn Fn(&mut Value), host: &Host| planned(edit, &request(), host).opens_devices;
    for host in [v2(), hybrid()] {
        assert!(opens(&mounting("ext4", &["ro"]), &host));
        assert!(!opens(&|_| {}, &host));
        assert!(!opens(&mounting("none", &["bind"]), &host));
        assert!(!opens(&mounting("tmpfs", &[]), &host));
        assert!(!opens(&mounting("ext4", &["remount", "ro"]), &host));
        // Nobody may mount one there.
        let mapped = |config: &mut Value| {
            mounting("ext4", &[])(config);
            map_ids(config);
        };
        assert!(!opens(&mapped, &host));
    }
    let plan = plan_of(mounting("ext4", &[]));
    // Where no hook waits for it either, the rules are there before a file of the image is opened.
    let place = |wanted: &Step| plan.inside.iter().position(|planned| planned.step == *wanted);
    assert!(place(&Step::AwaitHooks {}).unwrap() < place(&Step::PivotRoot {}).unwrap());
    let shown = serde_json::to_value(plan).unwrap();
    assert_eq!(shown["opensDevices"], true);
    assert!(serde_json::to_value(plan_of(|_| {})).unwrap().get("opensDevices").is_none());
}

/// systemd's list of devices would hold from the start of the unit, before creel-init goes on.
#[test]
fn systemd_is_told_of_devices_after_such_a_mount() {
    let request = Request { systemd: Some(Maker::default()), ..request() };
    let names = |edit: &dyn Fn(&mut Value)| {
        let spec = |document: &mut Value| {
            document["linux"]["cgroupsPath"] = "system.slice:creel:x".into();
            edit(document);
        };
        let unit = planned(spec, &request, &v2()).cgroup.unit.unwrap();
        let of_devices = |properties: &[crate::cgroups::systemd::Property]| {
            let names = properties.iter().map(|property| property.name.clone());
            names.filter(|name| name.starts_with("Device")).collect::<Vec<_>>()
        };
        assert!(unit.properties.iter().any(|property| property.name == "Slice"));
        (of_devices(&unit.properties), of_devices(&unit.delayed))
    };
    let both = vec!["DevicePolicy".to_owned(), "DeviceAllow".to_owned()];
    assert_eq!(names(&|_| {}), (both.clone(), vec![]));
    assert_eq!(names(&mounting("ext4", &[])), (vec![], both));
}
