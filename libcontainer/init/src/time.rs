//! A time namespace of the container's own, time_namespaces(7).

use crate::failure::{Context, Outcome};
use crate::procfs;
use crate::script::Container;
use crate::sys;
use creel_wire::message::At;
use rustix::fd::AsFd;
use rustix::fs::{self, Mode, OFlags};

const CLONE_NEWTIME: u32 = 0x80;

/// unshare(2) makes it for children only, so that offsets can be written. setns(2) then takes this process
/// in, and its vDSO with it; kernels before 6.2 would not do so at an execve.
pub fn enter_new(c: &mut Container, offsets: &[u8]) -> Outcome {
    sys::unshare(CLONE_NEWTIME).at(At::Call)?;
    let own = procfs::own_directory(c)?;
    if !offsets.is_empty() {
        procfs::write(own.as_fd(), c"timens_offsets", offsets)?;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let namespace =
        fs::openat(&own, c"ns/time_for_children", flags, Mode::empty()).at(At::OpenFile)?;
    sys::setns(namespace.as_fd(), CLONE_NEWTIME).at(At::Call)
}
