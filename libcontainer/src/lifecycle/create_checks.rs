//! What can be known to fail before anything is made.

use super::create::TerminalFor;
use super::create_options::CreateOptions;
use crate::error::Error;
use crate::plan::{Host, Namespace, Plan};
use caps::Capability;
use oci_spec::runtime::Spec;
use std::fs;
use std::io;
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
