//! bpf(2) for device filters: load a program, attach it to a cgroup, list and detach.

use super::clone::raw;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_DETACH: libc::c_int = 9;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_PROG_QUERY: libc::c_int = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
const BPF_F_ALLOW_MULTI: u32 = 1 << 1;
const BPF_F_REPLACE: u32 = 1 << 2;

/// The name of every program made here.
const NAME: [u8; 16] = *b"creel_devices\0\0\0";

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

/// The same for an attach that replaces.
#[repr(C)]
struct ReplaceAttr {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: u32,
}

/// The first fields of `union bpf_attr` for `BPF_PROG_QUERY`.
#[repr(C)]
struct QueryAttr {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    padding: u32,
}

/// The first fields of `union bpf_attr` for `BPF_PROG_GET_FD_BY_ID`.
#[repr(C)]
struct ById {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// The fields of `union bpf_attr` for `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoAttr {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
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

/// A device program and the cgroup2 directory that it is for.
pub(crate) struct DeviceFilter {
    program: Vec<u64>,
    cgroup: OwnedFd,
}

impl DeviceFilter {
    /// # Errors
    /// That there is no descriptor left.
    pub(crate) fn new(program: &[u64], cgroup: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(DeviceFilter { program: program.to_vec(), cgroup: cgroup.try_clone_to_owned()? })
    }
}

/// [`load_device_program`] and [`attach_device_program`], false where one of them fails; system calls and no more. The
/// program's descriptor is noted in `open` as long as it is open.
pub(super) fn attach_device_filter(filter: &DeviceFilter, open: &AtomicI32) -> bool {
    let load = load_attr(&filter.program);
    // SAFETY: the attributes are as `load` and `attach_device_program` make them; the program's descriptor is closed here.
    unsafe {
        let program = raw_bpf(BPF_PROG_LOAD, &load);
        if program < 0 {
            return false;
        }
        open.store(program as i32, Ordering::Release);
        let attach = attach_attr(filter.cgroup.as_raw_fd(), program as RawFd);
        let attached = raw_bpf(BPF_PROG_ATTACH, &attach);
        open.store(-1, Ordering::Release);
        raw(libc::SYS_close, [program as usize, 0, 0, 0, 0]);
        attached >= 0
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
    let attr = attach_attr(cgroup.as_raw_fd(), program.as_raw_fd());
    // SAFETY: `attr` is a repr(C) prefix of bpf_attr and its size is what `bpf` passes on; it holds
    // no pointers.
    unsafe { bpf(BPF_PROG_ATTACH, &attr) }.map(drop)
}

/// The device programs attached to the cgroup2 directory itself that [`load_device_program`] made, by their name; programs
/// of others (systemd's) are left out.
///
/// # Errors
/// What bpf(2) says of `BPF_PROG_QUERY` and of the programs.
pub(crate) fn own_device_programs(cgroup: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let mut own = Vec::new();
    for id in device_program_ids(cgroup)? {
        let attr = ById { id, next_id: 0, open_flags: 0 };
        // SAFETY: `attr` is a repr(C) prefix of bpf_attr without pointers.
        let fd = match unsafe { bpf(BPF_PROG_GET_FD_BY_ID, &attr) } {
            // SAFETY: the kernel just made this descriptor (close-on-exec) and nothing else owns it.
            Ok(fd) => unsafe { OwnedFd::from_raw_fd(fd) },
            // It was detached in this moment.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => continue,
            Err(error) => return Err(error),
        };
        if program_name(fd.as_fd())? == NAME {
            own.push(fd);
        }
    }
    Ok(own)
}

/// Put one program into the place of another, in one step; false where the kernel cannot (before Linux 5.6), and then
/// the new one is attached beside the old.
///
/// # Errors
/// What bpf(2) says of `BPF_PROG_ATTACH`.
pub(crate) fn replace_device_program(
    cgroup: BorrowedFd<'_>,
    new: BorrowedFd<'_>,
    old: BorrowedFd<'_>,
) -> io::Result<bool> {
    let attr = ReplaceAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: new.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: BPF_F_ALLOW_MULTI | BPF_F_REPLACE,
        replace_bpf_fd: old.as_raw_fd() as u32,
    };
    // SAFETY: `attr` is a repr(C) prefix of bpf_attr without pointers.
    match unsafe { bpf(BPF_PROG_ATTACH, &attr) } {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::E2BIG)) => {
            attach_device_program(cgroup, new).map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// Detach a program from the cgroup2 directory.
///
/// # Errors
/// What bpf(2) says of `BPF_PROG_DETACH`.
pub(crate) fn detach_device_program(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
) -> io::Result<()> {
    let attr = AttachAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: 0,
    };
    // SAFETY: `attr` is a repr(C) prefix of bpf_attr without pointers.
    unsafe { bpf(BPF_PROG_DETACH, &attr) }.map(drop)
}

fn device_program_ids(cgroup: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    // The kernel allows no more than 64 in one cgroup.
    let mut ids = [0_u32; 64];
    let mut attr = QueryAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: ids.as_mut_ptr() as u64,
        prog_cnt: ids.len() as u32,
        padding: 0,
    };
    let pointer: *mut QueryAttr = &mut attr;
    // SAFETY: `attr` is a repr(C) prefix of bpf_attr that the kernel reads and writes; `prog_ids` points at `prog_cnt`
    // numbers that it writes at most, and both outlive the call.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, pointer, size_of::<QueryAttr>()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(ids[..(attr.prog_cnt as usize).min(ids.len())].to_vec())
}

