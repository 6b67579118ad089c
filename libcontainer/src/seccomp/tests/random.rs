//! Random profiles, the same ones at every run.

use crate::seccomp::architecture::multiplexed;
use oci_spec::runtime::Arch;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// xorshift64*.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A number near something that matters.
    pub(super) fn value(&mut self) -> u64 {
        const EDGES: [u64; 10] =
            [0, 1, 16, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 3 << 32, 1 << 63, u64::MAX];
        match self.below(4) {
            0 => self.next(),
            1 => self.next() >> 32,
            _ => self.one(&EDGES).wrapping_add(self.next() % 3).wrapping_sub(1),
        }
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

const OPERATORS: [&str; 7] = [
    "SCMP_CMP_NE",
    "SCMP_CMP_LT",
    "SCMP_CMP_LE",
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_MASKED_EQ",
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
            json!({"index": random.below(6), "value": random.value(), "valueTwo": random.value(),
                   "op": random.one(&OPERATORS)})
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
