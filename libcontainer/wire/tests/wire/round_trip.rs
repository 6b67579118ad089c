//! What is written comes back.

use crate::random::{Random, rounds};
use crate::steps::{ALL, DESCRIPTORS, one_of_each, read};
use creel_wire::owned::{Step, Text, TooLarge, encode};
use creel_wire::{DecodeError, MAX_DESCRIPTORS, MAX_PLAN, Plan, Slot};
use std::collections::BTreeSet;

fn text(value: &str) -> Text {
    Text::new(value).unwrap()
}

#[test]
fn every_step_comes_back_alone() {
    let mut random = Random::seeded();
    for make in ALL {
        for _ in 0..rounds(50) {
            let step = make(&mut random);
            let plan = encode(std::slice::from_ref(&step), &DESCRIPTORS).unwrap();
            assert_eq!(read(&plan), [step]);
        }
    }
}

#[test]
fn plans_come_back_in_their_order() {
    let mut random = Random::seeded();
    for _ in 0..rounds(300) {
        let count = random.below(60);
        let steps: Vec<Step> =
            (0..count).map(|_| ALL[random.below(ALL.len())](&mut random)).collect();
        assert_eq!(read(&encode(&steps, &DESCRIPTORS).unwrap()), steps);
    }
}

#[test]
fn a_plan_may_be_empty() {
    let plan = encode::<Step>(&[], &[]).unwrap();
    assert_eq!(plan.len(), 20);
    let plan = Plan::decode(&plan).unwrap();
    assert_eq!((plan.steps().count(), plan.descriptors().count()), (0, 0));
}

#[test]
fn descriptors_come_back_by_slot() {
    let plan = encode::<Step>(&[], &DESCRIPTORS).unwrap();
    let plan = Plan::decode(&plan).unwrap();
    assert_eq!(plan.descriptors().collect::<Vec<_>>(), DESCRIPTORS);
}

#[test]
fn empty_and_long_values_come_back() {
    let long = "x".repeat(200_000);
    let steps = [
        Step::Execute { arguments: vec![text(""); 3], environment: Vec::new() },
        Step::Execute { arguments: vec![text(&long); 2], environment: vec![text("A=\u{fc}")] },
        Step::User { uid: 1, gid: 2, groups: (0..65_536).collect(), set_groups: true },
        Step::Sysctl { path: text(""), value: Vec::new() },
    ];
    assert_eq!(read(&encode(&steps, &[]).unwrap()), steps);
}

/// A step that was added to creel-wire but not to these tests would not be tested.
#[test]
fn every_known_tag_is_among_the_tested() {
    let plan = one_of_each(&mut Random::seeded());
    let mut tested = BTreeSet::new();
    let mut rest = &plan[20 + 4 * DESCRIPTORS.len()..];
    while !rest.is_empty() {
        let word = |at: usize| u32::from_ne_bytes(rest[at..at + 4].try_into().unwrap());
        tested.insert(word(0));
        rest = &rest[8 + word(4) as usize..];
    }
    assert_eq!(tested.len(), ALL.len());
    let known = |tag: &u32| {
        let mut plan = encode(&[Step::Ready {}], &[]).unwrap();
        plan[20..24].copy_from_slice(&tag.to_ne_bytes());
        !matches!(Plan::decode(&plan), Err(DecodeError::Tag))
    };
    assert_eq!((0..10_000).filter(known).collect::<BTreeSet<_>>(), tested);
}

#[test]
fn what_creel_init_would_refuse_is_not_written() {
    let descriptors = vec![3; MAX_DESCRIPTORS as usize];
    assert!(Plan::decode(&encode::<Step>(&[], &descriptors).unwrap()).is_ok());
    let descriptors = vec![3; MAX_DESCRIPTORS as usize + 1];
    assert_eq!(encode::<Step>(&[], &descriptors), Err(TooLarge));

    // Header, a descriptor, tag, length of the step, length of the program, flags, slot.
    let overhead = 20 + 4 + 8 + 4 + 4 + 4;
    let filter = |length| [Step::Seccomp { flags: 0, program: vec![0; length], report: Slot(0) }];
    let largest = encode(&filter(MAX_PLAN - overhead), &[3]).unwrap();
    assert_eq!(largest.len(), MAX_PLAN);
    assert!(Plan::decode(&largest).is_ok());
    assert_eq!(encode(&filter(MAX_PLAN - overhead + 1), &[3]), Err(TooLarge));
}

#[test]
fn a_text_with_a_nul_cannot_be_made() {
    assert!(Text::new("a\0b").is_err());
    assert_eq!(Text::new("ab").unwrap().as_c_str(), c"ab");
    assert_eq!(Text::new([b'a', 0xff]).unwrap().display(), "a\u{fffd}");
}
