//! The differential test: for every call of every architecture, what libseccomp's program decides is what
//! ours decides, but for calls newer than the profile.

use super::oracle::{ARCHITECTURES, Oracle};
use super::random::{self, Random};
use super::{errno, model, profile};
use crate::seccomp::Filter;
use crate::seccomp::action::is_permissive;
use crate::seccomp::architecture::{Architecture, X32_BIT, nth_name};
use crate::seccomp::interpreter::{Data, run};
use crate::seccomp::tables::COUNT;
use crate::skip::skip;
use oci_spec::runtime::{Arch, LinuxSeccomp};
use seccompiler::sock_filter;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Machines and what else their programs may be made for. None is big-endian: what libseccomp writes for them on
/// this machine has some constants in one byte order and some in the other.
const FAMILIES: [&[Arch]; 6] = [
    &[Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
    &[Arch::ScmpArchX86_64, Arch::ScmpArchX86],
    &[Arch::ScmpArchAarch64, Arch::ScmpArchArm],
    &[Arch::ScmpArchPpc64le],
    &[Arch::ScmpArchMipsel64, Arch::ScmpArchMipsel, Arch::ScmpArchMipsel64n32],
    &[Arch::ScmpArchRiscv64],
];

/// How many random profiles are tried, unless CREEL_TEST_PROFILES says otherwise.
const PROFILES: usize = 150;

fn all_names() -> Vec<&'static str> {
    (0..COUNT).map(nth_name).collect()
}

pub(super) fn number_of(kind: Arch, name: &str) -> Option<u32> {
    let bit = if kind == Arch::ScmpArchX32 { X32_BIT } else { 0 };
    Architecture::of(kind, kind).number(name).map(|number| number + bit)
}

#[test]
fn the_numbers_are_those_of_libseccomp() {
    let Some(oracle) = Oracle::get() else { return };
    let names = all_names();
    let mut different = Vec::new();
    for kind in ARCHITECTURES {
        for (name, known) in names.iter().zip(oracle.numbers(kind, &names)) {
            let ours = number_of(kind, name);
            // One that it does not know may be newer than it.
            if known >= 0 && ours != Some(known as u32) && !explained(kind, name, known) {
                different.push(format!("{kind} {name}: {known}, ours {ours:?}"));
            }
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}

/// The headers are right: with 64 bits PA-RISC has no _llseek, 31-bit s390 never had memfd_secret. And the last
/// headers of 31-bit s390 are those of Linux 6.1.
fn explained(kind: Arch, name: &str, number: i32) -> bool {
    match kind {
        Arch::ScmpArchParisc64 => name == "_llseek",
        Arch::ScmpArchS390 => name == "memfd_secret" || number > 450,
        _ => false,
    }
}

/// The names that libseccomp knows as well as we do, on all of these architectures.
fn common_names(oracle: &Oracle, kinds: &[Arch]) -> Vec<&'static str> {
    // Off PowerPC libseccomp has one number for sys_debug_setcontext and switch_endian.
    let mut names = all_names();
    names.retain(|name| *name != "sys_debug_setcontext");
    for kind in kinds {
        let known = oracle.numbers(*kind, &names);
        let same = |(name, known): (&'static str, i32)| {
            let ours = number_of(*kind, name).map_or(-1, i64::from);
            (ours == i64::from(known).max(-1)).then_some(name)
        };
        names = names.iter().copied().zip(known).filter_map(same).collect();
    }
    names
}

/// Calls with arguments near those that the profile compares with.
fn calls(profile: &LinuxSeccomp, kinds: &[Arch], random: &mut Random) -> Vec<Data> {
    let mut calls = Vec::new();
    let values: Vec<u64> = profile
        .syscalls()
        .iter()
        .flatten()
        .flat_map(|entry| entry.args().iter().flatten())
        .flat_map(|a| [a.value(), a.value_two().unwrap_or(0)])
        .collect();
    for kind in kinds {
        let architecture = Architecture::of(*kind, *kind);
        let bit = if *kind == Arch::ScmpArchX32 { X32_BIT } else { 0 };
        let conditional: BTreeSet<u32> = profile
            .syscalls()
            .iter()
            .flatten()
            .filter(|entry| entry.args().as_ref().is_some_and(|args| !args.is_empty()))
            .flat_map(|entry| entry.names())
            .flat_map(|name| [name.as_str(), "socketcall", "ipc"])
            .filter_map(|name| number_of(*kind, name))
            .collect();
        let base = if architecture.number("read").is_some_and(|n| n > 4000) { 4000 } else { 0 };
        let edges = [X32_BIT - 1, X32_BIT, X32_BIT + 1, u32::MAX - 1, u32::MAX, 0xf_0005];
        let known = (0..COUNT).filter_map(|place| number_of(*kind, nth_name(place)));
        let numbers: BTreeSet<u32> =
            known.chain((0..480).map(|n| n + base + bit)).chain(edges).collect();
        for number in numbers {
            let tries = if conditional.contains(&number) { 40 } else { 1 };
            for _ in 0..tries {
                let arguments =
                    std::array::from_fn(|_| argument(random, &values, architecture.wide));
                calls.push(Data {
                    number,
                    architecture: architecture.audit,
                    instruction_pointer: random.next(),
                    arguments,
                    big_endian: architecture.big_endian,
                });
            }
        }
    }
    calls.push(Data { architecture: 0x1234, ..Data::default() });
    calls
}

fn argument(random: &mut Random, values: &[u64], wide: bool) -> u64 {
    let value = match random.below(8) {
        0 | 1 => random.value(),
        2 => random.below(24) as u64,
        _ if values.is_empty() => 0,
        3 => random.one(values).wrapping_add(1),
        4 => random.one(values).wrapping_sub(1),
        5 => random.one(values) ^ (1 << 32),
        _ => random.one(values),
    };
    // The kernel hands over what fits into a register.
    if wide { value } else { value & 0xffff_ffff }
}

/// What a comparison found.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    calls: usize,
    /// Calls that libseccomp's program decides otherwise than the profile says.
    its_mistakes: usize,
}

