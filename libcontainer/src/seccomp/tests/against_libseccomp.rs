//! The differential test: for every call of every architecture, what libseccomp's program decides is what
//! ours decides, but for the differences that docs/seccomp.md explains.

use super::compare::{Tally, Tries, compare};
use super::oracle::{ARCHITECTURES, Oracle};
use super::random::{self, Random};
use super::{oracle, profile};
use crate::seccomp::architecture::{Architecture, X32_BIT, multiplexed, nth_name};
use crate::seccomp::tables::COUNT;
use oci_spec::runtime::Arch;
use std::sync::Mutex;

/// Machines and what else their programs may be made for. None is big-endian: what libseccomp writes for them on
/// this machine has some constants in one byte order and some in the other.
pub(super) const FAMILIES: [&[Arch]; 6] = [
    &[Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
    &[Arch::ScmpArchX86_64, Arch::ScmpArchX86],
    &[Arch::ScmpArchAarch64, Arch::ScmpArchArm],
    &[Arch::ScmpArchPpc64le],
    &[Arch::ScmpArchMipsel64, Arch::ScmpArchMipsel, Arch::ScmpArchMipsel64n32],
    &[Arch::ScmpArchRiscv64],
];

/// How many random profiles are tried, unless CREEL_TEST_PROFILES says otherwise.
const PROFILES: usize = 2000;

fn all_names() -> Vec<&'static str> {
    (0..COUNT).map(nth_name).collect()
}

pub(super) fn number_of(kind: Arch, name: &str) -> Option<u32> {
    let bit = if kind == Arch::ScmpArchX32 { X32_BIT } else { 0 };
    Architecture::of(kind, kind).number(name).map(|number| number + bit)
}

#[test]
fn the_numbers_are_those_of_libseccomp() {
    let Some(oracle) = oracle() else { return };
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
pub(super) fn common_names(oracle: &Oracle, kinds: &[Arch]) -> Vec<&'static str> {
    // Off PowerPC libseccomp knows both by the number -10191, and which one it means there changed: 2.5 takes
    // switch_endian (363), 2.6 sys_debug_setcontext (256).
    let mut names = all_names();
    names.retain(|name| !["sys_debug_setcontext", "switch_endian"].contains(name));
    for kind in kinds {
        let known = oracle.numbers(*kind, &names);
        let carries = Architecture::of(*kind, *kind).multiplexes;
        let same = |(name, known): (&'static str, i32)| {
            let ours = number_of(*kind, name).map_or(-1, i64::from);
            // It shows a call that another one carries as a negative number, whether there is a single one or not.
            let carried = carries && known < 0 && multiplexed(name).is_some();
            (carried || ours == i64::from(known).max(-1)).then_some(name)
        };
        names = names.iter().copied().zip(known).filter_map(same).collect();
    }
    names
}

/// One random profile: the comparison, or `None` where libseccomp makes no program of it.
fn try_random(oracle: &Oracle, seed: usize, names: &[Vec<&str>]) -> Option<Tally> {
    let kinds = FAMILIES[seed % FAMILIES.len()];
    let mut random = Random::new(seed as u64 + 1);
    let given = profile(random::profile(&mut random, &names[seed % FAMILIES.len()], kinds));
    let theirs = oracle.program(kinds[0], &given)?;
    let tries = Tries { plain: 1, conditional: 40 };
    Some(compare(kinds[0], &given, &theirs, tries, seed as u64))
}

#[test]
fn random_profiles_decide_alike() {
    let Some(oracle) = oracle() else { return };
    let count = std::env::var("CREEL_TEST_PROFILES").ok().and_then(|text| text.parse().ok());
    let count = count.unwrap_or(PROFILES);
    let names: Vec<Vec<&str>> = FAMILIES.iter().map(|kinds| common_names(oracle, kinds)).collect();
    let total = Mutex::new((Tally::default(), 0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (names, total) = (&names, &total);
            let work = move || {
                for seed in (worker..count).step_by(workers) {
                    let tally = try_random(oracle, seed, names);
                    let mut total = total.lock().expect("the total");
                    match tally {
                        Some(tally) => total.0.add(tally),
                        None => total.1 += 1,
                    }
                }
            };
            let thread = std::thread::Builder::new().name(name.clone());
            thread.spawn_scoped(scope, work).expect("a thread");
        }
    });
    let (tally, without) = total.into_inner().expect("the total");
    assert!(tally.calls > 0);
    println!("{count} random profiles: {tally:?}; libseccomp made no program of {without}");
}
