//! Sealed memfds: creel-init itself, the plan it reads, the state its hooks read.

use crate::sys;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

/// creel-init, built by build.rs.
static PROGRAM: &[u8] = include_bytes!(env!("CREEL_INIT"));

/// What its memfd is called; so a process that still is creel-init can be told from one that has gone on.
const NAME: &CStr = c"creel-init";

/// `MFD_EXEC`, since Linux 6.3.
const MFD_EXEC: u32 = 0x10;

/// A sealed copy of creel-init: nothing in the container can reach a file of the host through
/// /proc/self/exe, nor change what the next container starts with (CVE-2019-5736).
pub(crate) fn program() -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let executable = flags | MFdFlags::from_bits_retain(MFD_EXEC);
    let memfd = match memfd_create(NAME, executable) {
        // Before 6.3 the flag is unknown and every memfd can be executed.
        Err(Errno::EINVAL) => memfd_create(NAME, flags),
        result => result,
    }?;
    fill(memfd, PROGRAM)
}

/// Whether a process has not executed anything since creel-init (proc_pid_exe(5)). One that may not be looked
/// at counts as not having.
pub(crate) fn is_still_init(pid: i32) -> bool {
    is_init(pid).unwrap_or(true)
}

/// Whether a process is a creel-init as far as can be seen.
pub(crate) fn is_seen_as_init(pid: i32) -> bool {
    is_init(pid).unwrap_or(false)
}

fn is_init(pid: i32) -> Option<bool> {
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = [b"/memfd:", NAME.to_bytes()].concat();
    Some(program.as_os_str().as_encoded_bytes().starts_with(&name))
}

/// A sealed memfd with these bytes.
pub(crate) fn sealed(name: &CStr, bytes: &[u8]) -> io::Result<OwnedFd> {
    fill(memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?, bytes)
}

/// Memory in which a creel-init that may make no system call any more leaves an errno. It never shrinks, so that
/// touching it never fails.
pub(crate) fn report() -> io::Result<OwnedFd> {
    let memfd = memfd_create(c"creel-report", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    ftruncate(&memfd, REPORT as i64)?;
    fcntl(&memfd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW))?;
    Ok(memfd)
}

/// Memory for a number of eight bytes for each step; it never shrinks either.
pub(crate) fn times(steps: usize) -> io::Result<OwnedFd> {
    let memfd = memfd_create(c"creel-times", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    ftruncate(&memfd, (steps * size_of::<u64>()) as i64)?;
    fcntl(&memfd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW))?;
    Ok(memfd)
}

/// What is there.
pub(crate) fn noted(times: OwnedFd) -> io::Result<Vec<u64>> {
    let mut bytes = Vec::new();
    File::from(times).read_to_end(&mut bytes)?;
    let numbers = bytes.chunks_exact(size_of::<u64>());
    Ok(numbers.flat_map(|number| number.try_into().map(u64::from_ne_bytes)).collect())
}

/// What was left there; 0: nothing.
pub(crate) fn reported(report: OwnedFd) -> io::Result<i32> {
    let mut bytes = [0; REPORT];
    File::from(report).read_exact_at(&mut bytes, 0)?;
    Ok(i32::from_ne_bytes(bytes))
}

const REPORT: usize = size_of::<i32>();

fn fill(memfd: OwnedFd, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd);
    file.write_all(bytes)?;
    let memfd = OwnedFd::from(file);
    sys::seal_all(memfd.as_fd())?;
    Ok(memfd)
}
