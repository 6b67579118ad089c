//! creel-init as a process: its sealed image, its start, the talk with it, its end.

pub(crate) mod conversation;
pub(crate) mod failure;
pub(crate) mod id_maps;
pub(crate) mod identity;
pub(crate) mod image;
pub(crate) mod launch;
mod refusal;
pub(crate) mod wait;

pub use failure::StepError;
pub use id_maps::IdMapError;
pub use launch::LaunchError;
pub use wait::{Exit, keep_exit_statuses};
