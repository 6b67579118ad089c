//! Sysctls, through a procfs that is ours alone: the container's own /proc may be covered.

use crate::failure::Outcome;
use crate::procfs;
use crate::script::Container;
use core::ffi::CStr;
use rustix::fd::AsFd;
use rustix::io::Errno;

/// Writes `value` to the file at `path`, relative to the top of procfs. It is that of this process's namespaces, whichever
/// procfs it is written through.
pub fn write(c: &mut Container, path: &CStr, value: &[u8]) -> Outcome {
    match procfs::top(c) {
        Ok(top) => procfs::write(top.as_fd(), path, value),
        // In a user namespace only a pid namespace of its own may be shown anew, so not the host's.
        Err(refused) if refused.errno == Errno::PERM => procfs::write_in_mounted(path, value),
        Err(refused) => Err(refused),
    }
}
