//! Conditions on arguments.

use super::architecture::Architecture;
use super::assembler::{Assembler, If, Target};
use oci_spec::runtime::{LinuxSeccompArg, LinuxSeccompOperator};

/// The arguments' place in struct seccomp_data.
const ARGUMENTS: u32 = 16;

/// How an argument is compared, unsigned; the other operators are these with yes and no changed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Comparison {
    Equal,
    Above,
    AboveOrEqual,
}

/// One condition on one argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Condition {
    pub(super) index: u8,
    comparison: Comparison,
    negated: bool,
    mask: u64,
    value: u64,
}

impl Condition {
    /// Engines written in Go leave a `valueTwo` of 0 out.
    pub(super) fn of(argument: &LinuxSeccompArg) -> Self {
        use LinuxSeccompOperator as Op;
        let (comparison, negated) = match argument.op() {
            Op::ScmpCmpEq | Op::ScmpCmpMaskedEq => (Comparison::Equal, false),
            Op::ScmpCmpNe => (Comparison::Equal, true),
            Op::ScmpCmpGt => (Comparison::Above, false),
            Op::ScmpCmpLe => (Comparison::Above, true),
            Op::ScmpCmpGe => (Comparison::AboveOrEqual, false),
            Op::ScmpCmpLt => (Comparison::AboveOrEqual, true),
        };
        // Of a masked comparison the first value is the mask.
        let (mask, value) = match argument.op() {
            Op::ScmpCmpMaskedEq => (argument.value(), argument.value_two().unwrap_or(0)),
            _ => (u64::MAX, argument.value()),
        };
        let index = argument.index() as u8;
        Condition { index, comparison, negated, mask, value: value & mask }
    }

    /// The first argument is this: which call a multiplexed one is.
    pub(super) fn first_is(number: u32) -> Self {
        let (mask, value) = (u64::MAX, u64::from(number));
        Condition { index: 0, comparison: Comparison::Equal, negated: false, mask, value }
    }

    /// As far as it can be seen in registers of 32 bits.
    pub(super) fn narrowed(self) -> Self {
        let low = u64::from(u32::MAX);
        Condition { mask: self.mask & low, value: self.value & low, ..self }
    }

    /// Code that goes to `yes` when the condition holds, and to `no` otherwise.
    pub(super) fn emit(
        &self,
        program: &mut Assembler,
        architecture: &Architecture,
        yes: Target,
        no: Target,
    ) -> Target {
        let (yes, no) = if self.negated { (no, yes) } else { (yes, no) };
        let offset = ARGUMENTS + 8 * u32::from(self.index);
        let (low, high) =
            if architecture.big_endian { (offset + 4, offset) } else { (offset, offset + 4) };
        let next = self.low(program, low, yes, no);
        if architecture.wide { self.high(program, high, next, yes, no) } else { next }
    }

    fn low(&self, program: &mut Assembler, offset: u32, yes: Target, no: Target) -> Target {
        let condition = match self.comparison {
            Comparison::Equal => If::Equal,
            Comparison::Above => If::Above,
            Comparison::AboveOrEqual => If::AboveOrEqual,
        };
        let mask = self.mask as u32;
        if mask == 0 {
            return yes;
        }
        let next = program.branch(condition, self.value as u32, yes, no);
        masked(program, offset, mask, next)
    }

    /// The upper half decides, unless it is equal: then `low` does.
    fn high(
        &self,
        program: &mut Assembler,
        offset: u32,
        low: Target,
        yes: Target,
        no: Target,
    ) -> Target {
        let mask = (self.mask >> 32) as u32;
        let value = (self.value >> 32) as u32;
        if mask == 0 {
            return low;
        }
        let next = match self.comparison {
            Comparison::Equal => program.branch(If::Equal, value, low, no),
            // Nothing is below 0.
            _ if value == 0 => program.branch(If::Equal, 0, low, yes),
            _ => {
                let not_above = program.branch(If::Equal, value, low, no);
                program.branch(If::Above, value, yes, not_above)
            }
        };
        masked(program, offset, mask, next)
    }
}

fn masked(program: &mut Assembler, offset: u32, mask: u32, next: Target) -> Target {
    let next = if mask == u32::MAX { next } else { program.and(mask, next) };
    program.load(offset, next)
}
