//! Labels of security modules: those that the kernel gives the process at its execve, and of files.

use crate::failure::{Context, Failure, Outcome};
use crate::script::Container;
use crate::{procfs, resolve};
use core::ffi::CStr;
use creel_wire::Texts;
use creel_wire::message::At;
use rustix::fd::AsFd;
use rustix::fs::{OFlags, ResolveFlags, XattrFlags, fsetxattr};
use rustix::io::Errno;

/// fsetxattr(2).
pub fn of_file(c: &mut Container, target: &CStr, label: &[u8]) -> Outcome {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let file = resolve::open(c.root()?, target, flags, ResolveFlags::empty()).at(At::OpenFile)?;
    fsetxattr(file, c"security.selinux", label, XattrFlags::empty()).at(At::WriteFile)
}

/// Writes `label` to the first of `files` that is there.
pub fn at_exec(c: &mut Container, files: Texts<'_>, label: &[u8]) -> Outcome {
    let own = procfs::own_directory(c)?;
    for file in files {
        match procfs::write(own.as_fd(), file, label) {
            Err(failure) if failure.at == At::OpenFile && failure.errno == Errno::NOENT => {}
            outcome => return outcome,
        }
    }
    Err(Failure::new(At::OpenFile, Errno::NOENT))
}
