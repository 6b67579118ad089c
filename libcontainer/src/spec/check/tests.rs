use serde_json::{Value, json};

use super::*;
use crate::spec::{DefaultConfig, Warning, parse_process, parse_spec};

/// The default configuration, changed by a JSON merge patch (RFC 7396).
fn patched(patch: Value) -> Spec {
    patched_from(DefaultConfig::default(), patch)
}

fn patched_from(config: DefaultConfig, patch: Value) -> Spec {
    let mut config: Value = serde_json::from_str(&config.to_json()).unwrap();
    merge(&mut config, patch);
    creel_conformance::take_out(&mut config);
    *parse_spec(config.to_string().as_bytes()).unwrap().0
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else { return *target = patch };
    if !target.is_object() {
        *target = json!({});
    }
    let members = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// What the check says about the default configuration after a patch.
fn message(patch: Value) -> String {
    check(&patched(patch)).unwrap_err().to_string()
}

/// Asserts that the check names the path and mentions the text, for each patch.
fn assert_refused(cases: &[(Value, &str, &str)]) {
    for (patch, path, mentioned) in cases {
        let message = message(patch.clone());
        assert!(message.starts_with(path), "{patch}: {message}");
        assert!(message.contains(mentioned), "{patch}: {message}");
    }
}

fn assert_accepted(patches: &[Value]) {
    for patch in patches {
        assert_eq!(check(&patched(patch.clone())), Ok(vec![]), "{patch}");
    }
}

fn namespaces(kinds: &[&str]) -> Value {
    kinds.iter().map(|kind| json!({"type": kind})).collect()
}

#[test]
fn the_last_number_is_no_id() {
    let user = |user: Value| json!({"process": {"user": user}});
    assert_refused(&[
        (user(json!({"uid": u32::MAX})), "process.user.uid", "4294967295"),
        (user(json!({"gid": u32::MAX})), "process.user.gid", "4294967295"),
        (
            user(json!({"additionalGids": [1, u32::MAX]})),
            "process.user.additionalGids",
            "4294967295",
        ),
    ]);
    assert_accepted(&[user(json!({"uid": u32::MAX - 1, "gid": u32::MAX - 1}))]);
}

#[test]
fn root_and_process_have_to_be_there() {
    assert_refused(&[
        (json!({"root": null}), "root is missing", ""),
        (json!({"root": {"path": ""}}), "root.path is missing", ""),
        (json!({"process": null}), "process is missing", ""),
        (json!({"process": {"cwd": ""}}), "process.cwd is missing", ""),
        (json!({"process": {"cwd": "bin"}}), "process.cwd: found \"bin\"", "absolute"),
        (json!({"process": {"args": null}}), "process.args is missing", ""),
        (json!({"process": {"args": []}}), "process.args is missing", ""),
        (json!({"process": {"args": ["", "x"]}}), "process.args[0] is missing", ""),
        (json!({"process": {"args": ["x", "a\0b"]}}), "process.args[1]", "NUL"),
        (json!({"process": {"env": ["A=1", "B"]}}), "process.env[1]: found \"B\"", "NAME=value"),
        (json!({"process": {"env": ["=x"]}}), "process.env[0]", "NAME=value"),
        (json!({"process": {"user": {"umask": 512}}}), "process.user.umask: found \"512\"", "511"),
        (json!({"process": {"oomScoreAdj": 1001}}), "process.oomScoreAdj", "1000"),
    ]);
    assert_accepted(&[
        json!({"process": {"env": ["A=", "B==", "A=2"], "oomScoreAdj": -1000}}),
        json!({"process": {"user": {"umask": 63}}}),
        json!({"linux": {"resources": null}}),
    ]);
}

#[test]
fn rlimits_are_given_once_and_soft_stays_below_hard() {
    let limit = |kind: &str, soft: u64| json!({"type": kind, "soft": soft, "hard": 10});
    let twice = json!([limit("RLIMIT_CPU", 1), limit("RLIMIT_AS", 1), limit("RLIMIT_CPU", 2)]);
    assert_refused(&[
        (json!({"process": {"rlimits": twice}}), "process.rlimits[2]", "process.rlimits[0]"),
        (
            json!({"process": {"rlimits": [limit("RLIMIT_AS", 11)]}}),
            "process.rlimits[0].soft: found \"11\"",
            "hard limit 10",
        ),
    ]);
}

#[test]
fn a_schedulers_numbers_fit_its_policy() {
    let scheduler = |value: Value| json!({"process": {"scheduler": value}});
    assert_refused(&[
        (scheduler(json!({"policy": "SCHED_OTHER", "nice": 20})), "process.scheduler.nice", "19"),
        (scheduler(json!({"policy": "SCHED_FIFO"})), "process.scheduler.priority", "99"),
        (
            scheduler(json!({"policy": "SCHED_OTHER", "priority": 1})),
            "process.scheduler.priority",
            "0",
        ),
        (
            scheduler(json!({"policy": "SCHED_IDLE", "period": 1})),
            "process.scheduler.period",
            "SCHED_DEADLINE",
        ),
        (
            json!({"process": {"ioPriority": {"class": "IOPRIO_CLASS_RT", "priority": 8}}}),
            "process.ioPriority.priority",
            "7",
        ),
    ]);
    assert_accepted(&[
        scheduler(json!({"policy": "SCHED_BATCH", "nice": -20})),
        scheduler(json!({"policy": "SCHED_RR", "priority": 99})),
        scheduler(json!({"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 2})),
    ]);
}

#[test]
fn namespaces_are_listed_once_and_joined_by_an_absolute_path() {
    assert_refused(&[
        (
            json!({"linux": {"namespaces": namespaces(&["mount", "uts", "uts"])}}),
            "linux.namespaces[2]: found \"uts\"",
            "linux.namespaces[1]",
        ),
        (
            json!({"linux": {"namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "pid", "path": "x"}]}}),
            "linux.namespaces[2].path: found \"x\"",
            "absolute",
        ),
    ]);
}

#[test]
fn settings_of_a_namespace_need_it() {
    let only_mount = json!({"namespaces": namespaces(&["mount"])});
    assert_refused(&[
        (json!({"linux": only_mount}), "hostname: found \"runc\"", "\"uts\""),
        (
            json!({"hostname": null, "domainname": "d", "linux": only_mount}),
            "domainname",
            "\"uts\"",
        ),
        (
            json!({"linux": {"namespaces": namespaces(&["uts"])}}),
            "root.readonly: found \"true\"",
            "\"mount\"",
        ),
        (
            json!({"root": {"readonly": false}, "linux": {"namespaces": namespaces(&["uts"])}}),
            "linux.maskedPaths: found \"/proc/acpi\"",
            "\"mount\"",
        ),
        (
            json!({
                "root": {"readonly": false},
                "linux": {"maskedPaths": null, "namespaces": namespaces(&["uts"])},
            }),
            "linux.readonlyPaths",
            "\"mount\"",
        ),
        (json!({"hostname": "h".repeat(65)}), "hostname", "64"),
    ]);
    let joined = json!([{"type": "mount"}, {"type": "uts", "path": "/proc/1/ns/uts"}]);
    assert_accepted(&[
        json!({"linux": {"namespaces": joined}}),
        json!({"hostname": null, "linux": only_mount}),
        json!({"hostname": null, "root": {"readonly": false}, "linux": null}),
    ]);
}

#[test]
fn sysctls_are_namespaced_ones_in_either_spelling() {
    let sysctl = |key: &str| json!({"linux": {"sysctl": {key: "1"}}});
    let without = |key: &str, kinds: &[&str]| json!({"hostname": null, "linux": {"sysctl": {key: "1"}, "namespaces": namespaces(kinds)}});
    assert_accepted(&[
        sysctl("net.ipv4.ip_forward"),
        sysctl("net/ipv4/ip_forward"),
        sysctl("kernel.shmmax"),
        sysctl("kernel/shm_rmid_forced"),
        sysctl("fs.mqueue.msg_max"),
        sysctl("kernel.domainname"),
    ]);
    assert_refused(&[
        (sysctl("kernel.panic"), "linux.sysctl[\"kernel.panic\"]", "fs.mqueue."),
        (sysctl("kernel.shmmaxx"), "linux.sysctl[\"kernel.shmmaxx\"]", ""),
        (sysctl("net/../kernel/panic"), "linux.sysctl[\"net/../kernel/panic\"]", ""),
        (sysctl("user.max_user_namespaces"), "linux.sysctl[\"user.max_user_namespaces\"]", ""),
        (sysctl("kernel.hostname"), "linux.sysctl[\"kernel.hostname\"]", "property hostname"),
        (without("net.core.somaxconn", &["mount"]), "linux.sysctl", "\"network\""),
        (without("kernel.sem", &["mount"]), "linux.sysctl", "\"ipc\""),
        (without("fs/mqueue/msg_max", &["mount"]), "linux.sysctl", "\"ipc\""),
        (without("kernel.domainname", &["mount"]), "linux.sysctl", "\"uts\""),
    ]);
}

#[test]
fn a_relative_mount_destination_only_warns() {
    let spec = patched(json!({"mounts": [{"destination": "data", "type": "tmpfs"}]}));
    let path = "mounts[0].destination".to_owned();
    let destination = "data".to_owned();
    assert_eq!(check(&spec), Ok(vec![Warning::RelativeDestination { path, destination }]));
}

#[test]
fn mounts_have_a_destination_and_both_mappings_or_none() {
    let map = json!([{"containerID": 0, "hostID": 1, "size": 1}]);
    assert_refused(&[
        (json!({"mounts": [{"destination": ""}]}), "mounts[0].destination is missing", ""),
        (json!({"mounts": [{"destination": "/a\0"}]}), "mounts[0].destination", "NUL"),
        (
            json!({"mounts": [{"destination": "/a", "options": ["ro", "x\0"]}]}),
            "mounts[0].options[1]",
            "NUL",
        ),
        (
            json!({"mounts": [{"destination": "/a", "uidMappings": map}]}),
            "mounts[0].gidMappings is missing",
            "",
        ),
    ]);
    assert_accepted(&[
        json!({"mounts": [{"destination": "/a", "uidMappings": map, "gidMappings": map}]}),
    ]);
}

#[test]
fn mappings_belong_to_a_user_namespace_and_do_not_overlap() {
    let map = |container: u32, host: u32, size: u32| json!({"containerID": container, "hostID": host, "size": size});
    let rootless = DefaultConfig { rootless: Some((1000, 1000)), ..Default::default() };
    let uids = |maps: Value| patched_from(rootless, json!({"linux": {"uidMappings": maps}}));
    let cases = [
        (
            patched(json!({"linux": {"uidMappings": [map(0, 0, 1)]}})),
            "linux.uidMappings",
            "\"user\"",
        ),
        (uids(json!([])), "linux.uidMappings is missing", "user namespace"),
        (uids(json!([map(0, 1, 0)])), "linux.uidMappings[0].size", "at least 1"),
        (uids(json!([map(u32::MAX - 1, 1, 2)])), "linux.uidMappings[0]", "4294967294"),
        (
            uids(json!([map(0, 1000, 10), map(9, 2000, 1)])),
            "linux.uidMappings[1]",
            "linux.uidMappings[0]",
        ),
        (
            uids(json!([map(0, 1000, 10), map(10, 1009, 1)])),
            "linux.uidMappings[1]",
            "linux.uidMappings[0]",
        ),
    ];
    for (spec, path, mentioned) in cases {
        let message = check(&spec).unwrap_err().to_string();
        assert!(message.starts_with(path) && message.contains(mentioned), "{message}");
    }
    assert_eq!(check(&uids(json!([map(0, 1000, 10), map(10, 1010, 10)]))), Ok(vec![]));
    assert_eq!(check(&uids(json!([map(u32::MAX - 2, 1, 2)]))), Ok(vec![]));
}

#[test]
fn a_joined_user_namespace_may_come_with_or_without_mappings() {
    let kinds =
        json!([{"type": "mount"}, {"type": "uts"}, {"type": "user", "path": "/proc/1/ns/user"}]);
    let map = json!([{"containerID": 0, "hostID": 1000, "size": 5}]);
    assert_accepted(&[
        json!({"linux": {"namespaces": kinds}}),
        json!({"linux": {"namespaces": kinds, "uidMappings": map, "gidMappings": map}}),
    ]);
}

#[test]
fn hooks_have_absolute_paths_and_positive_timeouts() {
    let hook = |kind: &str, value: Value| json!({"hooks": {kind: [{"path": "/ok"}, value]}});
    for kind in
        ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
    {
        let at = format!("hooks.{kind}[1]");
        assert_refused(&[
            (hook(kind, json!({"path": "bin/x"})), &format!("{at}.path"), "absolute"),
            (
                hook(kind, json!({"path": "/x", "timeout": 0})),
                &format!("{at}.timeout"),
                "greater than 0",
            ),
            (hook(kind, json!({"path": "/x", "timeout": -1})), &format!("{at}.timeout"), "\"-1\""),
            (hook(kind, json!({"path": "/x", "args": ["a\0"]})), &format!("{at}.args[0]"), "NUL"),
        ]);
        assert_accepted(&[hook(
            kind,
            json!({"path": "/x", "timeout": 1, "args": [], "env": ["A"]}),
        )]);
    }
}

#[test]
fn devices_are_nodes_with_numbers_the_kernel_has() {
    let device = |value: Value| json!({"linux": {"devices": [value]}});
    assert_refused(&[
        (device(json!({"path": "dev/x", "type": "c"})), "linux.devices[0].path", "absolute"),
        (device(json!({"path": "/dev/x", "type": "a"})), "linux.devices[0].type", "b, c, u or p"),
        (
            device(json!({"path": "/dev/x", "type": "c", "major": -1})),
            "linux.devices[0].major",
            "4095",
        ),
        (
            device(json!({"path": "/dev/x", "type": "b", "minor": 1 << 20})),
            "linux.devices[0].minor",
            "1048575",
        ),
    ]);
    assert_accepted(&[
        device(json!({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, "fileMode": 8630})),
        device(json!({"path": "/dev/x", "type": "p"})),
    ]);
}

#[test]
fn the_rest_of_linux() {
    let linux = |value: Value| json!({"linux": value});
    let time = json!([{"type": "mount"}, {"type": "uts"}, {"type": "time"}]);
    let joined = json!([{"type": "mount"}, {"type": "uts"}, {"type": "time", "path": "/t"}]);
    let offset = json!({"monotonic": {"secs": 1}});
    assert_refused(&[
        (
            linux(json!({"maskedPaths": ["/a", "b"]})),
            "linux.maskedPaths[1]: found \"b\"",
            "absolute",
        ),
        (linux(json!({"readonlyPaths": ["b"]})), "linux.readonlyPaths[0]", "absolute"),
        (linux(json!({"rootfsPropagation": "foo"})), "linux.rootfsPropagation", "unbindable"),
        (linux(json!({"rootfsPropagation": "r"})), "linux.rootfsPropagation", "unbindable"),
        (
            linux(json!({"personality": {"domain": "LINUX", "flags": ["x"]}})),
            "linux.personality.flags[0]",
            "no flag",
        ),
        (linux(json!({"timeOffsets": offset})), "linux.timeOffsets.monotonic", "\"time\""),
        (
            linux(json!({"timeOffsets": offset, "namespaces": joined})),
            "linux.timeOffsets.monotonic",
            "joined",
        ),
        (
            linux(json!({"timeOffsets": {"realtime": {}}, "namespaces": time})),
            "linux.timeOffsets.realtime",
            "boottime",
        ),
        (
            linux(
                json!({"timeOffsets": {"boottime": {"nanosecs": 1_000_000_000}}, "namespaces": time}),
            ),
            "linux.timeOffsets.boottime.nanosecs",
            "below",
        ),
        (json!({"annotations": {"": "x"}}), "annotations", "not empty"),
    ]);
    assert_accepted(&[
        linux(json!({"timeOffsets": offset, "namespaces": time})),
        linux(json!({"rootfsPropagation": "rslave"})),
        linux(json!({"rootfsPropagation": ""})),
        json!({"annotations": {"a": ""}}),
    ]);
}

#[test]
fn seccomp_contradictions_show_early() {
    let seccomp = |value: Value| json!({"linux": {"seccomp": value}});
    let syscall =
        |value: Value| seccomp(json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [value]}));
    assert_refused(&[
        (
            seccomp(json!({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1})),
            "linux.seccomp.defaultErrnoRet",
            "SCMP_ACT_ALLOW",
        ),
        (
            syscall(json!({"names": ["x"], "action": "SCMP_ACT_LOG", "errnoRet": 1})),
            "linux.seccomp.syscalls[0].errnoRet",
            "SCMP_ACT_LOG",
        ),
        (
            syscall(json!({"names": [], "action": "SCMP_ACT_LOG"})),
            "linux.seccomp.syscalls[0].names",
            "",
        ),
        (
            syscall(json!({"names": ["x"], "action": "SCMP_ACT_LOG",
                "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]})),
            "linux.seccomp.syscalls[0].args[0].index",
            "5",
        ),
        (
            seccomp(json!({"defaultAction": "SCMP_ACT_ERRNO", "listenerMetadata": "m"})),
            "linux.seccomp.listenerPath",
            "",
        ),
    ]);
    assert_accepted(&[
        syscall(json!({"names": ["x"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38})),
        seccomp(
            json!({"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/s", "listenerMetadata": "m"}),
        ),
    ]);
}

#[test]
fn a_process_alone_is_checked_with_paths_of_its_own() {
    let checked = |text: &str| check_process(&parse_process(text.as_bytes()).unwrap().0);
    assert_eq!(checked(r#"{"args": ["id"], "cwd": "/"}"#), Ok(()));
    let error = checked(r#"{"args": ["id"], "cwd": "x"}"#).unwrap_err();
    assert!(error.to_string().starts_with("cwd: found \"x\""), "{error}");
}
