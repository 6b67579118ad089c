//! docs/spec-conformance.md as data: the fields of config.json, and the tests that show what is done with each.
//!
//! What the tests of all crates share stands here: which fields there are ([`fields`]), which rows the page has
//! ([`Page`]), what random configurations are made of, and how a field is taken out of a configuration ([`take_out`]), upon
//! which the tests of its row have to fail. The program of this crate does that for every row.

pub mod arbitrary;
mod fields;
mod page;
mod random;
mod take_out;

pub use fields::fields;
pub use page::{Page, Row, Trap};
pub use random::{Random, SECCOMP_OPERATORS};
pub use take_out::{VARIABLE, is_taken_out, remove, take_out, take_out_below};
