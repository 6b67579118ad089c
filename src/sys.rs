//! The only `unsafe` of the program: how it begins, and where its memory comes from.

#![allow(unsafe_code)]

mod arena;
#[cfg(not(test))]
mod begin;
