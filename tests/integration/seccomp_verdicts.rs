//! What the kernel makes of a program against what the interpreter makes of it: the compiler's tests stand on the
//! interpreter, so it has to be right. A container makes hundreds of system calls of its own and of foreign
//! architectures with arguments around those that its profile compares with.
//!
//! No call that is let through does anything: they are those that only read an id.

use std::path::PathBuf;

use creel_conformance::{Random, SECCOMP_OPERATORS};
use creel_probe::calls::{Answer, Call, Table};
use libcontainer::seccomp::Filter;
use oci_spec::runtime::LinuxSeccomp;
use serde_json::{Value, json};

use crate::harness::{Bundle, skip, unless};
use crate::interpreter::{Data, run};

const X86_64: u32 = 0xc000_003e;
const X86: u32 = 0x4000_0003;
const X32_BIT: u32 = 0x4000_0000;

const PROFILES: u64 = 12;
const CALLS: usize = 64;

/// What no rule is about: SECCOMP_RET_ERRNO with 777.
const DEFAULT: u32 = 0x5_0000 + 777;

/// What the probe itself needs.
const NEEDED: [&str; 44] = [
    "arch_prctl",
    "brk",
    "clone",
    "clock_nanosleep",
    "clone3",
    "close",
    "execve",
    "exit",
    "exit_group",
    "fcntl",
    "fork",
    "fstat",
    "futex",
    "getpid",
    "getrandom",
    "gettid",
    "ioctl",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "newfstatat",
    "openat",
    "pipe2",
    "poll",
    "prlimit64",
    "read",
    "readlink",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "statx",
    "tgkill",
    "uname",
    "wait4",
    "write",
];

/// Calls that read an id, on x86_64 (and x32) and x86: these may be let through.
const HARMLESS: [&str; 6] = ["getuid", "getgid", "geteuid", "getegid", "getppid", "getpgrp"];
const HARMLESS_X86_64: [u32; 6] = [102, 104, 107, 108, 110, 111];
const HARMLESS_X86: [u32; 6] = [24, 47, 49, 50, 64, 65];

/// What the random profiles are about.
const NAMES: [&str; 30] = [
    "mount",
    "umount2",
    "mkdir",
    "mkdirat",
    "socket",
    "connect",
    "sendto",
    "semctl",
    "shmget",
    "personality",
    "ptrace",
    "chmod",
    "chown",
    "keyctl",
    "bpf",
    "setns",
    "unshare",
    "reboot",
    "swapon",
    "acct",
    "kexec_load",
    "syslog",
    "quotactl",
    "mq_open",
    "io_uring_setup",
    "openat2",
    "truncate",
    "rename",
    "symlink",
    "utimensat",
];

/// A number near something that matters.
fn value(random: &mut Random) -> u64 {
    const EDGES: [u64; 9] =
        [0, 1, 5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, (1 << 32) + 5, u64::MAX];
    random.one(&EDGES).wrapping_add(random.below(3) as u64).wrapping_sub(1)
}

/// What is not decided gets a number of its own, so that nothing happens by accident and the filter shows.
fn profile(random: &mut Random) -> Value {
    const ACTIONS: [(&str, Option<u32>); 9] = [
        ("SCMP_ACT_ERRNO", None),
        ("SCMP_ACT_ERRNO", Some(0)),
        ("SCMP_ACT_ERRNO", Some(1234)),
        ("SCMP_ACT_ERRNO", Some(4095)),
        ("SCMP_ACT_ERRNO", Some(60_000)),
        ("SCMP_ACT_TRAP", None),
        ("SCMP_ACT_KILL_THREAD", None),
        ("SCMP_ACT_KILL_PROCESS", None),
        ("SCMP_ACT_TRACE", Some(7)),
    ];
    let mut entries = vec![json!({"names": NEEDED[..], "action": "SCMP_ACT_ALLOW"})];
    for name in NAMES.into_iter().chain(HARMLESS) {
        for _ in 0..random.below(4) {
            let harmless = HARMLESS.contains(&name) && random.below(2) == 0;
            let (action, errno) =
                if harmless { ("SCMP_ACT_ALLOW", None) } else { random.one(&ACTIONS) };
            let args: Vec<Value> = (0..random.below(4))
                .map(|_| {
                    json!({"index": random.below(6), "value": value(random), "valueTwo": value(random),
                           "op": random.one(&SECCOMP_OPERATORS)})
                })
                .collect();
            let mut entry = json!({"names": [name], "action": action, "args": args});
            if let (Some(errno), false) = (errno, action == "SCMP_ACT_TRAP") {
                entry["errnoRet"] = json!(errno);
            }
            entries.push(entry);
        }
    }
    json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 777, "syscalls": entries,
           "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]})
}

/// Calls of all three kinds; arguments are mostly those of conditions.
fn call(random: &mut Random) -> Call {
    let (table, bit) = random.one(&[(Table::Native, 0), (Table::Native, X32_BIT), (Table::X86, 0)]);
    let number = match (random.below(3), table) {
        (0, Table::X86) => random.one(&HARMLESS_X86),
        (0, Table::Native) => random.one(&HARMLESS_X86_64),
        _ => random.below(480) as u32,
    };
    let arguments = std::array::from_fn(|_| {
        let value = value(random);
        if table == Table::X86 { value & 0xffff_ffff } else { value }
    });
    Call { table, number: number + bit, arguments }
}

/// Random calls, most of them such that a rule decides about them.
fn worth_making(random: &mut Random, verdict: &dyn Fn(&Call) -> u32) -> Vec<Call> {
    let decided = |call: &Call| verdict(call) != DEFAULT;
    let one = |_| {
        let first = call(random);
        (0..40).map(|_| call(random)).find(decided).unwrap_or(first)
    };
    (0..CALLS).map(one).collect()
}

