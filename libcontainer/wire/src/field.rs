//! The kinds of value a step can hold, each with a form to read in place and a form to write.

use crate::reader::{DecodeError, Reader};
use core::ffi::CStr;

/// A kind of value: how it is read in place and, on the library's side, what it is written from.
pub trait Field {
    /// What creel-init sees, borrowed from the plan.
    type View<'a>;
    /// What the library plans with.
    #[cfg(feature = "owned")]
    type Owned;

    /// Reads one value, checking every length.
    fn decode<'a>(reader: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError>;

    /// Appends one value.
    #[cfg(feature = "owned")]
    fn encode(value: &Self::Owned, out: &mut std::vec::Vec<u8>);
}

macro_rules! integer {
    ($($ty:ty)*) => {$(
        impl Field for $ty {
            type View<'a> = $ty;
            #[cfg(feature = "owned")]
            type Owned = $ty;

            fn decode(reader: &mut Reader<'_>) -> Result<$ty, DecodeError> {
                reader.array().map(<$ty>::from_ne_bytes)
            }

            #[cfg(feature = "owned")]
            fn encode(value: &$ty, out: &mut std::vec::Vec<u8>) {
                out.extend_from_slice(&value.to_ne_bytes());
            }
        }
    )*};
}
integer!(u32 u64 i32 i64);

impl Field for bool {
    type View<'a> = bool;
    #[cfg(feature = "owned")]
    type Owned = bool;

    fn decode(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
        match reader.u32()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Bool),
        }
    }

    #[cfg(feature = "owned")]
    fn encode(value: &bool, out: &mut std::vec::Vec<u8>) {
        u32::encode(&u32::from(*value), out);
    }
}

/// A NUL-terminated text.
#[derive(Debug)]
pub enum Text {}

impl Field for Text {
    type View<'a> = &'a CStr;
    #[cfg(feature = "owned")]
    type Owned = crate::owned::Text;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<&'a CStr, DecodeError> {
        reader.text()
    }

    #[cfg(feature = "owned")]
    fn encode(value: &Self::Owned, out: &mut std::vec::Vec<u8>) {
        let bytes = value.as_c_str().to_bytes_with_nul();
        u32::encode(&(bytes.len() as u32), out);
        out.extend_from_slice(bytes);
    }
}

/// Bytes behind their length.
#[derive(Debug)]
pub enum Bytes {}

impl Field for Bytes {
    type View<'a> = &'a [u8];
    #[cfg(feature = "owned")]
    type Owned = std::vec::Vec<u8>;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        reader.bytes()
    }

    #[cfg(feature = "owned")]
    fn encode(value: &Self::Owned, out: &mut std::vec::Vec<u8>) {
        // A plan is capped far below 4 GiB; a longer value is refused when the plan is encoded.
        u32::encode(&(value.len() as u32), out);
        out.extend_from_slice(value);
    }
}

/// A list of texts: an argument vector, an environment.
#[derive(Debug)]
pub enum TextList {}

/// The texts of a list, read in place; every one was checked when the plan was decoded.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    count: u32,
    reader: Reader<'a>,
}

impl Texts<'_> {
    /// The number of texts.
    pub fn count(&self) -> usize {
        self.count as usize
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        self.count = self.count.checked_sub(1)?;
        self.reader.text().ok()
    }
}

impl Field for TextList {
    type View<'a> = Texts<'a>;
    #[cfg(feature = "owned")]
    type Owned = std::vec::Vec<crate::owned::Text>;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<Texts<'a>, DecodeError> {
        let count = reader.u32()?;
        let texts = Texts { count, reader: Reader::new(reader.bytes()?, &[]) };
        let mut check = texts.reader;
        for _ in 0..count {
            check.text()?;
        }
        if check.is_empty() { Ok(texts) } else { Err(DecodeError::Length) }
    }

    #[cfg(feature = "owned")]
    fn encode(value: &Self::Owned, out: &mut std::vec::Vec<u8>) {
        u32::encode(&(value.len() as u32), out);
        // Bytes, whose length is known when they are written.
        let head = out.len();
        u32::encode(&0, out);
        value.iter().for_each(|text| Text::encode(text, out));
        let length = (out.len() - head - 4) as u32;
        out[head..head + 4].copy_from_slice(&length.to_ne_bytes());
    }
}

/// A list of numbers of 32 bits: supplementary groups.
#[derive(Debug)]
pub enum WordList {}

/// The numbers of a list, read in place.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// The number of numbers.
    pub fn len(&self) -> usize {
        self.0.len() / 4
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers as they stand in memory, where they need not be aligned.
    pub fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }

    /// The numbers in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
    }
}

impl Field for WordList {
    type View<'a> = Words<'a>;
    #[cfg(feature = "owned")]
    type Owned = std::vec::Vec<u32>;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<Words<'a>, DecodeError> {
        let bytes = reader.bytes()?;
        if bytes.len() % 4 == 0 { Ok(Words(bytes)) } else { Err(DecodeError::Length) }
    }

    #[cfg(feature = "owned")]
    fn encode(value: &Self::Owned, out: &mut std::vec::Vec<u8>) {
        let bytes = value.iter().flat_map(|word| word.to_ne_bytes()).collect();
        Bytes::encode(&bytes, out);
    }
}

/// A descriptor, named by its slot in the plan's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "owned", derive(serde::Serialize))]
pub struct Slot(pub u32);

impl Field for Slot {
    /// The descriptor's number.
    type View<'a> = i32;
    #[cfg(feature = "owned")]
    type Owned = Slot;

    fn decode(reader: &mut Reader<'_>) -> Result<i32, DecodeError> {
        let slot = reader.u32()?;
        reader.descriptor(slot)
    }

    #[cfg(feature = "owned")]
    fn encode(value: &Slot, out: &mut std::vec::Vec<u8>) {
        u32::encode(&value.0, out);
    }
}
