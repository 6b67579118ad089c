//! System calls that rustix has no safe form of, each behind a function that takes only what keeps it safe.

use super::Pointers;
use super::arch::{number, syscall};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use creel_wire::Words;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

/// MOUNT_ATTR_RDONLY, mount_setattr(2).
pub const MOUNT_ATTR_RDONLY: u64 = 1;
/// SECCOMP_FILTER_FLAG_NEW_LISTENER, seccomp(2).
pub const NEW_LISTENER: u32 = 1 << 3;
/// MS_REC, mount(2).
pub const MS_REC: u32 = 0x4000;

const AT_EMPTY_PATH: usize = 0x1000;
const AT_RECURSIVE: usize = 0x8000;
const CLOSE_RANGE_CLOEXEC: usize = 4;
const SIGNALS: usize = 64;
const SIGKILL: usize = 9;
const SIGSTOP: usize = 19;
const SIGCHLD: usize = 17;
const CLONE_PARENT: usize = 0x8000;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Makes one system call and reads its result as the kernel means it.
///
/// # Safety
/// As [`syscall`].
pub(super) unsafe fn call(number: usize, arguments: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: the caller's promise is the same.
    let result = unsafe { syscall(number, arguments) };
    if result < 0 { Err(Errno::from_raw_os_error(-(result as i32))) } else { Ok(result as usize) }
}

/// A call whose arguments are plain numbers.
fn numbers(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
) -> Result<usize, Errno> {
    // SAFETY: used in this file only, for calls that take no pointers with these arguments.
    unsafe { call(number, [a, b, c, d, e, 0]) }
}

/// exit_group(2), or an illegal instruction where a filter forbids that.
pub fn exit(status: i32) -> ! {
    let _ = numbers(number::EXIT_GROUP, status as usize, 0, 0, 0, 0);
    super::arch::trap()
}

/// A descriptor that the plan or the kernel gave us. Should it not be open, calls with it fail with EBADF.
pub fn borrow(number: i32) -> BorrowedFd<'static> {
    // SAFETY: -1 is the one number that a BorrowedFd must not have. This program closes no descriptor that
    // it did not open itself, so a number that is open stays so.
    unsafe { BorrowedFd::borrow_raw(if number < 0 { i32::MAX } else { number }) }
}

/// close(2) of a connection that this program accepted and uses no more.
pub fn close(number: i32) {
    // SAFETY: the caller gives up its only use of a descriptor that it opened itself.
    unsafe { rustix::io::close(number) }
}

/// sendto(2) without SIGPIPE.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    rustix::io::retry_on_intr(|| rustix::net::send(socket, bytes, SendFlags::NOSIGNAL)).map(drop)
}

/// sendmsg(2) with SCM_RIGHTS.
pub fn send_descriptor(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(Errno::NOBUFS);
    }
    let bytes = [rustix::io::IoSlice::new(bytes)];
    rustix::net::sendmsg(socket, &bytes, &mut control, SendFlags::NOSIGNAL).map(drop)
}

/// close_range(2) with CLOSE_RANGE_CLOEXEC; one by one before 5.11.
pub fn close_on_exec_from(first: u32) -> Result<(), Errno> {
    let all = u32::MAX as usize;
    match numbers(number::CLOSE_RANGE, first as usize, all, CLOSE_RANGE_CLOEXEC, 0, 0) {
        Err(Errno::INVAL | Errno::NOSYS) => close_on_exec_each(first),
        result => result.map(drop),
    }
}

/// Up to the hard limit: the soft one may have been lowered after something above it was opened.
fn close_on_exec_each(first: u32) -> Result<(), Errno> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let last = limit.unwrap_or(1 << 20).min(1 << 20) as i32;
    for descriptor in (first as i32)..last {
        // Not open is fine; nothing else can go wrong.
        let _ = rustix::io::fcntl_setfd(borrow(descriptor), rustix::io::FdFlags::CLOEXEC);
    }
    Ok(())
}

