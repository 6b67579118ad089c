//! The empty program: what the start of a static Rust program costs by itself.

fn main() {}
