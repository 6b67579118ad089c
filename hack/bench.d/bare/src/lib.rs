//! System calls for programs without libc.
//!
//! Everything `unsafe` stands in [`sys`]; the programs themselves have none.

#![no_std]

pub mod sys;
