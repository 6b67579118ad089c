//! bpf(2) for device filters: load a program, attach it to a cgroup, list and detach.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 1 << 1;

/// The first fields of `union bpf_attr` for `BPF_PROG_LOAD`; the kernel takes the rest as zero.
#[repr(C)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

/// The first fields of `union bpf_attr` for `BPF_PROG_ATTACH`.
#[repr(C)]
struct AttachAttr {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// Load a program of type `BPF_PROG_TYPE_CGROUP_DEVICE`; each word is one `struct bpf_insn` in this
/// machine's byte order ([bpf(2)](https://man7.org/linux/man-pages/man2/bpf.2.html)).
///
/// # Errors
/// What bpf(2) says: `EPERM` without the right (`CAP_BPF` or `CAP_SYS_ADMIN` in the first user
/// namespace), `EINVAL` when the verifier refuses, `ENOSYS` without bpf.
pub(crate) fn load_device_program(program: &[u64]) -> io::Result<OwnedFd> {
    match load(program) {
        // Before Linux 5.11 programs are charged to RLIMIT_MEMLOCK.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            with_unlimited_memlock(|| load(program)).unwrap_or(Err(error))
        }
        result => result,
    }
}

/// Attach a device program to the cgroup2 directory `cgroup`, beside what is there already.
///
/// # Errors
/// What bpf(2) says: `EPERM` when an ancestor's program was attached without
/// `BPF_F_ALLOW_MULTI`, `EBADF` or `EINVAL` when the directory is no cgroup2.
pub(crate) fn attach_device_program(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
) -> io::Result<()> {
    let attr = AttachAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: BPF_F_ALLOW_MULTI,
    };
    // SAFETY: `attr` is a repr(C) prefix of bpf_attr and its size is what `bpf` passes on; it holds
    // no pointers.
    unsafe { bpf(BPF_PROG_ATTACH, &attr) }.map(drop)
}

fn load(program: &[u64]) -> io::Result<OwnedFd> {
    let license = c"Apache-2.0";
    let attr = LoadAttr {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name: *b"creel_devices\0\0\0",
    };
    // SAFETY: `insns` points at `insn_cnt` instructions of 8 bytes and `license` at a terminated
    // string; both outlive the call, and the kernel only reads them.
    let fd = unsafe { bpf(BPF_PROG_LOAD, &attr) }?;
    // SAFETY: the kernel just made this descriptor (close-on-exec) and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Safety
/// `attr` must be a prefix of `union bpf_attr` as `command` reads it, with valid pointers in it.
unsafe fn bpf<T>(command: libc::c_int, attr: &T) -> io::Result<RawFd> {
    let attr: *const T = attr;
    // SAFETY: the caller vouches for what the attribute holds; its size is that of its type.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr, size_of::<T>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result as RawFd)
}

/// Run `work` with RLIMIT_MEMLOCK raised, and put the limit back; `None` if it cannot be raised.
fn with_unlimited_memlock<T>(work: impl FnOnce() -> T) -> Option<T> {
    let mut before = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let unlimited = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `before` is a valid rlimit to write to.
    if unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut before) } != 0 {
        return None;
    }
    // SAFETY: `unlimited` is a valid rlimit to read.
    if unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &unlimited) } != 0 {
        return None;
    }
    let result = work();
    // SAFETY: `before` is what getrlimit wrote. Lowering a limit cannot fail.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &before) };
    Some(result)
}
