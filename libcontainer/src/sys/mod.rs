//! The only `unsafe` of the library: system calls that nix has no safe form of.

#![allow(unsafe_code)]

mod clone;
mod pidfd;
mod thread;

pub(crate) use clone::{Child, CloneRequest, clone_and_exec};
pub(crate) use pidfd::{own_received, pidfd_open, send_signal};
pub(crate) use thread::{capabilities, seal_all};
