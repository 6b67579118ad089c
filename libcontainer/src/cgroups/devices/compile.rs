//! Device rules as a BPF program for cgroup2.
//!
//! The last rule decides, so the program tests the rules from the last to the first and leaves at
//! the first that settles the question. Neighbours with the same verdict may change places, which
//! lets the tests be grouped by kind of device. A device is tested as one number, `major << 20 |
//! minor`, as the kernel's `dev_t` has it.

use super::instruction::{Assembler, If, Label, Register};
use super::{Access, Kind, Rule};
use crate::cgroups::error::Error;

/// Bits of a minor number in the kernel's `dev_t`; the major has the other 12.
const MINOR_BITS: u32 = 20;

/// `struct bpf_cgroup_dev_ctx`: access and kind in one word, then the numbers.
const CONTEXT: Register = Register::R1;
const ACCESS_AND_KIND: i16 = 0;
const MAJOR_OFFSET: i16 = 4;
const MINOR_OFFSET: i16 = 8;

const KIND: Register = Register::R0;
const DEVICE: Register = Register::R2;
const MAJOR: Register = Register::R3;
const MINOR: Register = Register::R4;
/// The accesses that are asked for and not yet allowed.
const PENDING: Register = Register::R5;

/// The program for these rules; `None` when it would allow everything.
pub(super) fn compile(rules: &[Rule]) -> Result<Option<Vec<u64>>, Error> {
    let (blocks, otherwise) = blocks(rules);
    if blocks.is_empty() && otherwise {
        return Ok(None);
    }
    let mut program = Program::new();
    program.load_context(&blocks);
    for block in &blocks {
        program.test_block(block);
    }
    let ends = if blocks.is_empty() { 1 } else { 2 };
    program
        .finish(otherwise, ends)
        .map(Some)
        .ok_or(Error::TooManyDeviceRules { count: rules.len() })
}

/// Neighbouring rules with the same verdict.
struct Block {
    allow: bool,
    tests: Vec<Test>,
}

/// What a rule asks of a device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Test {
    kind: Kind,
    access: Access,
    major: Option<u32>,
    minor: Option<u32>,
}

impl Test {
    const TOTAL: Test = Test { kind: Kind::Any, access: Access::ALL, major: None, minor: None };

    fn numbers(&self) -> (Option<u32>, Option<u32>) {
        (self.major, self.minor)
    }

    fn covers(&self, other: &Test) -> bool {
        (self.kind == Kind::Any || self.kind == other.kind)
            && (self.major.is_none() || self.major == other.major)
            && (self.minor.is_none() || self.minor == other.minor)
            && self.access.contains(other.access)
    }
}

/// The blocks that are to be tested, the last first, and the verdict when none settles it.
fn blocks(rules: &[Rule]) -> (Vec<Block>, bool) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut otherwise = false;
    for rule in rules.iter().rev() {
        if rule.is_total() {
            otherwise = rule.allow;
            break;
        }
        if !is_possible(rule) {
            continue;
        }
        let test =
            Test { kind: rule.kind, access: rule.access, major: rule.major, minor: rule.minor };
        match blocks.last_mut() {
            Some(block) if block.allow == rule.allow => block.tests.push(test),
            _ => blocks.push(Block { allow: rule.allow, tests: vec![test] }),
        }
    }
    for block in &mut blocks {
        block.simplify();
    }
    // Rules that were joined may settle everything too, and what comes after is never reached.
    if let Some(last) = blocks.iter().position(|block| block.tests.contains(&Test::TOTAL)) {
        otherwise = blocks[last].allow;
        blocks.truncate(last);
    }
    // What says the same as the end of the program need not be said before it.
    if blocks.last().is_some_and(|block| block.allow == otherwise) {
        blocks.pop();
    }
    (blocks, otherwise)
}

/// No device has a number that does not fit a `dev_t`.
fn is_possible(rule: &Rule) -> bool {
    rule.major.is_none_or(|major| major < 1 << (32 - MINOR_BITS))
        && rule.minor.is_none_or(|minor| minor < 1 << MINOR_BITS)
}

