//! Sealed memfds: creel-init itself, the plan it reads, the state its hooks read.

use crate::sys;
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

/// creel-init, built by build.rs.
static PROGRAM: &[u8] = include_bytes!(env!("CREEL_INIT"));

/// `MFD_EXEC`, since Linux 6.3.
const MFD_EXEC: u32 = 0x10;

/// A sealed copy of creel-init: nothing in the container can reach a file of the host through
/// /proc/self/exe, nor change what the next container starts with (CVE-2019-5736).
pub(crate) fn program() -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let executable = flags | MFdFlags::from_bits_retain(MFD_EXEC);
    let memfd = match memfd_create(c"creel-init", executable) {
        // Before 6.3 the flag is unknown and every memfd can be executed.
        Err(Errno::EINVAL) => memfd_create(c"creel-init", flags),
        result => result,
    }?;
    fill(memfd, PROGRAM)
}

/// A sealed memfd with these bytes.
pub(crate) fn sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    fill(memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?, bytes)
}

fn fill(memfd: OwnedFd, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd);
    file.write_all(bytes)?;
    let memfd = OwnedFd::from(file);
    sys::seal_all(memfd.as_fd())?;
    Ok(memfd)
}