/// dup3(2) onto a number of standard input, output or error.
pub fn replace(descriptor: BorrowedFd<'_>, target: i32) -> Result<(), Errno> {
    numbers(number::DUP3, descriptor.as_raw_fd() as usize, target as usize, 0, 0, 0).map(drop)
}

/// keyctl(2), KEYCTL_JOIN_SESSION_KEYRING, and search permission for the user (as runc gives it).
pub fn join_session_keyring(name: &CStr) -> Result<(), Errno> {
    const JOIN_SESSION_KEYRING: usize = 1;
    const SETPERM: usize = 5;
    const DESCRIBE: usize = 6;
    const USER_SEARCH: u32 = 0x0008_0000;
    // SAFETY: the kernel reads one NUL-terminated text.
    let key = unsafe {
        call(number::KEYCTL, [JOIN_SESSION_KEYRING, name.as_ptr() as usize, 0, 0, 0, 0])?
    };
    let mut text = [0u8; 256];
    // SAFETY: the kernel writes at most the length given to a buffer of that length.
    let length = unsafe {
        call(number::KEYCTL, [DESCRIBE, key, text.as_mut_ptr() as usize, text.len(), 0, 0])?
    };
    let described = text.get(..length.min(text.len())).unwrap_or(&[]);
    let permissions = described.split(|byte| *byte == b';').nth(3).and_then(hexadecimal);
    if let Some(permissions) = permissions {
        numbers(number::KEYCTL, SETPERM, key, (permissions | USER_SEARCH) as usize, 0, 0)?;
    }
    Ok(())
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    core::str::from_utf8(digits).ok().and_then(|text| u32::from_str_radix(text, 16).ok())
}

/// rt_sigaction(2) with SIG_DFL for every signal, rt_sigprocmask(2) with an empty mask.
pub fn reset_signals() -> Result<(), Errno> {
    // struct sigaction of the kernel: handler, flags, restorer, mask; all zero is SIG_DFL.
    let default = [0u64; 4];
    for signal in (1..=SIGNALS).filter(|signal| ![SIGKILL, SIGSTOP].contains(signal)) {
        // SAFETY: the kernel reads one struct sigaction; no handler is installed.
        unsafe { call(number::RT_SIGACTION, [signal, default.as_ptr() as usize, 0, 8, 0, 0])? };
    }
    const SIG_SETMASK: usize = 2;
    // SAFETY: the kernel reads a mask of 8 bytes.
    unsafe { call(number::RT_SIGPROCMASK, [SIG_SETMASK, default.as_ptr() as usize, 0, 8, 0, 0])? };
    Ok(())
}

/// struct mount_attr of mount_setattr(2).
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct MountAttr {
    pub set: u64,
    pub clear: u64,
    pub propagation: u64,
    pub userns: u64,
}

impl MountAttr {
    /// MOUNT_ATTR_* to set and to clear.
    pub fn change(set: u64, clear: u64) -> Self {
        MountAttr { set, clear, ..Default::default() }
    }
}

/// mount_setattr(2) on a descriptor; nothing to change is no call.
pub fn mount_setattr(tree: impl AsFd, attr: MountAttr, recursive: bool) -> Result<(), Errno> {
    if attr.set | attr.clear | attr.propagation == 0 {
        return Ok(());
    }
    let flags = AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    let tree = tree.as_fd().as_raw_fd() as usize;
    let (path, attr_at) = (c"".as_ptr() as usize, (&raw const attr) as usize);
    // SAFETY: the kernel reads an empty path and one struct of the size given.
    unsafe {
        call(number::MOUNT_SETATTR, [tree, path, flags, attr_at, size_of::<MountAttr>(), 0])
            .map(drop)
    }
}

/// prlimit(2) on this process.
pub fn set_rlimit(resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    let limit = [soft, hard];
    // SAFETY: the kernel reads one struct rlimit64.
    unsafe {
        call(number::PRLIMIT64, [0, resource as usize, limit.as_ptr() as usize, 0, 0, 0]).map(drop)
    }
}

