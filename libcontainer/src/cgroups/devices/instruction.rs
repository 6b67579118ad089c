//! The few BPF instructions that a device filter needs, with jumps to labels
//! (the kernel's bpf/standardization/instruction-set).

/// A register. `R1` holds the context at the start, `R0` the result at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Register {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R3 = 3,
    R4 = 4,
    R5 = 5,
}

/// A place in the program that is known only when it is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// 32-bit conditions of a jump against an immediate value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum If {
    Equal = 0x16,
    NotEqual = 0x56,
    AnyBit = 0x46,
}

/// A program that is being put together.
#[derive(Default)]
pub(super) struct Assembler {
    words: Vec<u64>,
    jumps: Vec<(usize, Label)>,
    labels: Vec<Option<usize>>,
}

impl Assembler {
    pub(super) fn new_label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// `label` is the next instruction.
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.words.len());
    }

    /// `to = *(u32 *)(from + offset)`
    pub(super) fn load(&mut self, to: Register, from: Register, offset: i16) {
        self.push(0x61, to, from, offset, 0);
    }

    /// `to = value`
    pub(super) fn set(&mut self, to: Register, value: i32) {
        self.push(0xb4, to, Register::R0, 0, value);
    }

    /// `to = from`
    pub(super) fn copy(&mut self, to: Register, from: Register) {
        self.push(0xbc, to, from, 0, 0);
    }

    /// `to &= mask`
    pub(super) fn and(&mut self, to: Register, mask: i32) {
        self.push(0x54, to, Register::R0, 0, mask);
    }

    /// `to |= from`
    pub(super) fn or(&mut self, to: Register, from: Register) {
        self.push(0x4c, to, from, 0, 0);
    }

    /// `to <<= bits`
    pub(super) fn shift_left(&mut self, to: Register, bits: i32) {
        self.push(0x64, to, Register::R0, 0, bits);
    }

    /// `to >>= bits`
    pub(super) fn shift_right(&mut self, to: Register, bits: i32) {
        self.push(0x74, to, Register::R0, 0, bits);
    }

    pub(super) fn jump(&mut self, target: Label) {
        self.jumps.push((self.words.len(), target));
        self.push(0x05, Register::R0, Register::R0, 0, 0);
    }

    pub(super) fn jump_if(&mut self, condition: If, left: Register, right: u32, target: Label) {
        self.jumps.push((self.words.len(), target));
        self.push(condition as u8, left, Register::R0, 0, right as i32);
    }

    /// Return `R0`.
    pub(super) fn exit(&mut self) {
        self.push(0x95, Register::R0, Register::R0, 0, 0);
    }

    /// The program with its jumps filled in; `None` when one is too far for its 16 bits.
    pub(super) fn finish(mut self) -> Option<Vec<u64>> {
        for (from, label) in &self.jumps {
            let to = self.labels[label.0].unwrap_or(self.words.len());
            let distance = i16::try_from(to - from - 1).ok()?;
            let mut bytes = self.words[*from].to_ne_bytes();
            bytes[2..4].copy_from_slice(&distance.to_ne_bytes());
            self.words[*from] = u64::from_ne_bytes(bytes);
        }
        Some(self.words)
    }

    fn push(&mut self, code: u8, to: Register, from: Register, offset: i16, value: i32) {
        let (to, from) = (to as u8, from as u8);
        let registers =
            if cfg!(target_endian = "big") { (to << 4) | from } else { (from << 4) | to };
        let mut bytes = [code, registers, 0, 0, 0, 0, 0, 0];
        bytes[2..4].copy_from_slice(&offset.to_ne_bytes());
        bytes[4..].copy_from_slice(&value.to_ne_bytes());
        self.words.push(u64::from_ne_bytes(bytes));
    }
}
