//! The only `unsafe` of the program: how it begins, where its memory comes from, and how that is given back.

#![allow(unsafe_code)]

mod arena;
#[cfg(not(test))]
mod begin;
mod unneeded;

pub(crate) use unneeded::give_back;
