//! System calls that nix does not have: the only unsafe code of this library.
#![allow(unsafe_code)]

pub(crate) mod bpf;
pub(crate) mod pidfd;
