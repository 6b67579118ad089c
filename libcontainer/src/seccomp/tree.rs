//! Which decision a number leads to, as a search in ranges.

use super::architecture::Architecture;
use super::assembler::{Assembler, If, Target};
use super::rules::{Decision, Rule};
use std::collections::HashMap;

/// From this number on, up to the next range, this happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u32,
    pub(super) decision: Decision,
    /// The architecture whose arguments the decision looks at.
    pub(super) architecture: Architecture,
}

/// Ranges in order; neighbours that decide alike are one.
#[derive(Debug)]
pub(super) struct Ranges(Vec<Range>);

impl Ranges {
    pub(super) fn new() -> Self {
        Ranges(Vec::new())
    }

    /// `from` lies at or above all that were pushed before; at the same number the later one counts.
    pub(super) fn push(&mut self, range: Range) {
        if self.0.last().is_some_and(|last| last.from == range.from) {
            self.0.pop();
        }
        let same = |last: &Range| match (&last.decision, &range.decision) {
            (Decision::Always(one), Decision::Always(other)) => one == other,
            (one, other) => one == other && last.architecture == range.architecture,
        };
        if !self.0.last().is_some_and(same) {
            self.0.push(range);
        }
    }

    /// Code that decides over the number in the accumulator.
    pub(super) fn emit(&self, program: &mut Assembler, default: u32) -> Target {
        let mut leaves = Leaves { program, default, known: HashMap::new() };
        search(&mut leaves, &self.0)
    }
}

/// Decisions as code, each at most once.
struct Leaves<'a> {
    program: &'a mut Assembler,
    default: u32,
    known: HashMap<(Vec<Rule>, bool), Target>,
}

/// Halves the ranges until one is left; a single number between two equal decisions needs one comparison.
fn search(leaves: &mut Leaves<'_>, ranges: &[Range]) -> Target {
    match ranges {
        [] => Target::Return(leaves.default),
        [only] => leaves.leaf(only),
        [below, one, above]
            if one.from.checked_add(1) == Some(above.from) && same(below, above) =>
        {
            let around = leaves.leaf(below);
            let inside = leaves.leaf(one);
            leaves.program.branch(If::Equal, one.from, inside, around)
        }
        ranges => {
            let (lower, upper) = ranges.split_at(ranges.len() / 2);
            let above = search(leaves, upper);
            let below = search(leaves, lower);
            leaves.program.branch(If::AboveOrEqual, upper[0].from, above, below)
        }
    }
}

fn same(one: &Range, other: &Range) -> bool {
    one.decision == other.decision
}

impl Leaves<'_> {
    fn leaf(&mut self, range: &Range) -> Target {
        let rules = match &range.decision {
            Decision::Always(action) => return Target::Return(*action),
            Decision::First(rules) => rules,
        };
        let key = (rules.clone(), range.architecture.wide);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let target = self.rules(rules, &range.architecture);
        self.known.insert(key, target);
        target
    }

    /// From the last rule and its last condition to the first.
    fn rules(&mut self, rules: &[Rule], architecture: &Architecture) -> Target {
        rules.iter().rev().fold(Target::Return(self.default), |otherwise, rule| {
            let action = Target::Return(rule.action);
            rule.conditions.iter().rev().fold(action, |then, condition| {
                condition.emit(self.program, architecture, then, otherwise)
            })
        })
    }
}
