//! The only `unsafe` of creel-init: the entry, and system calls that rustix has no safe form of.

#![allow(unsafe_code)]

#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
mod arch;
mod calls;
mod memory;
mod placement;

pub use calls::*;
pub use memory::{Pointers, map_plan, map_report, map_times};
pub use placement::*;

use core::ffi::{CStr, c_char};

/// The argument vector as the kernel laid it out.
#[derive(Clone, Copy)]
pub struct Arguments(*const usize);

impl Arguments {
    /// The argument at `index` as a decimal number.
    pub fn number(self, index: usize) -> Option<i32> {
        // SAFETY: the kernel put the count here, that many pointers behind it, and NUL-terminated texts
        // at each; nothing of it is ever written to or unmapped.
        let text = unsafe {
            if index >= *self.0 {
                return None;
            }
            CStr::from_ptr(*self.0.add(1 + index) as *const c_char)
        };
        core::str::from_utf8(text.to_bytes()).ok()?.parse().ok()
    }
}

/// Where `_start` goes on.
extern "C" fn entry(stack: *const usize) -> ! {
    crate::run(Arguments(stack))
}
