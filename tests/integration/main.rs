//! The integration tests: containers made by the runtime, looked at from inside and outside.
//!
//! They need root. [`harness`] says what they stand on and which variables they obey; with
//! `CREEL_TEST_RUNTIME=runc` the same tests run against Debian's runc, which tells whether a test
//! is right.

mod capabilities;
mod crash;
mod harness;
mod lifecycle;
mod list;
mod process;
mod program;
mod wrong_state;
