//! Reads everything of a buffer that may or may not be a plan, as creel-init would.

use crate::steps::look;
use creel_wire::{DecodeError, Plan, Texts, Words};
use std::ffi::CStr;

/// Decodes `buffer` and, when it is a plan, reads every field of every step. A panic fails the test that
/// called; so does a value that lies outside of the buffer, or a list that is shorter than it says.
pub(crate) fn walk(buffer: &[u8]) -> Result<usize, DecodeError> {
    let plan = Plan::decode(buffer)?;
    assert!(plan.descriptors().count() * 4 <= buffer.len());
    let mut count = 0;
    for step in plan.steps() {
        // Decoding has checked each step, so none may fail now.
        let step = step.expect("a step of a checked plan");
        look(step, &Inside(buffer));
        count += 1;
    }
    Ok(count)
}

/// Sees that values borrowed from a plan lie in its buffer.
pub(crate) struct Inside<'b>(&'b [u8]);

impl Inside<'_> {
    fn see(&self, bytes: &[u8]) {
        let (all, part) = (self.0.as_ptr_range(), bytes.as_ptr_range());
        assert!(all.start <= part.start && part.end <= all.end, "read outside of the plan");
    }
}

/// A field's value, read to its end.
pub(crate) trait Look {
    fn look(self, inside: &Inside<'_>);
}

macro_rules! number {
    ($($ty:ty)*) => {$(
        impl Look for $ty {
            fn look(self, _: &Inside<'_>) {}
        }
    )*};
}
number!(u32 u64 i32 i64 bool);

impl Look for &CStr {
    fn look(self, inside: &Inside<'_>) {
        inside.see(self.to_bytes_with_nul());
    }
}

impl Look for &[u8] {
    fn look(self, inside: &Inside<'_>) {
        inside.see(self);
    }
}

impl Look for Texts<'_> {
    fn look(self, inside: &Inside<'_>) {
        let said = self.count();
        let found = self.map(|text| text.look(inside)).count();
        assert_eq!(found, said, "a list of texts is not as long as it says");
    }
}

impl Look for Words<'_> {
    fn look(self, _: &Inside<'_>) {
        assert_eq!(self.iter().count(), self.len());
    }
}
