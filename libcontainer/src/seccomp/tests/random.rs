//! Random profiles, the same ones at every run.

use crate::seccomp::architecture::multiplexed;
pub(super) use creel_conformance::Random;
use creel_conformance::SECCOMP_OPERATORS;
use oci_spec::runtime::Arch;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A number near something that matters.
pub(super) fn value(random: &mut Random) -> u64 {
    const EDGES: [u64; 10] =
        [0, 1, 16, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 3 << 32, 1 << 63, u64::MAX];
    match random.below(4) {
        0 => random.next(),
        1 => random.next() >> 32,
        _ => random.one(&EDGES).wrapping_add(random.next() % 3).wrapping_sub(1),
    }
}

const ACTIONS: [(&str, Option<u32>); 9] = [
    ("SCMP_ACT_ALLOW", None),
    ("SCMP_ACT_ALLOW", None),
    ("SCMP_ACT_ERRNO", None),
    ("SCMP_ACT_ERRNO", Some(38)),
    ("SCMP_ACT_ERRNO", Some(13)),
    ("SCMP_ACT_TRAP", None),
    ("SCMP_ACT_KILL_PROCESS", None),
    ("SCMP_ACT_LOG", None),
    ("SCMP_ACT_TRACE", Some(77)),
];

/// A profile over some of the names. Conditional entries of one name all have one action: which of several
/// libseccomp takes is a matter of its tree.
pub(super) fn profile(random: &mut Random, names: &[&str], architectures: &[Arch]) -> Value {
    let (default, number) = random.one(&ACTIONS);
    let mut profile = json!({"defaultAction": default, "architectures": architectures});
    if let Some(number) = number {
        profile["defaultErrnoRet"] = json!(number);
    }
    let mut entries = Vec::new();
    for _ in 0..random.below(12) {
        let count = 1 + random.below(60);
        let some: Vec<&str> = (0..count).map(|_| random.one(names)).collect();
        entries.push(entry(random, some, Vec::new()));
    }
    for _ in 0..random.below(8) {
        let name = random.one(names);
        let first = entry(random, vec![name], Vec::new());
        for _ in 0..1 + random.below(4) {
            let mut entry = first.clone();
            entry["args"] = Value::Array(conditions(random));
            entries.push(entry);
        }
    }
    // Conditional and plain entries of one name may come in any order.
    let turn = if entries.is_empty() { 0 } else { random.below(entries.len()) };
    entries.rotate_left(turn);
    let entries = carried_once(one_conditional_action(entries));
    profile["syscalls"] = Value::Array(entries);
    profile
}

fn entry(random: &mut Random, names: Vec<&str>, args: Vec<Value>) -> Value {
    let (action, number) = random.one(&ACTIONS);
    let mut entry = json!({"names": names, "action": action, "args": args});
    if let Some(number) = number {
        entry["errnoRet"] = json!(number);
    }
    entry
}

fn conditions(random: &mut Random) -> Vec<Value> {
    let count = 1 + random.below(3);
    (0..count)
        .map(|_| {
            json!({"index": random.below(6), "value": value(random), "valueTwo": value(random),
                   "op": random.one(&SECCOMP_OPERATORS)})
        })
        .collect()
}

/// Gives the conditional entries of a name the action of the first of them.
fn one_conditional_action(mut entries: Vec<Value>) -> Vec<Value> {
    let is_conditional = |entry: &Value| entry["args"].as_array().is_some_and(|a| !a.is_empty());
    for later in 1..entries.len() {
        let earlier = (0..later).find(|earlier| {
            is_conditional(&entries[*earlier])
                && is_conditional(&entries[later])
                && entries[*earlier]["names"] == entries[later]["names"]
        });
        if let Some(earlier) = earlier {
            let (args, model) = (entries[later]["args"].clone(), entries[earlier].clone());
            entries[later] = model;
            entries[later]["args"] = args;
        }
    }
    entries
}

/// Leaves calls that socketcall and ipc carry only in the first entry that names them: for libseccomp it is an
/// error to say two things of one.
fn carried_once(mut entries: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    for entry in &mut entries {
        let Some(names) = entry["names"].as_array_mut() else { continue };
        names.retain(|name| {
            let name = name.as_str().unwrap_or_default();
            multiplexed(name).is_none() || seen.insert(name.to_owned())
        });
    }
    entries
}
