//! Resources put over resources.

use oci_spec::runtime::LinuxResources;
use serde_json::{Value, json};

/// Where 0 says that nothing is asked for.
const ZERO_IS_NOTHING: [(&str, &[&str]); 4] = [
    ("cpu", &["shares", "quota", "period", "realtimeRuntime", "realtimePeriod"]),
    ("memory", &["limit", "reservation", "swap", "kernel", "kernelTCP"]),
    ("blockIO", &["weight", "leafWeight"]),
    ("network", &["classID"]),
];

/// The settings that are asked for.
pub(super) fn named(request: &LinuxResources) -> Value {
    // It has no maps but those with strings as keys, so it always becomes JSON.
    let mut asked = serde_json::to_value(request).unwrap_or_default();
    strip(&mut asked);
    for (section, members) in ZERO_IS_NOTHING {
        let Some(section) = asked.get_mut(section).and_then(Value::as_object_mut) else { continue };
        section.retain(|name, value| *value != 0 || !members.contains(&name.as_str()));
    }
    // Who lifts the limit of memory lifts that of memory and swap together, which cannot stay below it.
    let memory = asked.get_mut("memory").and_then(Value::as_object_mut);
    if let Some(memory) = memory.filter(|memory| memory.get("limit") == Some(&json!(-1))) {
        memory.entry("swap").or_insert(json!(-1));
    }
    asked
}

fn strip(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(strip);
    }
}

/// What the container has, with what is asked for put over it.
pub(super) fn merge(current: &LinuxResources, asked: &Value) -> LinuxResources {
    let mut all = serde_json::to_value(current).unwrap_or_default();
    put_over(&mut all, asked);
    // Both were resources, and members keep their types.
    serde_json::from_value(all).unwrap_or_default()
}

fn put_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                match below.get_mut(name) {
                    Some(there) => put_over(there, value),
                    None => drop(below.insert(name.clone(), value.clone())),
                }
            }
        }
        (below, above) => *below = above.clone(),
    }
}

/// Whether a setting (`linux.resources.memory.limit`) is asked for; a part of a list (`hugepageLimits[1].limit`) or of a
/// map (`unified["cpu.max"]`, `rdma.mlx4`) is when the whole is.
pub(super) fn names(asked: &Value, json_path: &str) -> bool {
    let path = json_path.trim_start_matches("linux.resources.");
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let Some(section) = asked.get(&path[..end]) else { return false };
    // BFQ forgets the weights of devices when that of all is written.
    if path.starts_with("blockIO.weightDevice") && section.get("weight").is_some() {
        return true;
    }
    // The kernel forgets the shares of who is idle.
    if path == "cpu.shares" && section.get("idle") == Some(&json!(0)) {
        return true;
    }
    if !matches!(&path[..end], "cpu" | "memory" | "blockIO" | "network" | "pids") {
        return true;
    }
    let member = path[end..].trim_start_matches('.');
    let member = &member[..member.find(['.', '[']).unwrap_or(member.len())];
    section.get(member).is_some()
}
