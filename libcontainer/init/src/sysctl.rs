//! Sysctls, through a procfs that is ours alone: the container's own /proc may be covered.

use crate::failure::Outcome;
use crate::procfs;
use crate::script::Container;
use core::ffi::CStr;
use rustix::fd::AsFd;

/// Writes `value` to the file at `path`, relative to the top of procfs.
pub fn write(c: &mut Container, path: &CStr, value: &[u8]) -> Outcome {
    procfs::write(procfs::top(c)?.as_fd(), path, value)
}