fn program_name(program: BorrowedFd<'_>) -> io::Result<[u8; 16]> {
    // `struct bpf_prog_info` up to its field `name`, which begins at byte 64.
    let mut info = [0_u64; 10];
    let attr = InfoAttr {
        bpf_fd: program.as_raw_fd() as u32,
        info_len: size_of_val(&info) as u32,
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: the kernel writes at most `info_len` bytes to `info`, which outlives the call; the lengths and pointers inside
    // `info` that it reads are zero, so it writes nowhere else.
    unsafe { bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) }?;
    let mut name = [0; 16];
    name[..8].copy_from_slice(&info[8].to_ne_bytes());
    name[8..].copy_from_slice(&info[9].to_ne_bytes());
    Ok(name)
}

fn load_attr(program: &[u64]) -> LoadAttr {
    LoadAttr {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
        prog_name: NAME,
    }
}

fn attach_attr(cgroup: RawFd, program: RawFd) -> AttachAttr {
    AttachAttr {
        target_fd: cgroup as u32,
        attach_bpf_fd: program as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: BPF_F_ALLOW_MULTI,
    }
}

fn load(program: &[u64]) -> io::Result<OwnedFd> {
    let attr = load_attr(program);
    // The verifier gives up for a signal that is to be handled.
    let mut interrupted = 0..4;
    let fd = loop {
        // SAFETY: `insns` points at `insn_cnt` instructions of 8 bytes and `license` at a terminated
        // string; both outlive the call, and the kernel only reads them.
        match unsafe { bpf(BPF_PROG_LOAD, &attr) } {
            Err(error)
                if error.raw_os_error() == Some(libc::EAGAIN) && interrupted.next().is_some() => {}
            loaded => break loaded?,
        }
    };
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

/// [`bpf`] for a child that shares this program's memory; a negative number is an errno.
///
/// # Safety
/// As that.
unsafe fn raw_bpf<T>(command: libc::c_int, attr: &T) -> isize {
    let attr: *const T = attr;
    // SAFETY: the caller vouches for what the attribute holds; its size is that of its type.
    unsafe { raw(libc::SYS_bpf, [command as usize, attr as usize, size_of::<T>(), 0, 0]) }
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
