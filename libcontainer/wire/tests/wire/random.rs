//! Random values from a seed, so that a failure can be repeated.

use creel_wire::Slot;
use creel_wire::owned::Text;
use std::env;

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// The seed of `CREEL_WIRE_SEED`, or always the same; printed with a failure's output.
    pub(crate) fn seeded() -> Self {
        let seed = variable("CREEL_WIRE_SEED").unwrap_or(0x0c4e_e150);
        println!("CREEL_WIRE_SEED={seed}");
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// `length` bytes, none below `least`.
    fn bytes(&mut self, length: usize, least: u8) -> Vec<u8> {
        (0..length).map(|_| (self.next() as u8).max(least)).collect()
    }
}

/// How often a random test is repeated.
pub(crate) fn rounds(usual: usize) -> usize {
    variable("CREEL_WIRE_ROUNDS").map_or(usual, |rounds| rounds as usize)
}

fn variable(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

/// A value of a field, with the extreme ones often among them.
pub(crate) trait Arbitrary {
    fn arbitrary(random: &mut Random) -> Self;
}

impl Arbitrary for i64 {
    fn arbitrary(random: &mut Random) -> i64 {
        u64::arbitrary(random) as i64
    }
}

impl Arbitrary for u64 {
    fn arbitrary(random: &mut Random) -> u64 {
        match random.below(4) {
            0 => 0,
            1 => u64::MAX,
            _ => random.next(),
        }
    }
}

impl Arbitrary for u32 {
    fn arbitrary(random: &mut Random) -> u32 {
        u64::arbitrary(random) as u32
    }
}

impl Arbitrary for bool {
    fn arbitrary(random: &mut Random) -> bool {
        random.below(2) == 1
    }
}

impl Arbitrary for Vec<u8> {
    fn arbitrary(random: &mut Random) -> Vec<u8> {
        let length = random.below(20);
        random.bytes(length, 0)
    }
}

/// Any bytes but NUL: paths need not be UTF-8.
impl Arbitrary for Text {
    fn arbitrary(random: &mut Random) -> Text {
        let length = random.below(20);
        Text::new(random.bytes(length, 1)).unwrap()
    }
}

impl Arbitrary for Vec<Text> {
    fn arbitrary(random: &mut Random) -> Vec<Text> {
        (0..random.below(4)).map(|_| Text::arbitrary(random)).collect()
    }
}

impl Arbitrary for Vec<u32> {
    fn arbitrary(random: &mut Random) -> Vec<u32> {
        (0..random.below(4)).map(|_| u32::arbitrary(random)).collect()
    }
}

impl Arbitrary for Slot {
    fn arbitrary(random: &mut Random) -> Slot {
        Slot(random.below(crate::steps::DESCRIPTORS.len()) as u32)
    }
}
