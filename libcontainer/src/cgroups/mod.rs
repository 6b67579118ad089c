//! Control groups: what a container may use of the machine, and which processes are its.
//!
//! [`Layout::probe`] finds the host's hierarchies, and [`plan`] works out directories and writes
//! without touching the system.

mod devices;
mod error;
mod layout;
mod mountinfo;
mod mounts;
mod path;
mod plan;
mod record;
mod resources;

pub use devices::{Filter, Rule};
pub use error::Error;
pub use layout::{Hierarchy, Layout, OwnCgroups};
pub use mounts::CgroupMount;
pub use path::needs_own_cgroups;
pub use plan::{Directory, IfMissing, Ignored, Kind, Plan, Request, Write, plan};
pub use record::{Driver, Record};

#[cfg(test)]
mod tests;
