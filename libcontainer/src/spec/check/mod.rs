//! Whether a container can be made from a configuration, judged by the configuration alone.
//!
//! Nothing here looks at the system: whether a path exists or a namespace is the host's own shows
//! when the plan is made or carried out.

mod error;
mod hooks;
mod identity;
mod linux;
mod mounts;
mod namespaces;
mod process;
mod seccomp;
mod sysctl;
mod text;
mod version;

pub use error::CheckError;
pub use sysctl::file as sysctl_file;
pub(crate) use version::zero_pids_is_no_limit;

use oci_spec::runtime::{Process, Spec};

use super::warning::Warnings;

/// Checks a whole configuration (config.md and config-linux.md of runtime-spec 1.3).
///
/// # Errors
/// The first [`CheckError`] met; it names the JSON path, what was found and what is allowed.
pub fn check(spec: &Spec) -> Result<Warnings, CheckError> {
    let mut warnings = Warnings::new();
    version::check(spec.version())?;
    root(spec)?;
    whole_process(spec)?;
    mounts::check(spec, &mut warnings)?;
    namespaces::check(spec)?;
    hostname(spec)?;
    annotations(spec)?;
    hooks::check(spec)?;
    linux::check(spec)?;
    Ok(warnings)
}

/// Checks a process that is to run in an existing container; the paths in errors begin at the
/// process object.
///
/// # Errors
/// As [`check`].
pub fn check_process(process: &Process) -> Result<(), CheckError> {
    process::check(process, "")
}

fn root(spec: &Spec) -> Result<(), CheckError> {
    const ALLOWED: &str = "the path of the root file system, absolute or relative to the bundle";
    let Some(root) = spec.root() else { return Err(CheckError::missing("root", ALLOWED)) };
    if root.path().as_os_str().is_empty() {
        return Err(CheckError::missing("root.path", ALLOWED));
    }
    // Without a mount namespace of its own it would be the host's mount that becomes read-only.
    if root.readonly() == Some(true) {
        namespaces::require(spec, "mount", "root.readonly", true)?;
    }
    text::no_nul_path("root.path", root.path())
}

fn whole_process(spec: &Spec) -> Result<(), CheckError> {
    match spec.process() {
        Some(given) => process::check(given, "process"),
        None => Err(CheckError::missing("process", "an object that says what to run")),
    }
}

/// Both names live in the UTS namespace; without one of its own the container would rename the
/// host.
fn hostname(spec: &Spec) -> Result<(), CheckError> {
    /// `__NEW_UTS_LEN`, sethostname(2).
    const LONGEST: usize = 64;
    let names = [("hostname", spec.hostname()), ("domainname", spec.domainname())];
    for (path, name) in names {
        let Some(name) = name.as_deref().filter(|name| !name.is_empty()) else { continue };
        namespaces::require(spec, "uts", path, name)?;
        text::no_nul(path, name)?;
        if name.len() > LONGEST {
            return Err(CheckError::unsupported(path, name, "at most 64 bytes"));
        }
    }
    Ok(())
}

fn annotations(spec: &Spec) -> Result<(), CheckError> {
    let mut keys = spec.annotations().iter().flatten().map(|(key, _)| key);
    match keys.any(String::is_empty) {
        true => Err(CheckError::unsupported("annotations", "", "keys that are not empty")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
