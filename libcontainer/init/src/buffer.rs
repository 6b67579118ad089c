//! A text of fixed capacity that is always NUL-terminated.

use core::ffi::CStr;
use rustix::io::Errno;

/// PATH_MAX.
pub const CAPACITY: usize = 4096;

/// Functions that would bring one into the frame of the script are not inlined: it would have room for all of them, and
/// every page of a frame is touched.
pub struct Buffer {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl core::fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.push(text.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

impl Buffer {
    pub const fn new() -> Self {
        Buffer { bytes: [0; CAPACITY], length: 0 }
    }

    /// Appends; fails with ENAMETOOLONG, or with EINVAL when there is a NUL inside.
    pub fn push(&mut self, text: &[u8]) -> Result<(), Errno> {
        if text.contains(&0) {
            return Err(Errno::INVAL);
        }
        let end = self.length + text.len();
        if end >= CAPACITY {
            return Err(Errno::NAMETOOLONG);
        }
        self.bytes[self.length..end].copy_from_slice(text);
        self.length = end;
        self.bytes[end] = 0;
        Ok(())
    }

    pub fn clear(&mut self) {
        self.length = 0;
        self.bytes[0] = 0;
    }

    /// Appends a number in octal.
    pub fn push_octal(&mut self, value: u32) -> Result<(), Errno> {
        let mut digits = [0; 11];
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b'0' + ((value >> (3 * place)) & 7) as u8;
        }
        self.push(&digits)
    }

    /// Appends a number in decimal.
    pub fn push_decimal(&mut self, value: u32) -> Result<(), Errno> {
        let (mut digits, mut first, mut left) = ([b'0'; 10], 9, value);
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit += (left % 10) as u8;
            left /= 10;
            first = place;
            if left == 0 {
                break;
            }
        }
        self.push(&digits[first..])
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub fn as_c_str(&self) -> &CStr {
        // `push` let no NUL in and put one behind.
        CStr::from_bytes_until_nul(&self.bytes[..=self.length]).unwrap_or(c"")
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}
