//! creel-init as a process: its sealed image, its start, the talk with it, its end.

pub(crate) mod children;
pub(crate) mod conversation;
pub(crate) mod failure;
mod handle;
pub(crate) mod id_maps;
pub(crate) mod identity;
pub(crate) mod image;
pub(crate) mod launch;
mod refusal;
mod stdio;
pub(crate) mod wait;

pub use failure::StepError;
pub use handle::Process;
pub use id_maps::IdMapError;
pub use launch::LaunchError;
pub(crate) use stdio::Handed;
pub use stdio::Stdio;
pub use wait::{Exit, keep_exit_statuses};
