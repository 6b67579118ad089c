//! The OCI container lifecycle as a library.
//!
//! A [`Runtime`] is a state root. It creates containers from bundle directories ([`Runtime::create`],
//! [`Runtime::run`]); a [`Container`] is started, signalled, looked at, exec'd into and deleted. All of it
//! follows one flow: *load* config.json ([`mod@spec`]), *plan* without touching the system ([`mod@plan`]),
//! *carry out*. What happens inside a container is done by `creel-init`, a small program without libc that is
//! embedded here and started from a sealed copy in memory, so all of this may be called from programs with
//! many threads.
//!
//! Warnings go to the [`log`] crate.
//!
//! ```no_run
//! use libcontainer::{CreateOptions, Runtime};
//!
//! let runtime = Runtime::new("/run/creel");
//! let options = CreateOptions { bundle: "/srv/bundle".into(), ..CreateOptions::default() };
//! let container = runtime.create("web", &options)?;
//! container.start()?;
//! println!("{}", container.state()?.status);
//! container.kill(libc::SIGKILL, false)?;
//! container.delete(true)?;
//! # Ok::<(), libcontainer::Error>(())
//! ```

pub mod cgroups;
mod error;
mod features;
mod hooks;
mod host;
mod lifecycle;
mod lsm;
mod mount_tree;
mod netlink;
mod owner;
pub mod plan;
mod process;
mod rdt;
mod rootless;
pub mod seccomp;
#[cfg(test)]
mod skip;
pub mod spec;
mod state;
mod sys;

pub use error::Error;
pub use features::features;
pub use hooks::{HookError, HookFailure};
pub use lifecycle::{
    Container, CreateOptions, Event, Events, ExecOptions, ExecProcess, ProcessOverrides,
    RunOptions, Runtime, StartOptions, Started,
};
pub use lsm::LsmError;
pub use mount_tree::MountTreeError;
pub use netlink::NetDeviceError;
pub use owner::user_name;
pub use process::{Exit, IdMapError, LaunchError, StepError, keep_exit_statuses};
pub use rdt::{Doing as RdtDoing, RdtError};
pub use rootless::Rootless;
pub use state::{State, Status, StoreError, rfc3339};
