//! Containers that are made without root's rights, or by root of a user namespace only.

use crate::plan::Host;

/// Whether cgroups that the caller may not make are done without, where the configuration neither names one nor
/// sets limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rootless {
    /// Yes for everybody but root of the first user namespace.
    #[default]
    Auto,
    /// Yes.
    Yes,
    /// No: what may not be done is an error.
    No,
}

impl Rootless {
    pub(crate) fn holds(self, host: &Host) -> bool {
        match self {
            Rootless::Auto => host.user.0 != 0 || host.in_user_namespace,
            Rootless::Yes => true,
            Rootless::No => false,
        }
    }
}
