//! The system calls that no safe wrapper has.
#![allow(unsafe_code)]

pub(crate) mod calls;

/// The name of the session keyring that was joined, `None` when there is only the default one of
/// the user (`_uid_ses.<uid>`) or none; keyctl_describe(3).
pub(crate) fn session_keyring_name() -> Option<String> {
    let mut buffer = [0_u8; 256];
    // SAFETY: KEYCTL_DESCRIBE writes at most `buffer.len()` bytes to `buffer`, which lives through
    // the call; the other arguments are numbers.
    let length = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_DESCRIBE,
            libc::KEY_SPEC_SESSION_KEYRING,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    let text = buffer.get(..usize::try_from(length).ok()?)?;
    // type;uid;gid;permissions;description
    let text = String::from_utf8_lossy(text);
    let name = text.trim_end_matches('\0').splitn(5, ';').nth(4)?.to_owned();
    (!name.starts_with("_uid_ses.")).then_some(name)
}

mod notify;

pub(crate) use notify::{Notification, receive};

/// From now on this process and what comes of it gets EINVAL for one system call when a bit is set in its second
/// argument, as on a kernel that does not know that flag yet.
pub(crate) fn refuse_flag(call: u32, bit: u32) -> std::io::Result<()> {
    let denied = libc::SECCOMP_RET_ERRNO | libc::EINVAL as u32;
    install(&mut [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 3, call),
        // The lower half of the second argument.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 24),
        instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, bit),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, denied),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
}

/// From now on this process and what comes of it gets ENOSYS for one system call, as on a kernel that does
/// not have it yet; seccomp(2). Needs CAP_SYS_ADMIN.
pub(crate) fn refuse(call: u32) -> std::io::Result<()> {
    install(&mut [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call),
        instruction(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
        ),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

fn install(filter: &mut [libc::sock_filter]) -> std::io::Result<()> {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies `len` instructions from the array, which lives through the call.
    let result =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// Maps `bytes` of huge pages, writes to the first byte of each 2 MiB, and unmaps them; mmap(2). ENOMEM where so many
/// cannot be reserved.
pub(crate) fn use_huge_pages(bytes: usize) -> std::io::Result<()> {
    const SIZE: usize = 2 << 20;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: an anonymous mapping at an address that the kernel chooses touches no other memory.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
    if start == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error());
    }
    for offset in (0..bytes).step_by(SIZE) {
        // SAFETY: the mapping is `bytes` long, writable and nobody else's, and `offset` is below that.
        unsafe { start.cast::<u8>().add(offset).write_volatile(1) };
    }
    // SAFETY: this is the whole mapping from above, and nothing refers to it any more.
    let unmapped = unsafe { libc::munmap(start, bytes) };
    if unmapped < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

/// The scheduling policy and priority of this process; sched_setscheduler(2).
pub(crate) fn set_scheduler(policy: i32, priority: i32) -> std::io::Result<()> {
    // musl's function refuses; a sched_param(7) of the kernel is one number.
    // SAFETY: the kernel reads one int from the address, which lives through the call.
    let result =
        unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) };
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