/// Compares the two programs, and both with the model. What a call is that is newer than the profile is worked
/// out here once more.
///
/// libseccomp 2.5.4 puts several conditional rules of one call into one tree and then compares, on some ways
/// through it, with an argument that another rule has loaded. Where the model says that it is wrong, there are
/// several such rules, and we do what the model says, that is counted and no failure.
fn compare(native: Arch, given: &LinuxSeccomp, theirs: &[sock_filter], seed: u64) -> Tally {
    let ours = Filter::compile_for(given, native).expect("a program");
    let mut kinds = vec![native];
    let listed = given.architectures().iter().flatten().copied();
    kinds.extend(listed.filter(|kind| *kind != native && *kind != Arch::ScmpArchNative));
    let mut tally = Tally::default();
    for call in &calls(given, &kinds, &mut Random::new(seed)) {
        let known = run(theirs, call).expect("libseccomp's end").value;
        let found = run(&ours.program, call).expect("our end").value;
        let model = kind_of(&kinds, call).map(|kind| model::decide(given, kind, call));
        let newer = is_newer(given, &kinds, call);
        tally.calls += 1;
        let mistaken = model.is_some_and(|model| {
            assert!(newer || !is_plain(call) || found == model.value, "not as the profile says");
            known != model.value && model.conditional_rules > 1
        });
        if mistaken && !newer {
            tally.its_mistakes += 1;
            continue;
        }
        let expected = if newer { errno(libc::ENOSYS) } else { known };
        assert_eq!(
            found,
            expected,
            "profile {seed} on {native}: {call:x?}\nlibseccomp: {known:#x}\nprofile: {}",
            serde_json::to_string(given).expect("JSON")
        );
    }
    tally
}

/// Not one of the numbers around x32's bit, which are no call of any architecture.
fn is_plain(call: &Data) -> bool {
    call.number & !X32_BIT < 0x10_0000
}

/// The architecture of a call among these.
fn kind_of(kinds: &[Arch], call: &Data) -> Option<Arch> {
    let shared = call.architecture == Arch::ScmpArchX86_64 as u32;
    let is_x32 = shared && call.number >= X32_BIT;
    kinds.iter().copied().find(|kind| {
        Architecture::of(*kind, *kind).audit == call.architecture
            && is_x32 == (*kind == Arch::ScmpArchX32)
    })
}

fn is_newer(given: &LinuxSeccomp, kinds: &[Arch], call: &Data) -> bool {
    let default = given.default_action().as_u32(given.default_errno_ret());
    if is_permissive(given.default_action()) || default == errno(libc::ENOSYS) {
        return false;
    }
    let shared = call.architecture == Arch::ScmpArchX86_64 as u32;
    let is_x32 = shared && call.number >= X32_BIT && kinds.contains(&Arch::ScmpArchX32);
    let kind = kinds.iter().copied().find(|kind| {
        Architecture::of(*kind, *kind).audit == call.architecture
            && is_x32 == (*kind == Arch::ScmpArchX32)
    });
    let Some(kind) = kind else { return false };
    let names = || given.syscalls().iter().flatten().flat_map(|entry| entry.names());
    let mut numbers: BTreeSet<u32> = names().filter_map(|name| number_of(kind, name)).collect();
    if Architecture::of(kind, kind).multiplexes {
        let carriers = names().filter_map(|name| crate::seccomp::architecture::multiplexed(name));
        numbers.extend(carriers.filter_map(|(carrier, _)| number_of(kind, carrier)));
    }
    let private = |number: &u32| kind == Arch::ScmpArchArm && *number >= 0xf_0000;
    let named = numbers.contains(&call.number);
    let last = numbers.iter().copied().filter(|number| !private(number)).max();
    let setup = matches!(kind, Arch::ScmpArchS390 | Arch::ScmpArchS390x) && call.number == 0;
    setup || last.is_some_and(|last| call.number > last && !(named && private(&call.number)))
}

