//! placeholder
mod api_stub;
pub mod spec;

pub use api_stub::*;
