//! What can be known to fail before anything is made.

use super::create::TerminalFor;
use super::create_options::CreateOptions;
use crate::error::Error;
use crate::plan::{Host, Namespace, Plan, PlanError};
use caps::Capability;
use creel_wire::owned::Step;
use nix::sys::stat::makedev;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType, Spec};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// Without this the first thing that the caller may not do would be blamed.
pub(super) fn check_rights(plan: &Plan, host: &Host) -> Result<(), Error> {
    let has_own = |namespace: &Namespace| *namespace == Namespace::User;
    let joined = plan.joined_namespaces.iter().map(|join| &join.namespace);
    if plan.new_namespaces.iter().chain(joined).any(has_own) {
        return Ok(());
    }
    if host.has(Capability::CAP_SYS_ADMIN) { Ok(()) } else { Err(Error::NeedsUserNamespace) }
}

pub(super) fn check_terminal(
    spec: &Spec,
    options: &CreateOptions,
    terminal: TerminalFor,
) -> Result<(), Error> {
    let wanted = spec.process().as_ref().and_then(|process| process.terminal()).unwrap_or(false);
    let problem = match (wanted, &options.console_socket, terminal) {
        (true, None, TerminalFor::Socket { otherwise }) => otherwise,
        (false, Some(_), _) => "--console-socket is given, but process.terminal is not true",
        _ => return Ok(()),
    };
    Err(Error::Terminal { problem })
}

/// creel-init opens it again; here a missing one is known before anything is made.
pub(super) fn check_rootfs(rootfs: &Path) -> Result<(), Error> {
    let unusable = |source| Error::RootFilesystem { path: rootfs.to_owned(), source };
    let found = fs::metadata(rootfs).map_err(unusable)?;
    if found.is_dir() { Ok(()) } else { Err(unusable(io::Error::from_raw_os_error(libc::ENOTDIR))) }
}

/// In a user namespace what the host has at a device's path is bound: it has to be that device, and not something
/// that merely has its name.
pub(super) fn check_devices(spec: &Spec, plan: &Plan) -> Result<(), Error> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
    let bound: BTreeSet<&str> = plan
        .inside
        .iter()
        .filter(|planned| matches!(planned.step, Step::MountBind { .. }))
        .map(|planned| planned.origin.as_str())
        .collect();
    for (index, device) in listed.into_iter().flatten().enumerate() {
        let json_path = format!("linux.devices[{index}]");
        if bound.contains(json_path.as_str()) && !is_that_or_missing(device) {
            return Err(Error::Plan(PlanError::Unsupported {
                json_path,
                found: device.path().to_string_lossy().into_owned(),
                allowed: "in a user namespace the host's device is bound, and what the host has at that path is another",
            }));
        }
    }
    Ok(())
}

/// What is missing is named by creel-init.
fn is_that_or_missing(device: &LinuxDevice) -> bool {
    let Ok(found) = fs::metadata(device.path()) else { return true };
    let is_type = match device.typ() {
        LinuxDeviceType::B => found.file_type().is_block_device(),
        _ => found.file_type().is_char_device(),
    };
    is_type && found.rdev() == makedev(device.major() as u64, device.minor() as u64)
}
