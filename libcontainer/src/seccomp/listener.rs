//! Who is asked about calls with SCMP_ACT_NOTIFY.

use super::filter::{Filter, NEW_LISTENER};
use oci_spec::runtime::LinuxSeccomp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The agent of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its unix stream socket on the host: `linux.seccomp.listenerPath`.
    pub path: PathBuf,
    /// For the agent, which alone knows what it means: `linux.seccomp.listenerMetadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

impl Listener {
    /// `None` when the filter asks nobody, whatever path the profile gives.
    pub(crate) fn of(profile: &LinuxSeccomp, filter: &Filter) -> Option<Self> {
        let path = profile.listener_path().clone().filter(|_| filter.flags & NEW_LISTENER != 0)?;
        let metadata = profile.listener_metadata().clone().filter(|text| !text.is_empty());
        Some(Listener { path, metadata })
    }
}
