//! What oci-spec 0.10 reads wrongly or refuses although runtime-spec 1.3 allows it, put right in
//! the plain JSON before the typed parse.
//!
//! The measure is runtime-spec's own Go types, which every engine writes with: there `null` and
//! an empty string mean the same as an absent property.

use oci_spec::runtime::{Capability, Spec};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    check::zero_pids_is_no_limit,
    json_path::member,
    strict,
    warning::{Warning, Warnings},
};

/// Sections for other systems: a mistake there is none of ours. The mappings have never existed
/// at the top level, so they count as unknown properties.
const FOREIGN: [&str; 7] =
    ["windows", "solaris", "vm", "zos", "freebsd", "uidMappings", "gidMappings"];

const CAPABILITY_SETS: [&str; 5] = ["bounding", "effective", "inheritable", "permitted", "ambient"];

/// The names oci-spec spells otherwise: (the specification's, oci-spec's).
const SCHEDULER_FLAGS: [(&str, &str); 2] = [
    ("SCHED_FLAG_RESET_ON_FORK", "SCHED_RESET_ON_FORK"),
    ("SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_D_L_OVERRUN"),
];

/// The same for what enableMonitoring has replaced.
const RDT_MONITORING: [(&str, &str); 2] = [("enableCMT", "enableCmt"), ("enableMBM", "enableMbm")];

/// Whether the typed parse cannot tell `"pids": {}` (nothing given) from a limit of 0, which may be none.
fn pids_may_be_misread(spec: &Spec) -> bool {
    let resources = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref());
    let pids = resources.and_then(|resources| resources.pids().as_ref());
    pids.is_some_and(|pids| pids.limit() == 0)
}

/// Whether there may be words of versions 1.1 and 1.2, which oci-spec spells otherwise.
fn rdt_may_be_misread(spec: &Spec) -> bool {
    spec.linux().as_ref().is_some_and(|linux| linux.intel_rdt().is_some())
}

/// Whether the typed parse of a configuration may say something else than its text.
pub(super) fn may_be_misread(spec: &Spec) -> bool {
    pids_may_be_misread(spec) || rdt_may_be_misread(spec)
}

/// Repairs a whole configuration.
pub(super) fn spec(document: &mut Value, warnings: &mut Warnings) {
    let Some(top) = document.as_object_mut() else { return };
    let version = top.get("ociVersion").and_then(Value::as_str);
    let zero_is_none = version.is_some_and(zero_pids_is_no_limit);
    for section in FOREIGN {
        top.remove(section);
    }
    strip_nulls(document);
    if let Some(given) = document.get_mut("process") {
        process(given, "process", warnings);
    }
    if let Some(given) = document.pointer_mut("/linux/intelRdt").and_then(Value::as_object_mut) {
        for (specified, spelled) in RDT_MONITORING {
            if let Some(value) = given.remove(specified) {
                given.insert(spelled.to_owned(), value);
            }
        }
    }
    if let Some(given) = document.pointer_mut("/linux/resources") {
        resources(given);
        if zero_is_none && given.pointer("/pids/limit").and_then(Value::as_i64) == Some(0) {
            given.as_object_mut().map(|given| given.remove("pids"));
        }
    }
}

/// Takes out every object member that is `null`; elements of arrays keep their index.
pub(super) fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

/// Repairs a `process` object that stands at `path`.
pub(super) fn process(document: &mut Value, path: &str, warnings: &mut Warnings) {
    let Some(process) = document.as_object_mut() else { return };
    process.entry("user").or_insert_with(|| json!({}));
    if let Some(given) = object(process, "capabilities") {
        drop_unknown_capabilities(given, &member(path, "capabilities"), warnings);
    }
    if let Some(flags) = object(process, "scheduler").and_then(|given| given.get_mut("flags")) {
        respell_scheduler_flags(flags);
    }
    if let Some(affinity) = object(process, "execCPUAffinity") {
        affinity.retain(|_, cpus| cpus != "");
    }
}

fn drop_unknown_capabilities(sets: &mut Map<String, Value>, path: &str, warnings: &mut Warnings) {
    for set in CAPABILITY_SETS {
        let Some(entries) = sets.get_mut(set).and_then(Value::as_array_mut) else { continue };
        let mut index = 0;
        entries.retain(|entry| {
            let at = format!("{path}.{set}[{index}]");
            index += 1;
            // What is no string stays for the typed parse to refuse.
            let Some(name) = entry.as_str() else { return true };
            let known = strict::is_capability(name) && Capability::deserialize(entry).is_ok();
            if !known {
                warnings.push(Warning::UnknownCapability { path: at, name: name.to_owned() });
            }
            known
        });
    }
}

fn respell_scheduler_flags(flags: &mut Value) {
    for flag in flags.as_array_mut().into_iter().flatten() {
        let other = SCHEDULER_FLAGS.iter().find(|(specified, _)| flag == specified);
        if let Some((_, spelled)) = other {
            *flag = json!(spelled);
        }
    }
}

/// Repairs a `linux.resources` object.
pub(super) fn resources(document: &mut Value) {
    let Some(resources) = document.as_object_mut() else { return };
    if resources.get("pids").and_then(Value::as_object).is_some_and(Map::is_empty) {
        resources.remove("pids");
    }
    for limit in array(resources, "hugepageLimits") {
        // uint64 in the specification, i64 in oci-spec; nothing has that much memory.
        if let Some(limit) = limit.get_mut("limit") {
            if limit.as_u64().is_some_and(|bytes| bytes > i64::MAX as u64) {
                *limit = json!(i64::MAX);
            }
        }
    }
    for rule in array(resources, "devices") {
        if let Some(rule) = rule.as_object_mut() {
            rule.retain(|name, value| !(name == "type" && value == ""));
        }
    }
}

fn object<'m>(
    parent: &'m mut Map<String, Value>,
    name: &str,
) -> Option<&'m mut Map<String, Value>> {
    parent.get_mut(name).and_then(Value::as_object_mut)
}

fn array<'m>(
    parent: &'m mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'m mut Value> {
    parent.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}
