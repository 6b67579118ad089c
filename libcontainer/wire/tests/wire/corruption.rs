//! Plans that were damaged: whatever comes out, nothing panics and nothing outside of the buffer is read.

use crate::random::{Random, rounds};
use crate::steps::{DESCRIPTORS, one_of_each, read};
use crate::walk::walk;
use creel_wire::DecodeError;
use creel_wire::owned::{Step, encode};

/// Where the words of the header stand.
const TOTAL: usize = 8;
const STEPS: usize = 12;

fn set(plan: &mut [u8], at: usize, word: u32) {
    plan[at..at + 4].copy_from_slice(&word.to_ne_bytes());
}

/// Makes the total fit the length, so that the damage is met further in.
fn mend_total(plan: &mut [u8]) {
    let length = plan.len() as u32;
    if plan.len() >= TOTAL + 4 {
        set(plan, TOTAL, length);
    }
}

#[test]
fn a_truncated_plan_is_refused() {
    let plan = one_of_each(&mut Random::seeded());
    assert!(walk(&plan).is_ok());
    for length in 0..plan.len() {
        assert_eq!(walk(&plan[..length]), Err(DecodeError::Length), "{length} bytes");
    }
}

#[test]
fn a_truncated_plan_is_refused_though_its_total_fits() {
    let plan = one_of_each(&mut Random::seeded());
    for length in 0..plan.len() {
        let mut plan = plan[..length].to_vec();
        mend_total(&mut plan);
        assert_eq!(walk(&plan), Err(DecodeError::Length), "{length} bytes");
    }
}

/// With the number of steps put right too, cutting between two steps gives a shorter plan and no other
/// cut gives any.
#[test]
fn only_a_cut_between_steps_gives_a_plan() {
    let plan = one_of_each(&mut Random::seeded());
    let steps = read(&plan);
    let mut boundaries = 0;
    for length in 20 + 4 * DESCRIPTORS.len()..plan.len() {
        let mut plan = plan[..length].to_vec();
        mend_total(&mut plan);
        set(&mut plan, STEPS, boundaries as u32);
        if let Ok(count) = walk(&plan) {
            assert_eq!(count, boundaries);
            assert_eq!(read(&plan), steps[..count]);
            boundaries += 1;
        }
    }
    assert_eq!(boundaries, steps.len());
}

#[test]
fn no_single_byte_makes_it_panic() {
    let plan = one_of_each(&mut Random::seeded());
    let mut plans = 0;
    for at in 0..plan.len() {
        let mut damaged = plan.clone();
        for value in values(plan[at]) {
            damaged[at] = value;
            plans += usize::from(walk(&damaged).is_ok());
        }
    }
    // Most bytes are text or numbers, for which any value is as good.
    assert!(plans > plan.len(), "{plans} of the damaged plans could be read");
}

/// Every bit turned, the ends of the range, and the neighbours.
fn values(byte: u8) -> impl Iterator<Item = u8> {
    let bits = (0..8).map(move |bit| byte ^ 1 << bit);
    bits.chain([0, 0xff, byte.wrapping_add(1), byte.wrapping_sub(1)])
}

/// On a small plan no value of any byte, and no pair of neighbours at the extremes.
#[test]
fn no_value_of_any_byte_makes_it_panic() {
    let text = |value: &str| creel_wire::owned::Text::new(value).unwrap();
    let steps = [
        Step::Execute { arguments: vec![text("a"), text("")], environment: vec![text("B=c")] },
        Step::User { uid: 1, gid: 2, groups: vec![3, 4], set_groups: true },
    ];
    let plan = encode(&steps, &[9]).unwrap();
    for at in 0..plan.len() {
        let mut damaged = plan.clone();
        for value in 0..=u8::MAX {
            damaged[at] = value;
            let _ = walk(&damaged);
        }
        for word in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 3, u32::MAX] {
            let mut damaged = plan.clone();
            if at + 4 <= plan.len() {
                set(&mut damaged, at, word);
                let _ = walk(&damaged);
            }
        }
    }
}

#[test]
fn no_random_damage_makes_it_panic() {
    let mut random = Random::seeded();
    let mut read = 0;
    let count = rounds(10_000);
    for _ in 0..count {
        let mut plan = one_of_each(&mut random);
        for _ in 0..1 + random.below(4) {
            damage(&mut plan, &mut random);
        }
        if random.below(4) != 0 {
            mend_total(&mut plan);
        }
        read += usize::from(walk(&plan).is_ok());
    }
    assert!(0 < read && read < count, "{read} of {count} damaged plans could be read");
}

fn damage(plan: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(plan.len());
    match random.below(5) {
        0 => plan[at] = random.next() as u8,
        1 => plan[at] ^= 1 << random.below(8),
        2 => {
            let word = [0, 1, 4, 0x7fff_ffff, u32::MAX][random.below(5)];
            if at + 4 <= plan.len() {
                set(plan, at, word);
            }
        }
        3 => plan.insert(at, random.next() as u8),
        _ => {
            let end = (at + random.below(9)).min(plan.len() - 1);
            plan.drain(at.min(end)..end);
        }
    }
}

#[test]
fn no_noise_behind_a_header_makes_it_panic() {
    let mut random = Random::seeded();
    for _ in 0..rounds(10_000) {
        let mut plan = encode::<Step>(&[], &DESCRIPTORS[..random.below(2)]).unwrap();
        for _ in 0..1 + random.below(6) {
            // A known tag and a length that may fit, so that the noise gets as far as the fields.
            let length = random.below(40);
            plan.extend((random.below(50) as u32).to_ne_bytes());
            plan.extend((length as u32).to_ne_bytes());
            for _ in 0..length.div_ceil(4) {
                let word = random.next() as u32 & [3, 0xff, u32::MAX][random.below(3)];
                plan.extend(word.to_ne_bytes());
            }
        }
        mend_total(&mut plan);
        set(&mut plan, STEPS, random.below(7) as u32);
        let _ = walk(&plan);
    }
}
