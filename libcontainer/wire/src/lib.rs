//! What libcontainer and creel-init say to each other.
//!
//! The library writes the inside part of a plan as one flat buffer ([`owned::encode`]) into a sealed
//! memfd; creel-init reads it in place ([`Plan::decode`]) without allocating, and checks every length
//! before it believes it. While it works the two exchange the fixed-size messages of [`message`].
//! Both sides come from the same definitions in [`mod@step`], so they cannot drift apart.
//!
//! ```text
//! u32 magic   u32 version   u32 total length   u32 number of steps   u32 number of descriptors
//! i32 descriptor[...]       (the steps name a descriptor by its slot in this table)
//! steps: u32 tag, u32 length of the payload, payload
//! ```
//! Integers have the machine's own byte order: a plan never leaves the machine it was made on.
#![no_std]

#[cfg(feature = "owned")]
extern crate std;

mod field;
pub mod message;
mod reader;
pub mod schedule;
pub mod step;

#[cfg(feature = "owned")]
pub mod owned;

pub use field::{Slot, Texts, Words};
pub use reader::{DecodeError, Plan, Steps};
pub use step::Step;

/// The first word of every plan: "CREL".
pub const MAGIC: u32 = u32::from_le_bytes(*b"CREL");

/// Changes with every change to the layout of a step or a message.
pub const VERSION: u32 = 2;

/// The largest plan creel-init accepts, in bytes.
pub const MAX_PLAN: usize = 16 << 20;

/// The most descriptors that one plan may name.
pub const MAX_DESCRIPTORS: u32 = 4096;
