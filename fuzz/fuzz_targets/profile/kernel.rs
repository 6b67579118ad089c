//! What the kernel demands of a program: bpf_check_classic() in net/core/filter.c, seccomp_check_filter() in
//! kernel/seccomp.c. Only the instructions that the compiler uses are known here.

use libcontainer::seccomp::MAX_INSTRUCTIONS;
use seccompiler::sock_filter;

/// sizeof(struct seccomp_data)
const DATA: u32 = 64;

pub(crate) fn check(program: &[sock_filter]) {
    assert!((1..=MAX_INSTRUCTIONS).contains(&program.len()), "{} instructions", program.len());
    for (at, instruction) in program.iter().enumerate() {
        let inside = |distance: usize| at + 1 + distance < program.len();
        let fine = match instruction.code {
            // BPF_LD | BPF_W | BPF_ABS
            0x20 => instruction.k < DATA && instruction.k % 4 == 0,
            // BPF_ALU | BPF_AND | BPF_K
            0x54 => true,
            // BPF_JMP | BPF_JA
            0x05 => inside(instruction.k as usize),
            // BPF_JMP | BPF_JEQ, BPF_JGT, BPF_JGE | BPF_K
            0x15 | 0x25 | 0x35 => inside(instruction.jt.into()) && inside(instruction.jf.into()),
            // BPF_RET | BPF_K
            0x06 => true,
            _ => false,
        };
        assert!(fine, "instruction {at} of {}: {instruction:?}", program.len());
    }
    assert_eq!(program.last().map(|last| last.code), Some(0x06), "the last one does not return");
}