/// As the kernel shows it to the filter.
fn data(call: &Call) -> Data {
    let architecture = if call.table == Table::X86 { X86 } else { X86_64 };
    Data { number: call.number, architecture, arguments: call.arguments, ..Data::default() }
}

/// What the kernel does after this verdict, seccomp(2); `None` where the call is let through.
fn answer(verdict: u32) -> Option<Answer> {
    const ENOSYS: i64 = 38;
    let number = verdict & 0xffff;
    Some(match verdict & 0xffff_0000 {
        0x8000_0000 => Answer::ProcessKilled,
        0x0000_0000 => Answer::ThreadKilled,
        0x0003_0000 => Answer::Trapped(number as i32),
        // MAX_ERRNO
        0x0005_0000 => Answer::Returned(-i64::from(number.min(4095))),
        // There is no tracer.
        0x7ff0_0000 => Answer::Returned(-ENOSYS),
        _ => return None,
    })
}

/// uretprobe and uprobe: the kernel makes these calls itself and lets them past every filter.
fn is_past_filters(call: &Call) -> bool {
    call.table == Table::Native && matches!(call.number, 335 | 336)
}

fn is_harmless(call: &Call) -> bool {
    match call.table {
        Table::Native => HARMLESS_X86_64.contains(&(call.number & !X32_BIT)),
        Table::X86 => HARMLESS_X86.contains(&call.number),
    }
}

/// How many verdicts of each kind were seen.
#[derive(Debug, Default)]
struct Seen {
    errors: usize,
    traps: usize,
    threads_killed: usize,
    processes_killed: usize,
    let_through: usize,
}

/// Has a container with this profile make the calls, and compares.
fn compare(value: &Value, calls: impl Fn(&dyn Fn(&Call) -> u32) -> Vec<Call>, seen: &mut Seen) {
    let given: LinuxSeccomp = serde_json::from_value(value.clone()).expect("a profile");
    let program = Filter::compile(&given).expect("a program").program;
    let verdict = |call: &Call| run(&program, &data(call)).expect("an end").value;
    let mut calls = calls(&verdict);
    calls.retain(|call| {
        !is_past_filters(call) && (answer(verdict(call)).is_some() || is_harmless(call))
    });
    let text: String = calls.iter().fold(String::new(), |text, call| text + &format!("{call}\n"));
    let bundle = Bundle::new("verdicts").file("calls", &text).config(|c| {
        c.set("/linux/seccomp", value.clone());
        c.probe(&["calls", "/calls"]);
    });
    let output = bundle.run().ok().stdout();
    let answers: Vec<Answer> =
        output.lines().map(|line| line.parse().expect("an answer")).collect();
    assert_eq!(answers.len(), calls.len());
    for (call, found) in calls.iter().zip(answers) {
        let verdict = verdict(call);
        match answer(verdict) {
            Some(expected) => assert_eq!(found, expected, "{call}: {verdict:#x}: {value}"),
            // A kernel without x32 says ENOSYS.
            None => assert!(matches!(found, Answer::Returned(-38 | 0..)), "{call}: {found}"),
        }
        match found {
            Answer::Trapped(_) => seen.traps += 1,
            Answer::ThreadKilled => seen.threads_killed += 1,
            Answer::ProcessKilled => seen.processes_killed += 1,
            _ if answer(verdict).is_none() => seen.let_through += 1,
            _ => seen.errors += 1,
        }
    }
}

#[test]
fn the_kernel_decides_as_the_interpreter() {
    unless!(cfg!(target_arch = "x86_64"), "the calls are made in three ways of x86_64");
    let mut seen = Seen::default();
    for seed in 1..=PROFILES {
        let mut random = Random::new(seed);
        let value = profile(&mut random);
        compare(&value, |verdict| worth_making(&mut Random::new(seed), verdict), &mut seen);
    }
    println!("{seen:?}");
    let least =
        [seen.errors, seen.traps, seen.threads_killed, seen.processes_killed, seen.let_through];
    assert!(least.iter().all(|count| *count > 10), "{seen:?}");
}

/// All calls that Docker's profile denies, and those that it looks at the arguments of.
#[test]
fn the_kernel_decides_as_the_interpreter_with_dockers_profile() {
    unless!(cfg!(target_arch = "x86_64"), "the calls are made in three ways of x86_64");
    let folder = std::env::var_os("CREEL_TEST_SECCOMP_PROFILES").map(PathBuf::from);
    let Some(text) = folder.and_then(|f| std::fs::read(f.join("docker.json")).ok()) else {
        skip!("needs docker.json in CREEL_TEST_SECCOMP_PROFILES (hack/seccomp-material)");
    };
    let config: Value = serde_json::from_slice(&text).expect("JSON");
    let mut value = config["linux"]["seccomp"].clone();
    // So that the filter's answer is not taken for the kernel's.
    value["defaultErrnoRet"] = json!(777);
    let mut random = Random::new(1);
    let all = [(Table::Native, 0), (Table::Native, X32_BIT), (Table::X86, 0)];
    let each = all.into_iter().flat_map(|(table, bit)| (0..480).map(move |n| (table, n + bit)));
    let calls: Vec<Call> =
        each.map(|(table, number)| Call { table, number, ..call(&mut random) }).collect();
    let mut seen = Seen::default();
    compare(&value, |_| calls.clone(), &mut seen);
    println!("{seen:?}");
    assert!(seen.errors > 200, "{seen:?}");
}
