//! Classic BPF as the kernel runs it for seccomp, for tests and the benchmark, which take in this file: linux/filter.h, seccomp_check_filter().

use seccompiler::sock_filter;

/// struct seccomp_data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) number: u32,
    pub(super) architecture: u32,
    pub(super) instruction_pointer: u64,
    pub(super) arguments: [u64; 6],
    /// The byte order of the machine.
    pub(super) big_endian: bool,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) value: u32,
    /// The instructions that were carried out.
    pub(super) steps: usize,
    /// Whether the number of the call was loaded.
    pub(super) looked_at_number: bool,
}

impl Data {
    fn word(&self, offset: u32) -> Option<u32> {
        let half = |value: u64, first: bool| {
            let high = first == self.big_endian;
            if high { (value >> 32) as u32 } else { value as u32 }
        };
        Some(match offset {
            0 => self.number,
            4 => self.architecture,
            8 | 12 => half(self.instruction_pointer, offset == 8),
            16..64 if offset % 4 == 0 => {
                half(self.arguments[(offset as usize - 16) / 8], offset % 8 == 0)
            }
            _ => return None,
        })
    }
}

/// `None` when the kernel would not take the program, or it ran off its end.
pub(super) fn run(program: &[sock_filter], data: &Data) -> Option<Outcome> {
    let (mut a, mut x) = (0u32, 0u32);
    let mut memory = [0u32; 16];
    let mut at = 0;
    let mut looked_at_number = false;
    for steps in 1..=program.len() {
        let instruction = program.get(at)?;
        let k = instruction.k;
        at += 1;
        let mut jump = |condition: bool| {
            at += usize::from(if condition { instruction.jt } else { instruction.jf });
        };
        match instruction.code {
            0x20 => {
                a = data.word(k)?;
                looked_at_number |= k == 0;
            }
            0x00 => a = k,
            0x01 => x = k,
            0x60 => a = *memory.get(k as usize)?,
            0x61 => x = *memory.get(k as usize)?,
            0x02 => *memory.get_mut(k as usize)? = a,
            0x03 => *memory.get_mut(k as usize)? = x,
            0x07 => x = a,
            0x87 => a = x,
            0x54 => a &= k,
            0x5c => a &= x,
            0x44 => a |= k,
            0x04 => a = a.wrapping_add(k),
            0x14 => a = a.wrapping_sub(k),
            0x74 => a = a.checked_shr(k).unwrap_or(0),
            0x05 => at += k as usize,
            0x15 => jump(a == k),
            0x25 => jump(a > k),
            0x35 => jump(a >= k),
            0x45 => jump(a & k != 0),
            0x1d => jump(a == x),
            0x06 => return Some(Outcome { value: k, steps, looked_at_number }),
            0x16 => return Some(Outcome { value: a, steps, looked_at_number }),
            _ => return None,
        }
    }
    None
}
