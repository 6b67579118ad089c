//! The creel command line.
fn main() {}
