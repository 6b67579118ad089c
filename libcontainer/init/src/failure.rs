//! What went wrong inside a step: the call, its errno, and a few bytes of text.

use creel_wire::message::{At, TEXT};
use rustix::io::Errno;

/// A failed step.
pub struct Failure {
    pub at: At,
    pub errno: Errno,
    text: [u8; TEXT],
    length: usize,
}

impl Failure {
    pub fn new(at: At, errno: Errno) -> Self {
        Failure { at, errno, text: [0; TEXT], length: 0 }
    }

    pub fn with_text(mut self, text: &[u8]) -> Self {
        self.length = text.len().min(TEXT);
        self.text[..self.length].copy_from_slice(&text[..self.length]);
        self
    }

    pub fn text(&self) -> &[u8] {
        &self.text[..self.length]
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
