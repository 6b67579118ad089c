//! Any configuration: all fields, most values as they should be, some as they should not.

use proptest::strategy::Strategy;
use serde_json::{Value, json};

use super::json::{Json, always, boolean, list, map, object, one_of};
use super::linux::linux;
use super::process::{hooks, process};

/// A configuration that oci-spec's types can hold. One of ten has something in it that is of a wrong kind.
pub fn any() -> Json {
    let whole = object(vec![
        ("ociVersion", 1.0, one_of(&["1.0.0", "1.0.2-dev", "1.1.0", "1.3.0"])),
        (
            "root",
            1.0,
            object(vec![
                ("path", 1.0, one_of(&["rootfs", "/srv/root"])),
                ("readonly", 0.5, boolean()),
            ]),
        ),
        ("mounts", 0.9, list(mount(), 0..8)),
        ("process", 1.0, process()),
        ("hostname", 0.6, one_of(&["", "web", "a.b.c"])),
        ("domainname", 0.3, one_of(&["", "example.org"])),
        ("hooks", 0.3, hooks()),
        ("annotations", 0.4, map(&["a", "org.x/y", "c"], one_of(&["", "value"]))),
        ("linux", 1.0, linux()),
        ("uidMappings", 0.02, always(json!([]))),
        ("gidMappings", 0.02, always(json!([]))),
    ]);
    let whole = whole.prop_map(mended);
    let wrong = (one_of(WRONG_PLACES), one_of(&["nonesuch", "", "\u{0}", "0-", "-1"]));
    (whole, proptest::option::weighted(0.1, wrong))
        .prop_map(|(mut config, wrong)| {
            if let Some((pointer, value)) = wrong {
                put(&mut config, pointer.as_str().unwrap_or(""), value);
            }
            config
        })
        .boxed()
}

/// Texts whose value matters.
const WRONG_PLACES: &[&str] = &[
    "/ociVersion",
    "/hostname",
    "/root/path",
    "/process/cwd",
    "/process/args/0",
    "/process/env/0",
    "/linux/namespaces/0/path",
    "/linux/rootfsPropagation",
    "/linux/maskedPaths/0",
    "/linux/cgroupsPath",
    "/linux/memoryPolicy/nodes",
    "/linux/resources/cpu/cpus",
    "/mounts/0/destination",
    "/mounts/0/type",
    "/mounts/0/options/0",
];

fn put(config: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = config.pointer_mut(pointer) {
        *place = value;
    }
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
        "nosymfollow",
        "rro",
        "rnosuid",
        "shared",
        "rslave",
        "private",
        "unbindable",
        "size=64k",
        "mode=755",
        "defaults",
        "tmpcopyup",
        "remount",
        "gid=5",
    ];
    let map = || always(json!([{"containerID": 0, "hostID": 1000, "size": 10}]));
    let filesystem = object(vec![
        ("destination", 1.0, one_of(&["/m", "/m/below", "relative", "/dev/shm", "/data/../x"])),
        ("type", 1.0, always(json!("tmpfs"))),
        ("source", 0.8, one_of(&["tmpfs", ""])),
        ("options", 0.8, list(one_of(words), 0..6)),
    ]);
    let other = object(vec![
        ("destination", 1.0, one_of(&["/proc", "/sys", "/dev/mqueue", "/sys/fs/cgroup"])),
        ("type", 1.0, one_of(&["proc", "sysfs", "mqueue", "cgroup", "cgroup2"])),
        ("source", 0.8, one_of(&["none"])),
        ("options", 0.8, list(one_of(&["ro", "nosuid", "noexec", "nodev"]), 0..4)),
    ]);
    let plain = object(vec![
        ("destination", 1.0, one_of(&["/m", "/etc/hosts", "/proc/uptime"])),
        ("type", 0.5, one_of(&["bind", "none", ""])),
        ("source", 1.0, one_of(&["/srv", "data", "/etc/hosts"])),
        (
            "options",
            1.0,
            list(one_of(&["bind", "rbind", "ro", "rprivate", "size=1k"]), 0..4)
                .prop_map(bound)
                .boxed(),
        ),
    ]);
    let mapped = object(vec![
        ("destination", 1.0, always(json!("/mapped"))),
        ("source", 1.0, always(json!("/srv"))),
        ("options", 1.0, list(one_of(&["idmap", "ridmap"]), 0..2).prop_map(bound).boxed()),
        ("uidMappings", 1.0, map()),
        ("gidMappings", 1.0, map()),
    ]);
    proptest::prop_oneof![6 => filesystem, 3 => other, 3 => plain, 1 => mapped].boxed()
}

fn bound(mut options: Value) -> Value {
    if let Some(options) = options.as_array_mut() {
        options.push(json!("bind"));
    }
    options
}

/// Takes out what would need a namespace that is not there; most of the time one asks for what can be had.
fn mended(mut config: Value) -> Value {
    let listed = config["linux"]["namespaces"].as_array().cloned().unwrap_or_default();
    let of = |kind: &str| listed.iter().find(|namespace| namespace["type"] == kind);
    let needs: [(&str, &[&str]); 5] = [
        ("uts", &["/hostname", "/domainname", "/linux/sysctl/kernel.domainname"]),
        ("ipc", &["/linux/sysctl/kernel.shmmax"]),
        (
            "network",
            &[
                "/linux/netDevices",
                "/linux/sysctl/net.core.somaxconn",
                "/linux/sysctl/net~1ipv4~1ip_forward",
            ],
        ),
        ("user", &["/linux/uidMappings", "/linux/gidMappings"]),
        ("time", &["/linux/timeOffsets"]),
    ];
    for (kind, pointers) in needs {
        let is_joined = of(kind).is_some_and(|namespace| namespace["path"] != json!(null));
        if of(kind).is_none() || (kind == "time" && is_joined) {
            pointers.iter().for_each(|pointer| take(&mut config, pointer));
        }
    }
    // With a tmpfs only.
    for mount in config["mounts"].as_array_mut().into_iter().flatten() {
        if mount["type"] != "tmpfs" {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|word| word != "tmpcopyup");
            }
        }
    }
    config
}

fn take(config: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(parent) = config.pointer_mut(parent).and_then(Value::as_object_mut) {
        parent.remove(&name.replace("~1", "/"));
    }
}
