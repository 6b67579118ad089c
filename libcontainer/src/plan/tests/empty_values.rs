//! Asking for nothing is not refused.

use super::harness::{config, plan_of, v2};
use serde_json::{Value, json};

/// Puts a value where the parents exist.
fn put(config: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[name] = value;
}

/// Engines write the empty values of Go's types.
#[test]
fn empty_values_ask_for_nothing() {
    let empty = [
        ("/process/apparmorProfile", json!("")),
        ("/process/selinuxLabel", json!("")),
        ("/process/execCPUAffinity", json!({})),
        ("/process/execCPUAffinity", json!({"initial": "", "final": ""})),
        ("/linux/mountLabel", json!("")),
        ("/linux/timeOffsets", json!({})),
        ("/linux/netDevices", json!({})),
        ("/mounts/0/uidMappings", json!([])),
        ("/mounts/0/gidMappings", json!([])),
    ];
    let names = ["scheduler", "ioPriority", "execCPUAffinity", "apparmorProfile", "selinuxLabel"];
    let process = names.map(|name| format!("/process/{name}"));
    let names = ["memoryPolicy", "personality", "intelRdt", "timeOffsets", "netDevices", "seccomp"];
    let linux = names.map(|name| format!("/linux/{name}"));
    let nulls = process.iter().chain(&linux).map(|pointer| (pointer.as_str(), Value::Null));
    for (pointer, value) in empty.into_iter().chain(nulls) {
        let plan = plan_of(|config| put(config, pointer, value));
        assert!(plan.warnings.is_empty(), "{pointer}: {:?}", plan.warnings);
    }
}

/// What creel's own spec command writes can be run, without a warning.
#[test]
fn the_default_configuration_is_supported() {
    assert!(plan_of(|_| {}).warnings.is_empty());
    let spec = config(|_| {});
    assert!(crate::plan::plan(&spec, &super::harness::request(), &v2()).is_ok());
}
