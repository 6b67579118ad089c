//! The root: entering it, and leaving the old one behind.

use crate::failure::{Context, Outcome};
use crate::mount::{attach, clone_tree};
use crate::script::Container;
use crate::unpivoted;
use core::ffi::CStr;
use creel_wire::message::At;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{self, CWD, Mode, OFlags};
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_change, mount_move, unmount};
use rustix::process::{chdir, chroot as change_root, fchdir, pivot_root};

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Binds the root file system over itself, since only a mount can become the root.
pub fn enter_root(c: &mut Container, path: &CStr) -> Outcome {
    let place = fs::openat(CWD, path, DIRECTORY, Mode::empty()).at(At::OpenRoot)?;
    let tree = clone_tree(place.as_fd(), c"", true).at(At::OpenRoot)?;
    attach(&tree, &place)
        .map_err(|failure| crate::failure::Failure::new(At::AttachRoot, failure.errno))?;
    c.set_root(tree);
    Ok(())
}

/// Only opens it, for a chroot.
pub fn open_root(c: &mut Container, path: &CStr) -> Outcome {
    c.set_root(fs::openat(CWD, path, DIRECTORY, Mode::empty()).at(At::OpenRoot)?);
    Ok(())
}

/// chroot(2) into a root that is open already.
pub fn enter_open_root(root: BorrowedFd<'_>) -> Outcome {
    fchdir(root).at(At::Chdir)?;
    change_root(c".").at(At::Call)?;
    chdir(c"/").at(At::Chdir)
}

/// pivot_root(2) with both roots at one place, so that the new one needs no directory for the old.
pub fn pivot(c: &mut Container) -> Outcome {
    let old = fs::openat(CWD, c"/", DIRECTORY, Mode::empty()).at(At::Detach)?;
    fchdir(c.root()?).at(At::Chdir)?;
    pivot_root(c".", c".").at(At::Call)?;
    // The old root lies on top of the new one now. It must not take mounts of the host with it.
    fchdir(&old).at(At::Detach)?;
    mount_change(c".", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .at(At::Detach)?;
    unmount(c".", UnmountFlags::DETACH).at(At::Detach)?;
    chdir(c"/").at(At::Chdir)
}

/// For a root that cannot be pivoted away from (an initramfs): the new one is moved on top of it.
pub fn move_over_slash(c: &mut Container) -> Outcome {
    unpivoted::detach_procfs(c)?;
    fchdir(c.root()?).at(At::Chdir)?;
    mount_move(c".", c"/").at(At::Call)?;
    change_root(c".").at(At::Call)?;
    chdir(c"/").at(At::Chdir)
}

/// chroot(2) alone.
pub fn chroot(c: &mut Container) -> Outcome {
    fchdir(c.root()?).at(At::Chdir)?;
    change_root(c".").at(At::Call)?;
    chdir(c"/").at(At::Chdir)
}
