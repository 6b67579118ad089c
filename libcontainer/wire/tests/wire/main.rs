//! The format that creel-init reads is written by the library, but creel-init believes nothing: what is
//! written comes back, and anything else is refused without a panic.
//!
//! The random tests print their seed. `CREEL_WIRE_SEED` repeats a run, `CREEL_WIRE_ROUNDS` makes it longer.

mod corruption;
mod malformed;
mod messages;
mod random;
mod round_trip;
mod steps;
mod walk;
