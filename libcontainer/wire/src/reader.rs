//! The checked decoder: no length and no offset is used before it was compared with what is there.

use crate::{MAGIC, MAX_DESCRIPTORS, MAX_PLAN, Step, VERSION};
use core::ffi::CStr;

/// Why a buffer is not a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum DecodeError {
    /// It ends before a field does, or goes on after the last step.
    Length = 1,
    /// It does not begin with the magic word.
    Magic = 2,
    /// It was written by another version of the library.
    Version = 3,
    /// A text is not terminated by a NUL, or has one inside.
    Text = 4,
    /// A step has a tag that this version does not know.
    Tag = 5,
    /// A step names a descriptor that the table does not have.
    Slot = 6,
    /// A truth value is neither 0 nor 1.
    Bool = 7,
}

/// A cursor over bytes that nobody has checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    descriptors: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8], descriptors: &'a [u8]) -> Self {
        Reader { rest, descriptors }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        if len > self.rest.len() {
            return Err(DecodeError::Length);
        }
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Length)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_ne_bytes)
    }

    /// Bytes behind a length of 32 bits.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    /// A text whose length counts the NUL that ends it.
    pub(crate) fn text(&mut self) -> Result<&'a CStr, DecodeError> {
        CStr::from_bytes_with_nul(self.bytes()?).map_err(|_| DecodeError::Text)
    }

    /// The descriptor number in a slot of the plan's table.
    pub(crate) fn descriptor(&self, slot: u32) -> Result<i32, DecodeError> {
        let at = (slot as usize).checked_mul(4).ok_or(DecodeError::Slot)?;
        let bytes = self.descriptors.get(at..at.saturating_add(4)).ok_or(DecodeError::Slot)?;
        bytes.try_into().map(i32::from_ne_bytes).map_err(|_| DecodeError::Slot)
    }
}

/// A plan as creel-init reads it: borrowed from the buffer, already checked as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    body: &'a [u8],
    descriptors: &'a [u8],
    count: u32,
}

impl<'a> Plan<'a> {
    /// Checks the header and every step of `buffer`.
    pub fn decode(buffer: &'a [u8]) -> Result<Self, DecodeError> {
        if buffer.len() > MAX_PLAN {
            return Err(DecodeError::Length);
        }
        let mut reader = Reader::new(buffer, &[]);
        if reader.u32()? != MAGIC {
            return Err(DecodeError::Magic);
        }
        if reader.u32()? != VERSION {
            return Err(DecodeError::Version);
        }
        if reader.u32()? as usize != buffer.len() {
            return Err(DecodeError::Length);
        }
        let count = reader.u32()?;
        let descriptors = reader.u32()?;
        if descriptors > MAX_DESCRIPTORS {
            return Err(DecodeError::Length);
        }
        let descriptors = reader.take(descriptors as usize * 4)?;
        let plan = Plan { body: reader.rest, descriptors, count };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), DecodeError> {
        let mut seen = 0u32;
        for step in self.steps() {
            step?;
            seen = seen.checked_add(1).ok_or(DecodeError::Length)?;
        }
        if seen == self.count { Ok(()) } else { Err(DecodeError::Length) }
    }

    /// The steps in the order in which they are carried out.
    pub fn steps(&self) -> Steps<'a> {
        Steps { reader: Reader::new(self.body, self.descriptors), done: false }
    }

    /// The descriptors the plan came with, by slot.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> + 'a {
        self.descriptors.chunks_exact(4).map(|b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
    }
}

/// Iterates over the steps of a plan; ends after the first error.
#[derive(Debug, Clone)]
pub struct Steps<'a> {
    reader: Reader<'a>,
    done: bool,
}

impl<'a> Iterator for Steps<'a> {
    type Item = Result<Step<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done || self.reader.is_empty() {
            return None;
        }
        let step = next_step(&mut self.reader);
        self.done = step.is_err();
        Some(step)
    }
}

fn next_step<'a>(reader: &mut Reader<'a>) -> Result<Step<'a>, DecodeError> {
    let tag = reader.u32()?;
    let mut payload = Reader::new(reader.bytes()?, reader.descriptors);
    let step = Step::decode(tag, &mut payload)?;
    if payload.is_empty() { Ok(step) } else { Err(DecodeError::Length) }
}
