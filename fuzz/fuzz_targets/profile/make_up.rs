//! A profile made up of bytes, each of which decides something small, so that a fuzzer can change one thing.

use crate::architecture::nth_name;
use crate::tables::COUNT;
use oci_spec::runtime::Arch;
use serde_json::{Value, json};

const ACTIONS: [&str; 9] = [
    "SCMP_ACT_ALLOW",
    "SCMP_ACT_ERRNO",
    "SCMP_ACT_KILL",
    "SCMP_ACT_KILL_PROCESS",
    "SCMP_ACT_KILL_THREAD",
    "SCMP_ACT_LOG",
    "SCMP_ACT_TRACE",
    "SCMP_ACT_TRAP",
    "SCMP_ACT_NOTIFY",
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

const FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

const ARCHITECTURES: [Arch; 24] = [
    Arch::ScmpArchNative,
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX86,
    Arch::ScmpArchX32,
    Arch::ScmpArchAarch64,
    Arch::ScmpArchArm,
    Arch::ScmpArchLoongarch64,
    Arch::ScmpArchM68k,
    Arch::ScmpArchMips,
    Arch::ScmpArchMips64,
    Arch::ScmpArchMips64n32,
    Arch::ScmpArchMipsel,
    Arch::ScmpArchMipsel64,
    Arch::ScmpArchMipsel64n32,
    Arch::ScmpArchParisc,
    Arch::ScmpArchParisc64,
    Arch::ScmpArchPpc,
    Arch::ScmpArchPpc64,
    Arch::ScmpArchPpc64le,
    Arch::ScmpArchRiscv64,
    Arch::ScmpArchS390,
    Arch::ScmpArchS390x,
    Arch::ScmpArchSh,
    Arch::ScmpArchSheb,
];

/// Where the compiler takes care: carried calls and their carriers, ARM's own, no call at all.
const SPECIAL: [&str; 16] = [
    "socketcall",
    "ipc",
    "socket",
    "connect",
    "sendmsg",
    "accept4",
    "semop",
    "shmat",
    "shmget",
    "set_tls",
    "cacheflush",
    "breakpoint",
    "read",
    "no_such_call",
    "",
    "setup",
];

const EDGES: [u64; 8] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, 1 << 63, u64::MAX];

/// Bytes, and zeros after their end.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    pub(crate) fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        match end {
            0..=256 => usize::from(self.next()) % end,
            _ => usize::from(u16::from_le_bytes([self.next(), self.next()])) % end,
        }
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A number at or beside something that matters, a small one, or any.
    pub(crate) fn value(&mut self) -> u64 {
        match self.below(4) {
            0 => u64::from_le_bytes(std::array::from_fn(|_| self.next())),
            1 => u64::from(self.next()),
            _ => self.one(&EDGES).wrapping_add(self.below(3) as u64).wrapping_sub(1),
        }
    }
}

pub(crate) fn native(bytes: &mut Bytes<'_>) -> Arch {
    match bytes.below(3) {
        0 => ARCHITECTURES[1 + bytes.below(ARCHITECTURES.len() - 1)],
        _ => Arch::ScmpArchX86_64,
    }
}

pub(crate) fn profile(bytes: &mut Bytes<'_>) -> Value {
    let mut profile = action("defaultAction", "defaultErrnoRet", bytes);
    if bytes.below(2) == 1 {
        let some: Vec<Arch> = (0..bytes.below(5)).map(|_| bytes.one(&ARCHITECTURES)).collect();
        profile["architectures"] = json!(some);
    }
    if bytes.below(4) == 1 {
        let some: Vec<&str> = (0..bytes.below(4)).map(|_| bytes.one(&FLAGS)).collect();
        profile["flags"] = json!(some);
    }
    if bytes.below(2) == 1 {
        profile["listenerPath"] = json!("/run/agent.sock");
    }
    let mut entries = Vec::new();
    for _ in 0..bytes.below(24) {
        let entry = entry(bytes);
        // The limit of instructions is out of reach for anybody who writes every rule.
        for turn in 0..if bytes.below(32) == 31 { 16 * bytes.below(64) } else { 1 } {
            let mut entry = entry.clone();
            for condition in entry["args"].as_array_mut().into_iter().flatten() {
                let value = condition["value"].as_u64().unwrap_or_default();
                condition["value"] = json!(value.wrapping_add(turn as u64));
            }
            entries.push(entry);
        }
    }
    profile["syscalls"] = Value::Array(entries);
    profile
}

fn action(name: &str, number: &str, bytes: &mut Bytes<'_>) -> Value {
    let mut made = json!({name: bytes.one(&ACTIONS)});
    match bytes.below(8) {
        0 => made[number] = json!(38),
        1 => made[number] = json!(bytes.next()),
        2 => made[number] = json!(bytes.value() as u32),
        _ => {}
    }
    made
}

fn entry(bytes: &mut Bytes<'_>) -> Value {
    let mut entry = action("action", "errnoRet", bytes);
    let names: Vec<&str> = (0..1 + bytes.below(8)).map(|_| name(bytes)).collect();
    entry["names"] = json!(names);
    if bytes.below(2) == 1 {
        let args: Vec<Value> = (0..bytes.below(4)).map(|_| condition(bytes)).collect();
        entry["args"] = Value::Array(args);
    }
    entry
}

fn name(bytes: &mut Bytes<'_>) -> &'static str {
    match bytes.below(3) {
        0 => bytes.one(&SPECIAL),
        // Few enough that entries meet.
        1 => nth_name(bytes.below(16) * 31),
        _ => nth_name(bytes.below(COUNT)),
    }
}

fn condition(bytes: &mut Bytes<'_>) -> Value {
    let index = match bytes.next() {
        255 => bytes.value() as u32 as usize,
        small => usize::from(small) % 6,
    };
    let mut condition =
        json!({"index": index, "value": bytes.value(), "op": bytes.one(&OPERATORS)});
    if bytes.below(2) == 1 {
        condition["valueTwo"] = json!(bytes.value());
    }
    condition
}
