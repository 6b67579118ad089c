//! A user's home directory in the text of passwd(5), as creel-init looks it up in a container.
//!
//! The file is the container's, so it may hold anything and be of any length: it is taken in pieces, nothing is
//! allocated, and a line that is no entry is passed over. It stands in a crate of its own to be tested as
//! an ordinary program, which creel-init is not.
#![no_std]

/// The longest directory that is taken, in bytes. A longer one counts as none.
pub const LONGEST: usize = 1024;

/// `name:password:UID:GID:GECOS:directory:shell`: where the fields that matter stand.
const UID: usize = 2;
const DIRECTORY: usize = 5;

/// The search for one user's directory.
#[derive(Debug)]
pub struct Search {
    wanted: u32,
    found: bool,
    /// Of the line being read: the field, what its number is so far, and whether it can be an answer.
    field: usize,
    uid: Number,
    usable: bool,
    directory: [u8; LONGEST],
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Empty,
    Is(u32),
    None,
}

impl Search {
    /// A search for the first entry of `uid` that names a directory.
    pub fn new(uid: u32) -> Self {
        Search {
            wanted: uid,
            found: false,
            field: 0,
            uid: Number::Empty,
            usable: true,
            directory: [0; LONGEST],
            length: 0,
        }
    }

    /// Takes the next piece of the text; `true` when no more is needed.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        for byte in piece {
            if self.found {
                break;
            }
            match byte {
                b'\n' => self.end_line(),
                byte => self.push(*byte),
            }
        }
        self.found
    }

    /// The directory, without a NUL inside and not empty, once the text has ended; its last line need not have a
    /// newline.
    pub fn end(&mut self) -> Option<&[u8]> {
        if !self.found {
            self.end_line();
        }
        self.directory.get(..self.length).filter(|_| self.found)
    }

    fn push(&mut self, byte: u8) {
        match (byte, self.field) {
            (b':', _) => self.field += 1,
            (byte, UID) => self.uid = self.uid.with(byte),
            (0, DIRECTORY) => self.usable = false,
            (byte, DIRECTORY) => match self.directory.get_mut(self.length) {
                Some(place) => {
                    *place = byte;
                    self.length += 1;
                }
                None => self.usable = false,
            },
            _ => {}
        }
    }

    /// Keeps what the line says when it is the answer, and begins a new one otherwise.
    fn end_line(&mut self) {
        let is_entry = self.field >= DIRECTORY && self.usable && self.length > 0;
        if is_entry && self.uid == Number::Is(self.wanted) {
            self.found = true;
        } else {
            (self.field, self.uid, self.usable, self.length) = (0, Number::Empty, true, 0);
        }
    }
}

impl Number {
    /// With one more digit; what is no number of 32 bits stays none.
    fn with(self, byte: u8) -> Number {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        let longer = match self {
            Number::Empty => Some(digit),
            Number::Is(value) => value.checked_mul(10).and_then(|value| value.checked_add(digit)),
            Number::None => None,
        };
        longer.filter(|_| digit <= 9).map_or(Number::None, Number::Is)
    }
}
