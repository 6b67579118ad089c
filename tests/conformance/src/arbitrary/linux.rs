//! `linux`, but its resources.

use proptest::strategy::Strategy;
use serde_json::{Value, json};

use super::json::{Json, always, boolean, list, map, number, object, one_of, without_doubles};
use super::resources::resources;
use crate::SECCOMP_OPERATORS;

/// All of it. What needs a namespace is taken out again where the namespace is missing.
pub(super) fn linux() -> Json {
    object(vec![
        ("namespaces", 1.0, namespaces()),
        ("uidMappings", 1.0, mappings()),
        ("gidMappings", 1.0, mappings()),
        ("devices", 0.4, devices()),
        (
            "netDevices",
            0.1,
            map(&["eth0", "wlan0"], object(vec![("name", 0.5, one_of(&["lan", ""]))])),
        ),
        ("cgroupsPath", 0.7, one_of(&["/a/b", "relative", ""])),
        ("resources", 0.7, resources()),
        ("sysctl", 0.4, map(SYSCTLS, one_of(&["0", "1", "32768"]))),
        (
            "rootfsPropagation",
            0.5,
            one_of(&["", "shared", "rshared", "slave", "private", "rprivate", "unbindable"]),
        ),
        ("maskedPaths", 0.7, list(one_of(&["/proc/kcore", "/proc/keys", "/none"]), 0..3)),
        ("readonlyPaths", 0.7, list(one_of(&["/proc/sys", "/proc/bus", "/none"]), 0..3)),
        ("mountLabel", 0.1, one_of(&["", "system_u:object_r:container_file_t:s0"])),
        (
            "personality",
            0.2,
            object(vec![
                ("domain", 1.0, one_of(&["LINUX", "LINUX32"])),
                ("flags", 0.1, always(json!([]))),
            ]),
        ),
        ("timeOffsets", 0.5, map(&["monotonic", "boottime"], offset())),
        ("memoryPolicy", 0.2, memory_policy()),
        ("intelRdt", 0.1, rdt()),
        ("seccomp", 0.4, seccomp()),
    ])
}

const SYSCTLS: &[&str] =
    &["net.core.somaxconn", "net/ipv4/ip_forward", "kernel.shmmax", "kernel.domainname"];

fn namespaces() -> Json {
    let kinds =
        one_of(&["mount", "mount", "uts", "ipc", "pid", "network", "user", "cgroup", "time"]);
    let one = object(vec![("type", 1.0, kinds), ("path", 0.07, one_of(&["", "/proc/1/ns/net"]))]);
    let listed = list(one, 2..10).prop_map(|mut listed| {
        // Without a mount namespace little else can be asked for.
        if let Some(listed) = listed.as_array_mut() {
            listed.insert(0, json!({"type": "mount"}));
        }
        listed
    });
    without_doubles(listed.boxed(), "type")
}

fn mappings() -> Json {
    (65_535_i64..70_000, 0_i64..100_000)
        .prop_map(|(size, host)| json!([{"containerID": 0, "hostID": host, "size": size}]))
        .boxed()
}

/// Nodes at different places.
pub(super) fn devices() -> Json {
    let device = object(vec![
        ("path", 1.0, one_of(&["/dev/one", "/dev/two", "/dev/deep/er", "/srv/node", "/dev/full"])),
        ("type", 1.0, one_of(&["b", "c", "u", "p"])),
        ("major", 1.0, number(0..4096)),
        ("minor", 1.0, number(0..1 << 20)),
        ("fileMode", 0.6, number(0..0o1000)),
        ("uid", 0.5, number(0..2000)),
        ("gid", 0.5, number(0..2000)),
    ]);
    without_doubles(list(device, 0..5), "path")
}

/// Seconds forward and back a little.
pub(super) fn offset() -> Json {
    object(vec![("secs", 0.9, number(-10..100_000)), ("nanosecs", 0.5, number(0..1_000_000_000))])
}

fn memory_policy() -> Json {
    let with_nodes = object(vec![
        (
            "mode",
            1.0,
            one_of(&["MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY"]),
        ),
        ("nodes", 1.0, one_of(&["0", "0-1"])),
        ("flags", 0.4, list(one_of(&["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]), 0..2)),
    ]);
    let without = object(vec![("mode", 1.0, one_of(&["MPOL_DEFAULT", "MPOL_LOCAL"]))]);
    proptest::prop_oneof![3 => with_nodes, 1 => without].boxed()
}

fn rdt() -> Json {
    object(vec![
        ("closID", 0.5, one_of(&["gold", "/"])),
        ("schemata", 0.3, list(one_of(&["L2:0=3", "MB:0=20"]), 0..3)),
        ("l3CacheSchema", 0.3, one_of(&["L3:0=f"])),
        ("memBwSchema", 0.3, one_of(&["MB:0=20"])),
        ("enableCMT", 0.2, boolean()),
        ("enableMBM", 0.2, boolean()),
        ("enableCmt", 0.2, boolean()),
        ("enableMbm", 0.2, boolean()),
        ("enableMonitoring", 0.2, boolean()),
    ])
}

const ACTIONS: &[&str] = &[
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
];

/// An action that may have a number, and its number.
fn action(action: &'static str, number_name: &'static str) -> Json {
    let numbered = object(vec![
        (action, 1.0, one_of(&["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"])),
        (number_name, 0.5, number(0..4096)),
    ]);
    proptest::prop_oneof![numbered, object(vec![(action, 1.0, one_of(ACTIONS))])].boxed()
}

fn seccomp() -> Json {
    let others = object(vec![
        (
            "architectures",
            0.7,
            list(one_of(&["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]), 0..3),
        ),
        (
            "flags",
            0.3,
            list(one_of(&["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]), 0..3),
        ),
        ("listenerPath", 0.1, one_of(&["/run/agent.sock"])),
        ("syscalls", 0.9, list(rule(), 0..6)),
    ]);
    let metadata = object(vec![("listenerMetadata", 0.5, one_of(&["data"]))]);
    (action("defaultAction", "defaultErrnoRet"), others, metadata)
        .prop_map(|(action, others, metadata)| {
            let with_path = others.get("listenerPath").is_some();
            let whole = together(action, others);
            if with_path { together(whole, metadata) } else { whole }
        })
        .boxed()
}

fn rule() -> Json {
    let argument = object(vec![
        ("index", 1.0, number(0..6)),
        ("value", 1.0, number(0..i64::MAX)),
        ("valueTwo", 0.5, number(0..i64::MAX)),
        ("op", 1.0, one_of(&SECCOMP_OPERATORS)),
    ]);
    let others = object(vec![
        ("names", 1.0, list(one_of(&["read", "write", "mount", "personality", "nonesuch"]), 1..4)),
        ("args", 0.4, list(argument, 0..4)),
    ]);
    (action("action", "errnoRet"), others)
        .prop_map(|(action, others)| together(action, others))
        .boxed()
}

/// The members of both objects.
fn together(mut one: Value, other: Value) -> Value {
    if let (Some(one), Value::Object(other)) = (one.as_object_mut(), other) {
        one.extend(other);
    }
    one
}
