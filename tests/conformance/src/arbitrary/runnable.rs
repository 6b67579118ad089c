//! Settings that every machine of the tests can carry out and that show in the container: a merge patch (RFC 7396)
//! for the default configuration of the tests.

use proptest::strategy::Strategy;
use serde_json::{Value, json};

use super::json::{Json, always, boolean, list, map, number, object, one_of, without_doubles};
use super::linux::offset;
use super::process::{capabilities, environment, rlimits, user};

/// A patch; `null` takes something out.
pub fn runnable() -> Json {
    let whole = object(vec![
        ("root", 0.5, object(vec![("readonly", 1.0, boolean())])),
        ("hostname", 0.5, one_of(&["web", "a.b.c"])),
        ("domainname", 0.4, one_of(&["example.org"])),
        ("process", 1.0, process()),
        ("linux", 1.0, linux()),
        ("mounts", 0.7, without_doubles(list(mount(), 0..5), "destination")),
        ("annotations", 0.3, map(&["a", "b"], one_of(&["", "value"]))),
    ]);
    whole.prop_map(mended).boxed()
}

fn process() -> Json {
    object(vec![
        ("user", 0.6, user()),
        ("env", 0.6, environment()),
        ("cwd", 0.5, one_of(&["/bin", "/tmp", "/made/for/it", "/bin/../tmp"])),
        ("capabilities", 0.7, capabilities()),
        (
            "rlimits",
            0.5,
            rlimits(&["RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_LOCKS", "RLIMIT_CPU"], 100..1000),
        ),
        ("noNewPrivileges", 0.7, boolean()),
        ("oomScoreAdj", 0.4, number(0..1001)),
        ("scheduler", 0.3, scheduler()),
    ])
}

fn scheduler() -> Json {
    object(vec![
        ("policy", 1.0, one_of(&["SCHED_OTHER", "SCHED_BATCH"])),
        ("nice", 1.0, number(0..20)),
    ])
}

fn linux() -> Json {
    object(vec![
        ("namespaces", 0.7, namespaces()),
        ("devices", 0.4, without_doubles(list(device(), 0..4), "path")),
        (
            "sysctl",
            0.3,
            map(
                &["net.core.somaxconn", "net/ipv4/ip_forward", "kernel.shm_rmid_forced"],
                one_of(&["0", "1"]),
            ),
        ),
        ("maskedPaths", 0.4, list(one_of(&["/proc/kcore", "/proc/version", "/none"]), 0..4)),
        ("readonlyPaths", 0.4, list(one_of(&["/proc/bus", "/tmp", "/none"]), 0..4)),
        ("rootfsPropagation", 0.4, one_of(&["shared", "rshared", "slave", "private", "rprivate"])),
        ("personality", 0.2, object(vec![("domain", 1.0, one_of(&["LINUX", "LINUX32"]))])),
        ("timeOffsets", 0.4, map(&["monotonic", "boottime"], offset())),
        ("seccomp", 0.2, object(vec![("defaultAction", 1.0, always(json!("SCMP_ACT_ALLOW")))])),
        (
            "resources",
            0.4,
            object(vec![("pids", 1.0, object(vec![("limit", 1.0, number(20..1000))]))]),
        ),
    ])
}

/// Nobody needs more than a mount namespace; the user namespace asks for a root file system of its own.
fn namespaces() -> Json {
    let kinds = one_of(&["uts", "ipc", "pid", "network", "cgroup", "time"]);
    let listed = list(object(vec![("type", 1.0, kinds)]), 0..8).prop_map(|mut listed| {
        if let Some(listed) = listed.as_array_mut() {
            listed.push(json!({"type": "mount"}));
        }
        listed
    });
    without_doubles(listed.boxed(), "type")
}

fn device() -> Json {
    object(vec![
        ("path", 1.0, one_of(&["/dev/one", "/dev/two", "/dev/three"])),
        ("type", 1.0, one_of(&["b", "c", "p"])),
        ("major", 1.0, number(1..4096)),
        ("minor", 1.0, number(0..1 << 20)),
        ("fileMode", 0.6, number(0..0o1000)),
        ("uid", 0.5, number(0..2000)),
        ("gid", 0.5, number(0..2000)),
    ])
}

fn mount() -> Json {
    let words = &[
        "ro",
        "rw",
        "nosuid",
        "suid",
        "nodev",
        "dev",
        "noexec",
        "exec",
        "noatime",
        "relatime",
        "strictatime",
        "nodiratime",
        "diratime",
        "shared",
        "private",
        "unbindable",
    ];
    object(vec![
        ("destination", 1.0, one_of(&["/m1", "/m2", "/m3/deep", "/m4"])),
        ("type", 1.0, always(json!("tmpfs"))),
        ("source", 1.0, one_of(&["one", "two"])),
        ("options", 0.9, list(one_of(words), 0..6)),
    ])
}

/// As for any configuration: what belongs to a namespace goes without it.
fn mended(mut patch: Value) -> Value {
    let Some(listed) = patch.pointer("/linux/namespaces").and_then(Value::as_array).cloned() else {
        // The default ones: no time namespace.
        take(&mut patch, "/linux/timeOffsets", false);
        return patch;
    };
    let has = |kind: &str| listed.iter().any(|namespace| namespace["type"] == kind);
    if !has("uts") {
        take(&mut patch, "/hostname", true);
        take(&mut patch, "/domainname", false);
    }
    if !has("time") {
        take(&mut patch, "/linux/timeOffsets", false);
    }
    if !has("ipc") {
        take(&mut patch, "/linux/sysctl/kernel.shm_rmid_forced", false);
    }
    if !has("network") {
        take(&mut patch, "/linux/sysctl/net.core.somaxconn", false);
        take(&mut patch, "/linux/sysctl/net~1ipv4~1ip_forward", false);
    }
    patch
}

/// Takes a setting out of the patch; `of_default`: of the configuration too.
fn take(patch: &mut Value, pointer: &str, of_default: bool) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(parent) = patch.pointer_mut(parent).and_then(Value::as_object_mut) {
        let name = name.replace("~1", "/");
        parent.remove(&name);
        if of_default {
            parent.insert(name, Value::Null);
        }
    }
}