/// seccomp(2), SECCOMP_SET_MODE_FILTER; `program` is an array of struct sock_filter (8 bytes each).
pub fn install_filter(flags: u32, program: &[u8]) -> Result<(), Errno> {
    const SET_MODE_FILTER: usize = 1;
    #[repr(C)]
    struct Program {
        length: u16,
        filter: *const u8,
    }
    let length = u16::try_from(program.len() / 8).map_err(|_| Errno::TOOBIG)?;
    let header = Program { length, filter: program.as_ptr() };
    let at = (&raw const header) as usize;
    // SAFETY: the kernel copies `length` instructions of 8 bytes from the program, which is as long, and
    // has no need of alignment (copy_from_user).
    unsafe { call(number::SECCOMP, [SET_MODE_FILTER, flags as usize, at, 0, 0, 0]).map(drop) }
}

/// setns(2).
pub fn setns(namespace: BorrowedFd<'_>, kind: u32) -> Result<(), Errno> {
    numbers(number::SETNS, namespace.as_raw_fd() as usize, kind as usize, 0, 0, 0).map(drop)
}

/// unshare(2); this program has one thread and shares no memory, so that any namespace will do.
pub fn unshare(flags: u32) -> Result<(), Errno> {
    numbers(number::UNSHARE, flags as usize, 0, 0, 0, 0).map(drop)
}

/// fork(2): `None` in the child.
pub fn fork() -> Result<Option<i32>, Errno> {
    clone(SIGCHLD)
}

/// clone(2) with CLONE_PARENT: `None` in the child, whose parent is this process's parent.
pub fn clone_sibling() -> Result<Option<i32>, Errno> {
    clone(CLONE_PARENT)
}

fn clone(flags: usize) -> Result<Option<i32>, Errno> {
    // SAFETY: without CLONE_VM and with no stack given the child goes on in a copy of everything, like
    // fork(2); there is one thread and no state of a libc that could be left inconsistent.
    let pid = unsafe { call(number::CLONE, [flags, 0, 0, 0, 0, 0])? };
    Ok((pid != 0).then_some(pid as i32))
}

/// clock_gettime(2): nanoseconds since the epoch, by the clock that is the same in every time namespace.
pub fn now() -> u64 {
    const CLOCK_REALTIME: usize = 0;
    let mut time = [0u64; 2];
    // SAFETY: the kernel writes one struct timespec of two words.
    let told = unsafe {
        call(number::CLOCK_GETTIME, [CLOCK_REALTIME, time.as_mut_ptr() as usize, 0, 0, 0, 0])
    };
    told.map_or(0, |_| time[0] * 1_000_000_000 + time[1])
}

/// execve(2); comes back only with an error.
pub fn execve(path: &CStr, arguments: &Pointers<'_>, environment: &Pointers<'_>) -> Errno {
    let (argv, envp) = (arguments.as_ptr() as usize, environment.as_ptr() as usize);
    // SAFETY: a NUL-terminated path and two NULL-terminated arrays of NUL-terminated texts, which
    // `Pointers` keeps alive.
    let result = unsafe { call(number::EXECVE, [path.as_ptr() as usize, argv, envp, 0, 0, 0]) };
    result.err().unwrap_or(Errno::INVAL)
}

/// getcwd(2): the path with its NUL; `(unreachable)` in front says that it lies outside the root.
pub fn getcwd(bytes: &mut [u8]) -> Result<(), Errno> {
    // SAFETY: the kernel writes at most the length given to a buffer of that length.
    unsafe {
        call(number::GETCWD, [bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0, 0]).map(drop)
    }
}

/// setgroups(2).
pub fn set_groups(groups: Words<'_>) -> Result<(), Errno> {
    // SAFETY: the kernel reads as many numbers as the list has, with a copy that needs no alignment.
    unsafe {
        call(number::SETGROUPS, [groups.len(), groups.as_ptr() as usize, 0, 0, 0, 0]).map(drop)
    }
}

/// setgroups(2) with none.
pub fn drop_groups() -> Result<(), Errno> {
    numbers(number::SETGROUPS, 0, 0, 0, 0, 0).map(drop)
}

/// setresgid(2).
pub fn set_gid(gid: u32) -> Result<(), Errno> {
    refuse_no_change(gid)?;
    let gid = gid as usize;
    numbers(number::SETRESGID, gid, gid, gid, 0, 0).map(drop)
}

