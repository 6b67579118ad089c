//! Decisions by the number of the call.

use super::rules::Decision;
use std::collections::BTreeMap;

/// How many numbers from the first one on stand side by side: all that an architecture has, but for ARM's own calls.
const DENSE: u32 = 1024;

/// What happens with which call, in the order of the numbers.
pub(super) struct Decisions {
    /// MIPS has a thousand for each of its ABIs.
    first: u32,
    dense: Vec<Option<Decision>>,
    beyond: BTreeMap<u32, Decision>,
}

impl Decisions {
    /// `some` is the number of any common call.
    pub(super) fn around(some: u32) -> Self {
        let (first, dense) = (some / 1000 * 1000, Vec::with_capacity(512));
        Decisions { first, dense, beyond: BTreeMap::new() }
    }

    /// What is known of a call; nothing yet is no rules.
    pub(super) fn of(&mut self, number: u32) -> &mut Decision {
        let none = || Decision::First(Vec::new());
        let place = number.wrapping_sub(self.first);
        if place >= DENSE {
            return self.beyond.entry(number).or_insert_with(none);
        }
        let place = place as usize;
        if place >= self.dense.len() {
            self.dense.resize_with(place + 1, || None);
        }
        self.dense[place].get_or_insert_with(none)
    }

    /// In the order of the numbers, all of which but the dense ones lie above.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Decision)> {
        let number = |place: usize| self.first + place as u32;
        let dense = self.dense.iter().enumerate();
        dense
            .filter_map(move |(place, decision)| Some((number(place), decision.as_ref()?)))
            .chain(self.beyond.iter().map(|(number, decision)| (*number, decision)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_order() {
        let mut decisions = Decisions::around(4003);
        for number in [4500, 0xf_0002, 4000, 4003, 6000] {
            *decisions.of(number) = Decision::Always(number);
        }
        *decisions.of(4003) = Decision::Always(1);
        let found: Vec<u32> = decisions.iter().map(|(number, _)| number).collect();
        assert_eq!(found, [4000, 4003, 4500, 6000, 0xf_0002]);
        assert_eq!(*decisions.of(4003), Decision::Always(1));
    }
}
