//! Detached trees of mounts.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

const OPEN_TREE_CLONE: u32 = 1;
const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

/// `int open_tree(int dfd, const char *path, unsigned int flags)` with OPEN_TREE_CLONE: a detached copy of
/// the mount at an absolute path, and with `recursive` of those below it
/// ([open_tree(2)](https://man7.org/linux/man-pages/man2/open_tree.2.html)).
pub(crate) fn clone_tree(path: &CStr, recursive: bool) -> io::Result<OwnedFd> {
    let mut flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as u32;
    if recursive {
        flags |= libc::AT_RECURSIVE as u32;
    }
    // SAFETY: the kernel reads one NUL-terminated text.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// struct mount_attr of mount_setattr(2).
#[repr(C)]
#[derive(Default)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

/// mount_setattr(2): sets and clears MOUNT_ATTR_*; nothing to change is no call.
pub(crate) fn set_attributes(
    tree: BorrowedFd<'_>,
    (set, clear): (u64, u64),
    recursive: bool,
) -> io::Result<()> {
    if set | clear == 0 {
        return Ok(());
    }
    change(tree, &MountAttr { set, clear, ..MountAttr::default() }, recursive)
}

/// mount_setattr(2) with MOUNT_ATTR_IDMAP: the ids are mapped as in this user namespace.
pub(crate) fn map_ids(
    tree: BorrowedFd<'_>,
    namespace: BorrowedFd<'_>,
    recursive: bool,
) -> io::Result<()> {
    let userns = namespace.as_raw_fd() as u64;
    change(tree, &MountAttr { set: MOUNT_ATTR_IDMAP, userns, ..MountAttr::default() }, recursive)
}

fn change(tree: BorrowedFd<'_>, attr: &MountAttr, recursive: bool) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads an empty path and one struct of the size given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const *attr,
            size_of::<MountAttr>(),
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
