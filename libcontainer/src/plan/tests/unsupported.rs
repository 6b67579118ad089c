//! What is not built yet is refused by name, and asking for nothing is not refused.

use super::exec;
use super::harness::{config, plan_of, refused, v2};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// The message for one value, put at a JSON pointer.
fn refused_at(pointer: &str, value: Value) -> String {
    refused(|config| put(config, pointer, value))
}

/// Puts a value where the parents exist.
fn put(config: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    config.pointer_mut(parent).unwrap()[name] = value;
}

/// (where, value, the path in the message, what it says was found)
fn cases() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let map = json!([{"containerID": 0, "hostID": 1000, "size": 1}]);
    vec![
        ("/process/apparmorProfile", json!("web"), "process.apparmorProfile", "web"),
        ("/process/selinuxLabel", json!("a:b:c:d"), "process.selinuxLabel", "a:b:c:d"),
        (
            "/process/scheduler",
            json!({"policy": "SCHED_FIFO", "priority": 1}),
            "process.scheduler",
            "SCHED_FIFO",
        ),
        (
            "/process/ioPriority",
            json!({"class": "IOPRIO_CLASS_IDLE", "priority": 0}),
            "process.ioPriority",
            "IOPRIO_CLASS_IDLE",
        ),
        (
            "/process/execCPUAffinity",
            json!({"initial": "0-3"}),
            "process.execCPUAffinity.initial",
            "0-3",
        ),
        ("/process/execCPUAffinity", json!({"final": "1"}), "process.execCPUAffinity.final", "1"),
        ("/linux/mountLabel", json!("a:b:c:d"), "linux.mountLabel", "a:b:c:d"),
        ("/linux/timeOffsets", json!({"monotonic": {"secs": 1}}), "linux.timeOffsets", "monotonic"),
        (
            "/linux/netDevices",
            json!({"eth1": {}, "eth0": {"name": "lan"}}),
            "linux.netDevices",
            "eth0",
        ),
        (
            "/linux/memoryPolicy",
            json!({"mode": "MPOL_BIND", "nodes": "0"}),
            "linux.memoryPolicy",
            "MPOL_BIND",
        ),
        ("/linux/personality", json!({"domain": "LINUX32"}), "linux.personality", "LINUX32"),
        ("/linux/intelRdt", json!({"closID": "gold"}), "linux.intelRdt", "gold"),
        ("/linux/intelRdt", json!({}), "linux.intelRdt", "a class of its own"),
        ("/mounts/2/uidMappings", map.clone(), "mounts[2].uidMappings", "1 mapping"),
        ("/mounts/0/gidMappings", map, "mounts[0].gidMappings", "1 mapping"),
    ]
}

#[test]
fn each_is_refused_by_its_path_and_value() {
    for (pointer, value, path, found) in cases() {
        let message = refused_at(pointer, value);
        let expected =
            format!("{path}: {found:?} is not supported; this version of creel cannot do it yet");
        assert!(message.starts_with(&expected), "{pointer}: {message}");
    }
}

#[test]
fn the_message_says_what_to_do() {
    let profile = json!("docker-default");
    assert_snapshot!(refused_at("/process/apparmorProfile", profile), @r#"process.apparmorProfile: "docker-default" is not supported; this version of creel cannot do it yet: leave it out"#);
}

#[test]
fn time_namespaces_are_not_built() {
    let add = |config: &mut Value| {
        config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "time"}));
    };
    let message = refused(add);
    let expected = "linux.namespaces[6].type: \"time\" is not supported; ";
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn mount_options_that_are_not_built() {
    for option in ["remount", "idmap", "ridmap"] {
        let mount = json!({"destination": "/t", "type": "tmpfs", "options": [option]});
        let message = refused(|config| config["mounts"] = json!([mount]));
        let expected = format!("mounts[0].options: {option:?} is not supported; ");
        assert!(message.starts_with(&expected), "{message}");
    }
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

/// Here the setting may come from the container, a process file, or the command line.
#[test]
fn an_exec_refuses_the_same_of_its_process() {
    for (pointer, value, path, _) in cases() {
        let Some(name) = pointer.strip_prefix("/process/") else { continue };
        let process = exec::process(|process| process[name] = value);
        let message = exec::plan_on(&v2(), &process, |_| {}).unwrap_err().to_string();
        assert!(message.starts_with(path), "{message}");
    }
}

/// What creel's own spec command writes can be run, without a warning.
#[test]
fn the_default_configuration_is_supported() {
    assert!(plan_of(|_| {}).warnings.is_empty());
    let spec = config(|_| {});
    assert!(crate::plan::plan(&spec, &super::harness::request(), &v2()).is_ok());
}
