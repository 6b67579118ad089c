//! Who the process is and what it may do.

use crate::failure::{Context, Failure, Outcome};
use crate::script::Container;
use crate::sys;
use core::ffi::CStr;
use creel_wire::Words;
use creel_wire::message::At;
use rustix::fs::{self, FileType, Uid};
use rustix::io::Errno;
use rustix::process::chdir;
use rustix::thread::{CapabilitySet, CpuSet, sched_setaffinity};

/// All CPUs; the kernel intersects them with the cpuset.
pub fn reset_affinity() -> Result<(), Errno> {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    sched_setaffinity(None, &all)
}

/// prctl(PR_CAPBSET_DROP) for all that are not kept, up to the last one the kernel knows.
pub fn bounding_set(keep: u64) -> Outcome {
    for capability in 0..64 {
        if keep & (1 << capability) != 0 {
            continue;
        }
        match sys::drop_bounding(capability) {
            Ok(()) => {}
            Err(Errno::INVAL) => break,
            Err(errno) => return Err(Failure::new(At::Call, errno)),
        }
    }
    Ok(())
}

/// Enters the working directory while still root; a refusal is tried again as the user.
pub fn working_directory(c: &mut Container, path: &CStr) -> Outcome {
    match chdir(path) {
        Err(Errno::ACCESS) => {
            c.directory_denied = true;
            Ok(())
        }
        result => result.at(At::Chdir),
    }
}

/// As the user: enters a directory that root could not, and sees that it lies below the root
/// (a descriptor that leaked could have led out, CVE-2024-21626).
#[inline(never)]
pub fn check_directory(again: bool, path: &CStr) -> Outcome {
    if again {
        chdir(path).at(At::Chdir)?;
    }
    let mut bytes = [0u8; crate::buffer::CAPACITY];
    match sys::getcwd(&mut bytes) {
        Ok(()) if bytes[0] == b'/' => Ok(()),
        Ok(()) => Err(Failure::new(At::Outside, Errno::NOENT)),
        Err(errno) => Err(Failure::new(At::Outside, errno)),
    }
}

/// Until now this process is a user that the namespace does not know, with all capabilities in it.
pub fn user_namespace_root() -> Outcome {
    for (become_root, at) in [(sys::set_gid as fn(u32) -> _, At::Gid), (sys::set_uid, At::Uid)] {
        match become_root(0) {
            // 0 is not mapped: the ids stay unknown until the process gets its own.
            Ok(()) | Err(Errno::INVAL) => {}
            Err(errno) => return Err(Failure::new(at, errno)),
        }
    }
    sys::clear_ambient().at(At::Ambient)?;
    sys::clear_inheritable().at(At::Capset)
}

/// Pipes for input and output are made by engines, as root: they become the user's, who can then open /dev/stdout
/// and its like again. Files and terminals of the caller stay as they are.
fn give_pipes(uid: u32) {
    for number in 0..3 {
        let stdio = sys::borrow(number);
        let is_pipe = |mode| FileType::from_raw_mode(mode) == FileType::Fifo;
        if fs::fstat(stdio).is_ok_and(|stat| is_pipe(stat.st_mode)) {
            // Refused by a read-only file system, for one.
            let _ = fs::fchown(stdio, Some(Uid::from_raw(uid)), None);
        }
    }
}

fn has_right_to_groups() -> bool {
    rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETGID))
}

/// setgroups(2), setresgid(2), setresuid(2), with the permitted set kept for [`capabilities`].
pub fn user(uid: u32, gid: u32, groups: Option<Words<'_>>) -> Outcome {
    if let Some(groups) = groups {
        let none = groups.is_empty();
        match sys::set_groups(groups) {
            // A user namespace whose gid map an unprivileged user wrote has no setgroups(2) for anybody: then the
            // groups stay that its maker has.
            Err(Errno::PERM) if none && has_right_to_groups() => {}
            set => set.at(At::Groups)?,
        }
    }
    if uid != 0 {
        give_pipes(uid);
    }
    rustix::thread::set_keep_capabilities(true).at(At::Call)?;
    sys::set_gid(gid).at(At::Gid)?;
    sys::set_uid(uid).at(At::Uid)?;
    rustix::thread::set_keep_capabilities(false).at(At::Call)
}

/// capset(2), then the ambient set, which can only hold what is permitted and inheritable.
pub fn capabilities(effective: u64, permitted: u64, inheritable: u64, ambient: u64) -> Outcome {
    sys::set_capabilities(effective, permitted, inheritable).at(At::Capset)?;
    sys::clear_ambient().at(At::Ambient)?;
    for capability in (0..64).filter(|n| ambient & (1 << n) != 0) {
        sys::raise_ambient(capability).at(At::Ambient)?;
    }
    Ok(())
}
