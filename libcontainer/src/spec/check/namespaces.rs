//! `linux.namespaces` (config-linux.md, Namespaces).

use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType, Spec};

use super::{CheckError, text};

/// The namespaces that are listed; what is not listed is shared with the runtime.
pub(super) fn list(spec: &Spec) -> &[LinuxNamespace] {
    let listed = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_deref());
    listed.unwrap_or_default()
}

/// The namespace of a kind, if one is listed, new or joined.
pub(super) fn of(spec: &Spec, kind: LinuxNamespaceType) -> Option<&LinuxNamespace> {
    list(spec).iter().find(|namespace| namespace.typ() == kind)
}

/// Fails if no namespace of the kind is listed for the setting at `path`.
pub(super) fn require(
    spec: &Spec,
    kind: &'static str,
    path: &str,
    found: impl ToString,
) -> Result<(), CheckError> {
    match list(spec).iter().any(|namespace| name(namespace.typ()) == kind) {
        true => Ok(()),
        false => Err(CheckError::NeedsNamespace {
            path: path.to_owned(),
            found: found.to_string(),
            namespace: kind,
        }),
    }
}

/// The value of `type` for a kind of namespace.
pub(super) fn name(kind: LinuxNamespaceType) -> &'static str {
    match kind {
        LinuxNamespaceType::Mount => "mount",
        LinuxNamespaceType::Cgroup => "cgroup",
        LinuxNamespaceType::Uts => "uts",
        LinuxNamespaceType::Ipc => "ipc",
        LinuxNamespaceType::User => "user",
        LinuxNamespaceType::Pid => "pid",
        LinuxNamespaceType::Network => "network",
        LinuxNamespaceType::Time => "time",
    }
}

pub(super) fn check(spec: &Spec) -> Result<(), CheckError> {
    let listed = list(spec);
    for (index, namespace) in listed.iter().enumerate() {
        let path = |index: usize| format!("linux.namespaces[{index}]");
        let same = |other: &LinuxNamespace| other.typ() == namespace.typ();
        if let Some(first) = listed[..index].iter().position(same) {
            return Err(CheckError::Duplicate {
                path: path(index),
                found: name(namespace.typ()).to_owned(),
                first: path(first),
            });
        }
        if let Some(file) = namespace.path() {
            text::absolute(|| path(index) + ".path", file)?;
        }
    }
    Ok(())
}
