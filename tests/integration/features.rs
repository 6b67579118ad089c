//! `features`: what engines read before they write a config.json.

use serde_json::{Value, json};

use crate::harness::{Bundle, needs_root, runc_deviates};

fn features() -> Value {
    let output = Bundle::new("features").cmd(&["features"]).ok().stdout();
    serde_json::from_str(&output).expect("JSON")
}

#[track_caller]
fn lists(features: &Value, pointer: &str, words: &[&str]) {
    let list = features.pointer(pointer).and_then(Value::as_array).expect(pointer);
    for word in words {
        assert!(list.contains(&json!(word)), "{pointer} has no {word}: {list:?}");
    }
}

#[test]
fn the_structure_has_what_engines_look_for() {
    let features = features();
    assert_eq!(features["ociVersionMin"], "1.0.0");
    lists(&features, "/hooks", &["prestart", "createRuntime", "startContainer", "poststop"]);
    lists(&features, "/mountOptions", &["rro", "rbind", "ro", "nosymfollow", "tmpcopyup"]);
    lists(&features, "/linux/namespaces", &["cgroup", "ipc", "mount", "network", "pid", "user"]);
    lists(&features, "/linux/capabilities", &["CAP_CHOWN", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"]);
    assert_eq!(features["linux"]["cgroup"]["v2"], true);
    assert_eq!(features["linux"]["apparmor"]["enabled"], true);
}

#[test]
fn what_is_new_in_1_3_is_there() {
    runc_deviates!("it knows runtime-spec 1.0.2");
    let features = features();
    assert_eq!(features["ociVersionMax"], "1.3.0");
    lists(&features, "/linux/namespaces", &["time"]);
    lists(&features, "/mountOptions", &["idmap", "ridmap"]);
    lists(&features, "/linux/memoryPolicy/modes", &["MPOL_BIND", "MPOL_LOCAL"]);
    lists(&features, "/linux/memoryPolicy/flags", &["MPOL_F_STATIC_NODES"]);
    assert_eq!(features["linux"]["mountExtensions"]["idmap"]["enabled"], true);
    assert_eq!(features["linux"]["netDevices"]["enabled"], true);
}

/// Engines keep it: it says what the program can do, not what this host or this caller may.
#[test]
fn it_is_the_same_on_every_host() {
    needs_root!("it mounts something on the host");
    let bundle = Bundle::new("samefeatures");
    let own = bundle.cmd(&["features"]).ok().stdout();
    let elsewhere = "mount -t tmpfs none /proc && mount -t tmpfs none /sys && exec \"$@\"";
    for wrapper in [
        &["unshare", "--mount", "sh", "-c", elsewhere, "sh"][..],
        &["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"],
        &["env", "-i"],
    ] {
        assert_eq!(bundle.wrapped(wrapper, &["features"]).ok().stdout(), own, "{wrapper:?}");
    }
}

/// Go's decoder takes null for a missing member, but others need not.
#[test]
fn nothing_is_null() {
    fn no_null(value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Object(members) => members.values().all(no_null),
            Value::Array(elements) => elements.iter().all(no_null),
            _ => true,
        }
    }
    assert!(no_null(&features()));
}