/// setresuid(2).
pub fn set_uid(uid: u32) -> Result<(), Errno> {
    refuse_no_change(uid)?;
    let uid = uid as usize;
    numbers(number::SETRESUID, uid, uid, uid, 0, 0).map(drop)
}

/// To the kernel -1 is no id but "leave it as it is", which is root.
fn refuse_no_change(id: u32) -> Result<(), Errno> {
    if id == u32::MAX { Err(Errno::INVAL) } else { Ok(()) }
}

/// capset(2), version 3, on this process.
pub fn set_capabilities(effective: u64, permitted: u64, inheritable: u64) -> Result<(), Errno> {
    let header = [CAPABILITY_VERSION_3, 0];
    let half = |set: u64, high: bool| if high { (set >> 32) as u32 } else { set as u32 };
    let data = [
        [half(effective, false), half(permitted, false), half(inheritable, false)],
        [half(effective, true), half(permitted, true), half(inheritable, true)],
    ];
    // SAFETY: the kernel reads a header and two data structs, laid out as three words each.
    unsafe {
        call(number::CAPSET, [header.as_ptr() as usize, data.as_ptr() as usize, 0, 0, 0, 0])
            .map(drop)
    }
}

/// capget(2) and capset(2): the inheritable set becomes empty, the others stay.
pub fn clear_inheritable() -> Result<(), Errno> {
    let mut header = [CAPABILITY_VERSION_3, 0];
    let mut data = [[0u32; 3]; 2];
    // SAFETY: the kernel reads a header and writes two data structs, laid out as three words each.
    unsafe {
        let (header, data) = (header.as_mut_ptr() as usize, data.as_mut_ptr() as usize);
        call(number::CAPGET, [header, data, 0, 0, 0, 0])?;
    }
    let [low, high] =
        data.map(|[effective, permitted, _]| [u64::from(effective), u64::from(permitted)]);
    set_capabilities(low[0] | high[0] << 32, low[1] | high[1] << 32, 0)
}

/// prctl(PR_CAPBSET_DROP).
pub fn drop_bounding(capability: u32) -> Result<(), Errno> {
    const PR_CAPBSET_DROP: usize = 24;
    numbers(number::PRCTL, PR_CAPBSET_DROP, capability as usize, 0, 0, 0).map(drop)
}

const PR_CAP_AMBIENT: usize = 47;

/// prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL).
pub fn clear_ambient() -> Result<(), Errno> {
    numbers(number::PRCTL, PR_CAP_AMBIENT, 4, 0, 0, 0).map(drop)
}

/// prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE).
pub fn raise_ambient(capability: u32) -> Result<(), Errno> {
    numbers(number::PRCTL, PR_CAP_AMBIENT, 2, capability as usize, 0, 0).map(drop)
}

/// netdevice(7): SIOCGIFFLAGS, then SIOCSIFFLAGS with IFF_UP.
pub fn interface_up(socket: impl AsFd, name: &[u8]) -> Result<(), Errno> {
    const SIOCGIFFLAGS: usize = 0x8913;
    const SIOCSIFFLAGS: usize = 0x8914;
    const IFF_UP: u16 = 1;
    // struct ifreq: 16 bytes of name, then a union of 24 that begins with the flags.
    let mut request = [0u8; 40];
    request[..name.len().min(15)].copy_from_slice(&name[..name.len().min(15)]);
    let socket = socket.as_fd().as_raw_fd() as usize;
    let at = request.as_mut_ptr() as usize;
    // SAFETY: the kernel reads and writes one struct ifreq.
    unsafe { call(number::IOCTL, [socket, SIOCGIFFLAGS, at, 0, 0, 0])? };
    let flags = u16::from_ne_bytes([request[16], request[17]]) | IFF_UP;
    request[16..18].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the kernel reads one struct ifreq.
    unsafe {
        call(number::IOCTL, [socket, SIOCSIFFLAGS, request.as_ptr() as usize, 0, 0, 0]).map(drop)
    }
}
