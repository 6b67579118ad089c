//! A filter as it is saved for exec.

use super::Listener;
use serde::{Deserialize, Serialize};

/// The arguments of seccomp(2), SECCOMP_SET_MODE_FILTER.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installable {
    /// SECCOMP_FILTER_FLAG_*.
    pub(crate) flags: u32,
    /// struct sock_filter, 8 bytes each. Saved in a file of its own.
    #[serde(skip)]
    pub(crate) program: Vec<u8>,
    /// Who gets the notifications, when the filter makes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) listener: Option<Listener>,
}
