//! Arbitrary configurations that are really run: what the probe sees is compared with what was asked for.

mod compare;

use serde_json::Value;

use crate::harness::{Bundle, cgroup, needs_root, runc_deviates};
use compare::{WORDS, differences};

/// So many containers; each takes some hundredths of a second.
const COUNT: usize = 200;

/// JSON merge patch, RFC 7396.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else { return *target = patch };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let members = target.as_object_mut().expect("an object");
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// The patch on the configuration of the tests; its mounts come after theirs.
fn apply(config: &mut Value, mut patch: Value) {
    let mounts = patch.as_object_mut().and_then(|patch| patch.remove("mounts"));
    merge(config, patch);
    let mounts = mounts.and_then(|mounts| mounts.as_array().cloned()).unwrap_or_default();
    config["mounts"].as_array_mut().expect("mounts").extend(mounts);
    // Nobody else uses the probe's words.
    let words: Vec<&str> = ["/bin/probe", "report"].into_iter().chain(WORDS).collect();
    config["process"]["args"] = words.into();
    if !cgroup::has("pids") {
        config["linux"]["resources"].as_object_mut().expect("an object").remove("pids");
    }
    // Without a namespace of its own the container sees all of cgroup2, and its own limit somewhere in there.
    let namespaces = config["linux"]["namespaces"].as_array_mut().expect("namespaces");
    if cgroup::is_v2() && !namespaces.iter().any(|namespace| namespace["type"] == "cgroup") {
        namespaces.push(serde_json::json!({"type": "cgroup"}));
    }
}

#[test]
fn what_was_asked_for_is_what_the_probe_sees() {
    needs_root!("the values are those that root may ask for");
    runc_deviates!("domainname, schedulers, time namespaces and others came later");
    let patches = creel_conformance::arbitrary::runnable();
    let mut wrong = Vec::new();
    for patch in creel_conformance::arbitrary::values(patches, COUNT) {
        let bundle = Bundle::new("roundtrip").config(|c| apply(&mut c.0, patch.clone()));
        let output = bundle.run();
        if output.code() != 0 {
            wrong.push(format!("{patch}\n  did not run: {}", output.stderr()));
            continue;
        }
        let report = crate::harness::parse(&output);
        let found = differences(&bundle.config.0, &report);
        if !found.is_empty() {
            wrong.push(format!("{patch}\n  {}", found.join("\n  ")));
        }
    }
    let some = &wrong[..wrong.len().min(5)];
    assert!(wrong.is_empty(), "{} of {COUNT}, such as\n{}", wrong.len(), some.join("\n"));
}
