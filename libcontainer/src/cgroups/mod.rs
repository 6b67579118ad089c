//! Control groups: what a container may use of the machine, and which processes are its.
//!
//! [`Layout::probe`] finds the host's hierarchies, [`plan`] works out directories and writes without
//! touching the system, and a [`Cgroup`] carries them out (with a [`systemd::Unit`] in the plan, 2 and 3 are
//! [`Cgroup::start_unit`], with a process that exists):
//!
//! 1. save [`Plan::record`], so that a crash leaves nothing that cannot be found;
//! 2. [`Cgroup::create`], with everything undone when it fails;
//! 3. clone into [`Cgroup::fd`] where there is one, or [`Cgroup::enter`] the process;
//! 4. [`Cgroup::apply`] while the process waits, then save [`Cgroup::record`];
//! 5. in the end [`Cgroup::kill_all`] and [`Record::remove`].

mod access;
mod apply;
mod cgroup;
mod controllers;
mod cpuset;
mod create;
mod descent;
mod devices;
mod dir;
mod error;
mod freezer;
mod kill;
mod layout;
mod mountinfo;
mod mounts;
mod none;
mod oom;
mod ownership;
mod path;
mod pids;
mod plan;
mod record;
mod remove;
mod resources;
pub mod stats;
pub mod systemd;
mod threaded;
mod update;

pub use access::Access;
pub use cgroup::Cgroup;
pub use devices::{Filter, Rule};
pub use error::Error;
pub use layout::{Hierarchy, Layout, OwnCgroups, Unified};
pub use mounts::CgroupMount;
pub use none::plan_none;
pub use oom::{Happened, OomWatch};
pub use path::needs_own_cgroups;
pub use plan::{Directory, IfMissing, Ignored, Kind, Plan, Request, Write, plan, plan_systemd};
pub use record::{Driver, Record};
pub use update::Update;

#[cfg(test)]
mod tests;
