//! Classic BPF, put together from its end: a jump only goes forward, so what it goes to is known.
//!
//! A conditional jump reaches 255 instructions. What lies further is reached through an unconditional one,
//! and a return is simply repeated where it is needed.

use seccompiler::sock_filter;

const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

/// How far a jump may go so that two more instructions fit between it and its target.
const REACH: usize = 253;

/// The condition of a jump: how the accumulator compares with a constant, unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum If {
    Equal = 0x15,
    Above = 0x25,
    AboveOrEqual = 0x35,
}

/// Where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// An instruction, counted from the end of the program.
    At(usize),
    /// The end, with this value (SECCOMP_RET_*).
    Return(u32),
}

/// A program, its last instruction first.
#[derive(Default)]
pub(super) struct Assembler {
    reversed: Vec<sock_filter>,
    /// The nearest return of each value. There are few.
    returns: Vec<(u32, usize)>,
}

impl Assembler {
    fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> usize {
        self.reversed.push(sock_filter { code, jt, jf, k });
        self.reversed.len() - 1
    }

    /// `A = seccomp_data[offset]`, then `next`.
    pub(super) fn load(&mut self, offset: u32, next: Target) -> Target {
        self.adjoin(next);
        Target::At(self.push(LOAD_WORD, 0, 0, offset))
    }

    /// `A &= mask`, then `next`.
    pub(super) fn and(&mut self, mask: u32, next: Target) -> Target {
        self.adjoin(next);
        Target::At(self.push(AND, 0, 0, mask))
    }

    /// Goes to `yes` or `no`.
    pub(super) fn branch(&mut self, condition: If, k: u32, yes: Target, no: Target) -> Target {
        if yes == no {
            return yes;
        }
        let yes = self.near(yes);
        let no = self.near(no);
        let here = self.reversed.len();
        // `near` left room for both.
        let distance = |target: usize| u8::try_from(here - target - 1).unwrap_or(u8::MAX);
        Target::At(self.push(condition as u16, distance(yes), distance(no), k))
    }

    /// Makes `next` the instruction that comes next.
    fn adjoin(&mut self, next: Target) {
        match next {
            Target::At(at) if at + 1 == self.reversed.len() => {}
            Target::At(at) => {
                self.jump(at);
            }
            Target::Return(value) => {
                self.end(value);
            }
        }
    }

    /// An instruction within reach of a branch that does the same as the target.
    fn near(&mut self, target: Target) -> usize {
        let here = self.reversed.len();
        match target {
            Target::At(at) if here - at <= REACH => at,
            Target::At(at) => self.jump(at),
            Target::Return(value) => match self.returns.iter().find(|(known, _)| *known == value) {
                Some((_, at)) if here - at <= REACH => *at,
                _ => self.end(value),
            },
        }
    }

    fn jump(&mut self, at: usize) -> usize {
        let distance = self.reversed.len() - at - 1;
        self.push(JUMP, 0, 0, distance as u32)
    }

    fn end(&mut self, value: u32) -> usize {
        let at = self.push(RETURN, 0, 0, value);
        match self.returns.iter_mut().find(|(known, _)| *known == value) {
            Some(known) => known.1 = at,
            None => self.returns.push((value, at)),
        }
        at
    }

    /// The program that begins with `start`.
    pub(super) fn finish(mut self, start: Target) -> Vec<sock_filter> {
        self.adjoin(start);
        self.reversed.reverse();
        self.reversed
    }
}

#[cfg(test)]
mod tests {
    use super::super::interpreter::{Data, run};
    use super::*;

    #[test]
    fn what_is_out_of_reach_is_jumped_to() {
        let mut program = Assembler::default();
        let far = program.load(0, Target::Return(7));
        let mut next = Target::Return(1);
        for _ in 0..600 {
            next = program.load(4, next);
        }
        let start = program.branch(If::Equal, 5, far, next);
        let start = program.load(0, start);
        let program = program.finish(start);
        let verdict = |number| run(&program, &Data { number, ..Data::default() }).unwrap().value;
        assert_eq!(verdict(5), 7);
        assert_eq!(verdict(6), 1);
    }

    #[test]
    fn a_return_that_is_near_is_used_again() {
        let mut program = Assembler::default();
        let inner = program.branch(If::Equal, 1, Target::Return(1), Target::Return(2));
        let outer = program.branch(If::Above, 9, Target::Return(1), inner);
        assert_eq!(program.finish(outer).len(), 4);
    }

    #[test]
    fn a_branch_to_one_place_is_none() {
        let mut program = Assembler::default();
        let start = program.branch(If::Equal, 1, Target::Return(1), Target::Return(1));
        assert_eq!(program.finish(start).len(), 1);
    }
}
