//! Two programs of one profile and the model of it, call by call.

use super::against_libseccomp::number_of;
use super::errno;
use super::model::Model;
use super::random::{Random, value};
use crate::seccomp::Filter;
use crate::seccomp::action::is_permissive;
use crate::seccomp::architecture::{Architecture, X32_BIT, multiplexed, nth_name};
use crate::seccomp::interpreter::{Data, run};
use crate::seccomp::tables::COUNT;
use oci_spec::runtime::{Arch, LinuxSeccomp};
use seccompiler::sock_filter;
use std::collections::BTreeSet;

/// How often a call is tried, each time with other arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    pub(super) plain: usize,
    /// One whose arguments the profile looks at.
    pub(super) conditional: usize,
}

/// Every number that is a call somewhere, and around those; arguments near those that the profile compares with.
pub(super) fn calls(
    profile: &LinuxSeccomp,
    kinds: &[Arch],
    tries: Tries,
    random: &mut Random,
) -> Vec<Data> {
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
            let times = if conditional.contains(&number) { tries.conditional } else { tries.plain };
            for _ in 0..times {
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
        0 | 1 => value(random),
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

/// What a comparison found. docs/seccomp.md explains each kind of difference.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) calls: usize,
    /// Calls newer than the profile: they get ENOSYS, which libseccomp by itself knows nothing of.
    pub(super) newer: usize,
    /// libseccomp's program never looked at the number of the call.
    pub(super) without_number: usize,
    /// libseccomp's program takes a wrong way through the rules with conditions that a call has several of.
    pub(super) among_several: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.calls += other.calls;
        self.newer += other.newer;
        self.without_number += other.without_number;
        self.among_several += other.among_several;
    }

    /// Calls that libseccomp's program decides otherwise than the profile says.
    pub(super) fn its_mistakes(&self) -> usize {
        self.without_number + self.among_several
    }
}

/// Compares the two programs, and both with the model. What a call is that is newer than the profile is worked
/// out here once more.
///
/// Where libseccomp's program says something else than the model, that has to be one of its two known mistakes,
/// and ours has to say what the model says.
pub(super) fn compare(
    native: Arch,
    given: &LinuxSeccomp,
    theirs: &[sock_filter],
    tries: Tries,
    seed: u64,
) -> Tally {
    let ours = Filter::compile_for(given, native).expect("a program");
    let mut kinds = vec![native];
    let listed = given.architectures().iter().flatten().copied();
    kinds.extend(listed.filter(|kind| *kind != native && *kind != Arch::ScmpArchNative));
    let models: Vec<Model> = kinds.iter().map(|kind| Model::of(given, *kind)).collect();
    let ages: Vec<Age> = kinds.iter().map(|kind| Age::of(given, *kind)).collect();
    let mut tally = Tally::default();
    for call in &calls(given, &kinds, tries, &mut Random::new(seed)) {
        let known = run(theirs, call).expect("libseccomp's end");
        let found = run(&ours.program, call).expect("our end").value;
        let kind = place_of(&kinds, call);
        let newer = age_of(&kinds, call).is_some_and(|place| ages[place].is_newer(call.number));
        let about = || {
            let profile = serde_json::to_string(given).expect("JSON");
            format!(
                "profile {seed} on {native}: {call:x?}\nlibseccomp: {known:x?}\nprofile: {profile}"
            )
        };
        tally.calls += 1;
        if newer {
            tally.newer += 1;
            assert_eq!(found, errno(libc::ENOSYS), "{}", about());
            continue;
        }
        let Some(model) = kind.filter(|_| is_plain(call)).map(|place| models[place].decide(call))
        else {
            assert_eq!(found, known.value, "{}", about());
            continue;
        };
        assert_eq!(found, model.value, "{}", about());
        if known.value == model.value {
            continue;
        }
        if !known.looked_at_number {
            tally.without_number += 1;
        } else {
            assert!(model.conditional_rules > 1, "{}", about());
            tally.among_several += 1;
        }
    }
    tally
}

/// Not one of the numbers around x32's bit, which are no call of any architecture.
fn is_plain(call: &Data) -> bool {
    call.number & !X32_BIT < 0x10_0000
}

/// The architecture of a call, as its place among these.
fn place_of(kinds: &[Arch], call: &Data) -> Option<usize> {
    let shared = call.architecture == Arch::ScmpArchX86_64 as u32;
    let is_x32 = shared && call.number >= X32_BIT;
    kinds.iter().position(|kind| {
        Architecture::of(*kind, *kind).audit == call.architecture
            && is_x32 == (*kind == Arch::ScmpArchX32)
    })
}

/// The architecture by which a call is newer or not: without x32 its numbers are high ones of x86_64.
fn age_of(kinds: &[Arch], call: &Data) -> Option<usize> {
    place_of(kinds, call).or_else(|| place_of(kinds, &Data { number: 0, ..*call }))
}

/// Which calls of an architecture are newer than a profile, worked out once more.
struct Age {
    kind: Arch,
    /// `None` where no call is.
    last: Option<u32>,
}

impl Age {
    fn of(given: &LinuxSeccomp, kind: Arch) -> Age {
        let default = given.default_action().as_u32(given.default_errno_ret());
        if is_permissive(given.default_action()) || default == errno(libc::ENOSYS) {
            return Age { kind, last: None };
        }
        let names = || given.syscalls().iter().flatten().flat_map(|entry| entry.names());
        let mut numbers: BTreeSet<u32> = names().filter_map(|name| number_of(kind, name)).collect();
        if Architecture::of(kind, kind).multiplexes {
            let carriers = names().filter_map(|name| multiplexed(name));
            numbers.extend(carriers.filter_map(|(carrier, _)| number_of(kind, carrier)));
        }
        let last = numbers.into_iter().filter(|number| !is_private(kind, *number)).max();
        Age { kind, last }
    }

    fn is_newer(&self, number: u32) -> bool {
        !is_private(self.kind, number) && self.last.is_some_and(|last| number > last)
    }
}

/// ARM's own calls, whose numbers say nothing of their age.
fn is_private(kind: Arch, number: u32) -> bool {
    kind == Arch::ScmpArchArm && number >= 0xf_0000
}
