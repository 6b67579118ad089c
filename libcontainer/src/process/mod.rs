//! creel-init as a process: its sealed image, its start, the talk with it, its end.

pub(crate) mod conversation;
pub(crate) mod failure;
mod handle;
pub(crate) mod identity;
pub(crate) mod image;
pub(crate) mod launch;
mod stdio;
pub(crate) mod wait;

pub use failure::StepError;
pub use handle::Process;
pub use launch::LaunchError;
pub(crate) use stdio::Handed;
pub use stdio::Stdio;
pub use wait::{Exit, keep_exit_statuses};