impl Block {
    /// Join what differs only in the kind of device, drop what another test covers, group by kind.
    fn simplify(&mut self) {
        // What can be joined or covered has the same numbers, or the other has none: side by side they are found
        // without comparing each with each, of which hundreds of rules would take long.
        self.tests.sort_unstable_by_key(|test| (test.numbers(), test.access, test.kind));
        let same_but_kind = |a: &Test, b: &Test| (a.numbers(), a.access) == (b.numbers(), b.access);
        for group in self.tests.chunk_by_mut(same_but_kind) {
            if group.iter().any(|test| test.kind != group[0].kind) {
                group.iter_mut().for_each(|test| test.kind = Kind::Any);
            }
        }
        self.tests.dedup();
        let all = self.tests.clone();
        let is_wide = |test: &&Test| test.major.is_none() || test.minor.is_none();
        let wide: Vec<&Test> = all.iter().filter(is_wide).collect();
        let covered = |test: &Test| {
            let first = all.partition_point(|other| other.numbers() < test.numbers());
            let alike = all[first..].iter().take_while(|other| other.numbers() == test.numbers());
            wide.iter().copied().chain(alike).any(|other| other.covers(test) && other != test)
        };
        self.tests.retain(|test| !covered(test));
        self.tests.sort_unstable();
    }
}

struct Program {
    assembler: Assembler,
    allow: Label,
    deny: Label,
}

impl Program {
    fn new() -> Program {
        let mut assembler = Assembler::default();
        let allow = assembler.new_label();
        let deny = assembler.new_label();
        Program { assembler, allow, deny }
    }

    /// Load only what some test looks at.
    fn load_context(&mut self, blocks: &[Block]) {
        let any = |needs: fn(&Test) -> bool| blocks.iter().flat_map(|b| &b.tests).any(needs);
        let pending = any(|test| test.access != Access::ALL);
        let kind = any(|test| test.kind != Kind::Any);
        let device = any(|test| test.major.is_some() && test.minor.is_some());
        let major = any(|test| test.major.is_some() && test.minor.is_none());
        let minor = any(|test| test.major.is_none() && test.minor.is_some());

        let code = &mut self.assembler;
        if kind {
            code.load(KIND, CONTEXT, ACCESS_AND_KIND);
        }
        match (pending, kind) {
            (true, true) => code.copy(PENDING, KIND),
            (true, false) => code.load(PENDING, CONTEXT, ACCESS_AND_KIND),
            (false, _) => {}
        }
        if pending {
            code.shift_right(PENDING, 16);
        }
        if kind {
            code.and(KIND, 0xffff);
        }
        if major {
            code.load(MAJOR, CONTEXT, MAJOR_OFFSET);
        }
        if minor || device {
            code.load(MINOR, CONTEXT, MINOR_OFFSET);
        }
        if device {
            match major {
                true => code.copy(DEVICE, MAJOR),
                false => code.load(DEVICE, CONTEXT, MAJOR_OFFSET),
            }
            code.shift_left(DEVICE, MINOR_BITS as i32);
            code.or(DEVICE, MINOR);
        }
    }

    fn test_block(&mut self, block: &Block) {
        for group in block.tests.chunk_by(|a, b| a.kind == b.kind) {
            let after = self.assembler.new_label();
            let kind = match group[0].kind {
                Kind::Any => None,
                Kind::Block => Some(1),
                Kind::Char => Some(2),
            };
            if let Some(kind) = kind {
                self.assembler.jump_if(If::NotEqual, KIND, kind, after);
            }
            for test in group {
                self.test(test, block.allow);
            }
            self.assembler.place(after);
        }
    }

    /// Test the device and the access; the kind is right already.
    fn test(&mut self, test: &Test, allow: bool) {
        let verdict = if allow { self.allow } else { self.deny };
        let number = match (test.major, test.minor) {
            (Some(major), Some(minor)) => Some((DEVICE, (major << MINOR_BITS) | minor)),
            (Some(major), None) => Some((MAJOR, major)),
            (None, Some(minor)) => Some((MINOR, minor)),
            (None, None) => None,
        };
        let code = &mut self.assembler;
        if test.access == Access::ALL {
            match number {
                Some((register, number)) => code.jump_if(If::Equal, register, number, verdict),
                None => code.jump(verdict),
            }
            return;
        }
        let next = code.new_label();
        if let Some((register, number)) = number {
            code.jump_if(If::NotEqual, register, number, next);
        }
        if allow {
            code.and(PENDING, !i32::from(test.access.0));
            code.jump_if(If::Equal, PENDING, 0, verdict);
        } else {
            code.jump_if(If::AnyBit, PENDING, u32::from(test.access.0), verdict);
        }
        code.place(next);
    }

    /// The verdict of the end comes first, reached by falling through. The kernel refuses a program
    /// with a second one that nothing jumps to.
    fn finish(self, otherwise: bool, count: usize) -> Option<Vec<u64>> {
        let Program { mut assembler, allow, deny } = self;
        let ends = match otherwise {
            true => [(allow, 1), (deny, 0)],
            false => [(deny, 0), (allow, 1)],
        };
        for (label, result) in ends.into_iter().take(count) {
            assembler.place(label);
            assembler.set(Register::R0, result);
            assembler.exit();
        }
        assembler.finish()
    }
}
