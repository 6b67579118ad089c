//! The library's side: steps that own what they hold, and the encoder.

pub use crate::step::OwnedStep as Step;
use crate::{MAGIC, MAX_DESCRIPTORS, MAX_PLAN, VERSION};
use std::borrow::Borrow;
use std::ffi::{CStr, CString, NulError};
use std::string::String;
use std::vec::Vec;

/// A text without a NUL inside; bytes, since paths need not be UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text(CString);

impl Text {
    /// Fails when there is a NUL inside, which no path, argument or variable can carry.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, NulError> {
        CString::new(bytes).map(Text)
    }

    /// The text with its NUL.
    pub fn as_c_str(&self) -> &CStr {
        &self.0
    }

    /// For messages: what is not UTF-8 is replaced.
    pub fn display(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

impl serde::Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_string_lossy())
    }
}

/// The plan is larger than creel-init accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Writes the plan that [`crate::Plan::decode`] reads; `descriptors` are the numbers by slot.
pub fn encode<S: Borrow<Step>>(steps: &[S], descriptors: &[i32]) -> Result<Vec<u8>, TooLarge> {
    if descriptors.len() > MAX_DESCRIPTORS as usize {
        return Err(TooLarge);
    }
    let mut out = Vec::with_capacity(8192);
    for word in [MAGIC, VERSION, 0, steps.len() as u32, descriptors.len() as u32] {
        out.extend_from_slice(&word.to_ne_bytes());
    }
    descriptors.iter().for_each(|number| out.extend_from_slice(&number.to_ne_bytes()));
    for step in steps {
        let head = out.len();
        out.extend_from_slice(&[0; 8]);
        let tag = step.borrow().encode(&mut out);
        let length = (out.len() - head - 8) as u32;
        out[head..head + 4].copy_from_slice(&tag.to_ne_bytes());
        out[head + 4..head + 8].copy_from_slice(&length.to_ne_bytes());
        if out.len() > MAX_PLAN {
            return Err(TooLarge);
        }
    }
    let total = out.len() as u32;
    out[8..12].copy_from_slice(&total.to_ne_bytes());
    Ok(out)
}