#[test]
fn random_profiles_decide_alike() {
    let Some(oracle) = Oracle::get() else { return };
    let count = std::env::var("CREEL_TEST_PROFILES").ok().and_then(|text| text.parse().ok());
    let names: Vec<Vec<&str>> = FAMILIES.iter().map(|kinds| common_names(oracle, kinds)).collect();
    let profiles: Vec<(Arch, LinuxSeccomp)> = (0..count.unwrap_or(PROFILES))
        .map(|seed| {
            let family = seed % FAMILIES.len();
            let mut random = Random::new(seed as u64 + 1);
            let value = random::profile(&mut random, &names[family], FAMILIES[family]);
            (FAMILIES[family][0], profile(value))
        })
        .collect();
    let theirs = oracle.programs(&profiles);
    let mut total = Tally::default();
    for (seed, ((native, given), theirs)) in profiles.iter().zip(&theirs).enumerate() {
        let tally = compare(*native, given, theirs, seed as u64);
        total.calls += tally.calls;
        total.its_mistakes += tally.its_mistakes;
    }
    println!("{} profiles, {total:?}", profiles.len());
}

/// Podman's profile is for engines: each entry says for which architectures and capabilities it is.
fn as_an_engine(value: &Value, held: &[&str]) -> Value {
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let applies = |entry: &Value| {
        let has = |text: &String| held.contains(&text.as_str());
        let (with, without) =
            (texts(&entry["includes"]["caps"]), texts(&entry["excludes"]["caps"]));
        let arches = texts(&entry["includes"]["arches"]);
        let excluded = texts(&entry["excludes"]["arches"]);
        with.iter().all(has)
            && !without.iter().any(has)
            && (arches.is_empty() || arches.iter().any(|a| a == "amd64"))
            && !excluded.iter().any(|a| a == "amd64")
    };
    let entries = value["syscalls"].as_array().into_iter().flatten().filter(|entry| applies(entry));
    let entries: Vec<Value> = entries
        .map(|entry| {
            let mut entry = entry.clone();
            if entry["args"].is_null() {
                entry["args"] = json!([]);
            }
            if entry["action"] != "SCMP_ACT_ERRNO" {
                entry["errnoRet"] = Value::Null;
            }
            entry
        })
        .collect();
    json!({"defaultAction": value["defaultAction"], "defaultErrnoRet": value["defaultErrnoRet"],
           "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
           "syscalls": entries})
}

/// Where Debian's golang-github-containers-common puts Podman's profile.
const PODMAN: &str = "/usr/share/containers/seccomp.json";

/// Profiles as config.json has them, whatever made them: a list of files by colons.
const GIVEN: &str = "CREEL_TEST_SECCOMP_PROFILES";

#[test]
fn the_engines_profiles_decide_alike() {
    let Some(oracle) = Oracle::get() else { return };
    let mut values = Vec::new();
    let read =
        |path: &Path| -> Option<Value> { serde_json::from_slice(&std::fs::read(path).ok()?).ok() };
    if let Some(podman) = read(Path::new(PODMAN)) {
        values.push(as_an_engine(&podman, &[]));
        values.push(as_an_engine(&podman, &["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF"]));
    }
    for path in std::env::var(GIVEN).unwrap_or_default().split(':').filter(|path| !path.is_empty())
    {
        let value = read(Path::new(path)).unwrap_or_else(|| panic!("{path} is no JSON"));
        values.push(value.pointer("/linux/seccomp").cloned().unwrap_or(value));
    }
    if values.is_empty() {
        skip(&format!("needs {PODMAN} or profiles in {GIVEN}"));
        return;
    }
    let profiles: Vec<_> = values.into_iter().map(|v| (Arch::ScmpArchX86_64, profile(v))).collect();
    let theirs = oracle.programs(&profiles);
    for (index, ((native, given), theirs)) in profiles.iter().zip(&theirs).enumerate() {
        let tally = compare(*native, given, theirs, index as u64);
        assert_eq!(tally.its_mistakes, 0);
        let ours = Filter::compile_for(given, *native).expect("a program");
        println!(
            "{} calls: {} instructions, libseccomp {}",
            tally.calls,
            ours.program.len(),
            theirs.len()
        );
    }
}
