//! The only `unsafe` of the library: system calls that nix has no safe form of.

#![allow(unsafe_code)]

pub(crate) mod bpf;
mod clone;
mod helper;
pub(crate) mod mount;
mod path;
pub(crate) mod pidfd;
pub(crate) mod ptrace;
mod schedule;
mod terminal;
mod thread;

pub(crate) use clone::{Child, ChildError, CloneRequest, clone_and_exec};
pub(crate) use helper::{Entrance, Helper};
pub(crate) use path::canonicalize;
pub(crate) use pidfd::{
    exit_status, get_descriptor, is_of_pidfs as pidfd_is_of_pidfs, namespace_kind,
    open as pidfd_open, own_received, send_signal,
};
pub(crate) use schedule::{set_io_priority, set_scheduler};
pub(crate) use terminal::{copy_window_size, standard_input, standard_output, standard_streams};
pub(crate) use thread::{
    capabilities, close_descriptors_at_exec, default_child_signal, duplicate_from, is_inheritable,
    seal_all, seccomp_knows, set_limit,
};
