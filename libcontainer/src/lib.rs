//! placeholder
mod api_stub;
mod owner;
pub mod spec;

pub use api_stub::*;
pub use owner::user_name;
