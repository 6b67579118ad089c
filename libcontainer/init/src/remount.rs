//! Changing a mount that is there already.

use crate::failure::{Context, Failure, Outcome};
use crate::mount::{change as change_attributes, kernels_words, propagate, set_parameter};
use crate::resolve;
use crate::sys::MountAttr;
use core::ffi::CStr;
use creel_wire::Texts;
use creel_wire::message::At;
use rustix::fd::BorrowedFd;
use rustix::fs::{OFlags, ResolveFlags};
use rustix::mount::{FsPickFlags, fsconfig_reconfigure, fspick};

/// mount_setattr(2) on the mount at `target`; with `parameters`, fspick(2) and fsconfig(2) on its file
/// system before. No link is followed: one in the image could lead to another mount.
pub fn change(
    root: BorrowedFd<'_>,
    target: &CStr,
    parameters: Option<Texts<'_>>,
    own: MountAttr,
    below: MountAttr,
    propagation: u32,
) -> Outcome {
    let target =
        resolve::open(root, target, OFlags::PATH, ResolveFlags::NO_SYMLINKS).at(At::Resolve)?;
    if let Some(parameters) = parameters {
        let flags = FsPickFlags::FSPICK_CLOEXEC | FsPickFlags::FSPICK_EMPTY_PATH;
        let context = fspick(&target, c"", flags).at(At::Call)?;
        for parameter in parameters {
            set_parameter(&context, parameter).map_err(|errno| {
                Failure::new(At::Parameter, errno).with_text(parameter.to_bytes())
            })?;
        }
        fsconfig_reconfigure(&context).map_err(|errno| kernels_words(&context, errno))?;
    }
    change_attributes(&target, own, false).at(At::Attributes)?;
    change_attributes(&target, below, true).at(At::Attributes)?;
    propagate(&target, propagation)
}
