//! Device nodes and links.

use super::harness::{changes, plan_of, refused};
use super::text::names;
use insta::assert_snapshot;
use serde_json::json;

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
