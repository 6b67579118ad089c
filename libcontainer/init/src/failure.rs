//! What went wrong inside a step: the call, its errno, and a few bytes of text.

use core::array;
use core::sync::atomic::{AtomicU8, Ordering};
use creel_wire::message::{At, TEXT};
use rustix::io::Errno;

/// The text of the last failure that has one: there is no allocator, every result that had room for it would be large, and
/// a failure is reported, or gives way to another one, before the next can have a text.
static LAST: [AtomicU8; TEXT] = [const { AtomicU8::new(0) }; TEXT];

/// A failed step.
pub struct Failure {
    pub at: At,
    pub errno: Errno,
    /// How many bytes of [`LAST`] belong to it.
    length: u8,
}

const _: () = assert!(TEXT <= u8::MAX as usize);

impl Failure {
    pub fn new(at: At, errno: Errno) -> Self {
        Failure { at, errno, length: 0 }
    }

    pub fn with_text(mut self, text: &[u8]) -> Self {
        let text = &text[..text.len().min(TEXT)];
        self.length = text.len() as u8;
        for (kept, byte) in LAST.iter().zip(text) {
            kept.store(*byte, Ordering::Relaxed);
        }
        self
    }

    /// The text, and how much of it counts.
    pub fn text(&self) -> ([u8; TEXT], usize) {
        (array::from_fn(|place| LAST[place].load(Ordering::Relaxed)), usize::from(self.length))
    }
}

pub type Outcome = Result<(), Failure>;

/// Says which call of a step an errno came from.
pub trait Context<T> {
    fn at(self, at: At) -> Result<T, Failure>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn at(self, at: At) -> Result<T, Failure> {
        self.map_err(|errno| Failure::new(at, errno))
    }
}
