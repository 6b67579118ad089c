//! The OCI container lifecycle as a library: what the `creel` program does, for programs that make containers
//! themselves.
//!
//! A [`Runtime`] is a state root. It makes containers of bundles ([`Runtime::create`], [`Runtime::run`]); a
//! [`Container`] is started, signalled, measured, exec'd into and deleted, by whoever made it or found it by its id
//! ([`Runtime::load`]). A [`Process`] is waited for, from any thread.
//!
//! | to | there is |
//! |---|---|
//! | make | [`Runtime::create`] and [`Container::start`], or [`Runtime::run`]; what it would do: [`Runtime::plan`] |
//! | find | [`Runtime::load`], [`Runtime::list`], [`Container::state`] |
//! | run more in it | [`Container::exec`] |
//! | wait | [`Container::wait`], [`Running::wait`], [`Process::wait_timeout`], or poll(2) on a [`Process`] |
//! | signal | [`Container::kill`], [`Process::signal`] |
//! | freeze | [`Container::pause`], [`Container::resume`] |
//! | limit and measure | [`Container::update`], [`Container::stats`], [`Container::events`], [`Container::processes`] |
//! | remove | [`Container::delete`], [`Runtime::delete_force`] |
//! | lend it the terminal and signals | [`Foreground`], [`Runtime::run_in_foreground`], [`Container::exec_in_foreground`] |
//!
//! All of it follows one flow: *load* the configuration ([`mod@spec`]), *plan* without touching the system
//! ([`mod@plan`]), *carry out*. What happens inside a container is done by `creel-init`, a small program without libc
//! that is embedded here and started from a sealed copy in memory.
//!
//! # A container from a value
//!
//! The configuration is a file in the bundle, or a value of [`oci_spec`]'s types.
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/mod.rs")); }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let Some(place) = support::Bundle::new("doc-value")? else { return Ok(()) };
//! # let (state, bundle, id) = (place.state_root(), place.path(), place.id("hello"));
//! use libcontainer::spec::DefaultConfig;
//! use libcontainer::{CreateOptions, Exit, Runtime, Stdio};
//! use std::{io::Read, os::unix::net::UnixStream};
//!
//! let mut spec = DefaultConfig::default().spec();
//! let mut process = spec.process().clone().unwrap_or_default();
//! process.set_terminal(Some(false));
//! process.set_args(Some(["sh", "-c", "echo hello; exit 7"].map(String::from).to_vec()));
//! spec.set_process(Some(process));
//!
//! let (mut ours, theirs) = UnixStream::pair()?;
//! // The bundle is a directory with the root file system in `rootfs`.
//! let options = CreateOptions::new(bundle).spec(spec).stdio(Stdio::null()?.output(theirs));
//! let running = Runtime::new(state).run(&id, &options)?;
//! drop(options); // and with it this program's copy of the other end
//!
//! let mut text = String::new();
//! ours.read_to_string(&mut text)?;
//! assert_eq!(text, "hello\n");
//! assert_eq!(running.wait()?, Exit::Status(7));
//! running.container.delete(false)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Its life, step by step
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/mod.rs")); }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let Some(place) = support::Bundle::new("doc-life")? else { return Ok(()) };
//! # let (state, bundle, id) = (place.state_root(), place.path(), place.id("web"));
//! # let spec = place.spec(&["sleep", "600"]);
//! # std::fs::write(bundle.join("config.json"), serde_json::to_vec(&spec)?)?;
//! use libcontainer::{CreateOptions, ExecOptions, Exit, Runtime, Status, Stdio};
//!
//! let runtime = Runtime::new(&state);
//! let options = CreateOptions::new(bundle).stdio(Stdio::null()?);
//! let container = runtime.create(&id, &options)?; // from its config.json
//! assert_eq!(container.state()?.status, Status::Created);
//! container.start()?;
//!
//! let check = ExecOptions::command(["sh", "-c", "exit $ANSWER"]).env("ANSWER=42");
//! assert_eq!(container.exec(&check.stdio(Stdio::null()?))?.wait()?, Exit::Status(42));
//!
//! // Whoever knows the id has the container, too.
//! let same = runtime.load(&id)?;
//! assert_eq!(same.processes()?.len(), 1);
//! println!("{} ns of processor time", same.stats()?.cpu.usage.total);
//!
//! container.kill(libc::SIGTERM, false)?; // ignored: it is the init of its pid namespace
//! container.kill(libc::SIGKILL, false)?;
//! assert_eq!(container.wait()?, Exit::Signal(libc::SIGKILL));
//! container.delete(false)?;
//! assert!(runtime.load(&id).is_err_and(|error| error.is_not_found()));
//! # Ok(())
//! # }
//! ```
//!
//! `examples/supervisor.rs` looks after ten containers from ten threads.
//!
//! # In a program of yours
//!
//! All of it may be called from any thread, of programs with many: between clone and exec a child makes a few system
//! calls on memory that was made before. Operations on one container exclude one another, in all programs, by a lock.
//! The library
//!
//! - starts no threads, prints nothing, never exits; warnings go to the [`log`] crate;
//! - leaves the working directory, umask, environment, signal mask and handlers alone; [`Foreground`] alone takes
//!   signals, when it is asked to;
//! - opens every descriptor close-on-exec, so a process that another thread starts meanwhile gets none; a
//!   container's process gets standard input, output and error and what it is given ([`CreateOptions::files`]);
//! - reaps no child but those it started itself, each by its pidfd. A program that reaps them all, waiting for any child
//!   or ignoring SIGCHLD, takes their statuses away ([`keep_exit_statuses`]); from Linux 6.15 on they can still be
//!   had, before that [`Error::ExitUnknown`] says so.
//!
//! A [`Container`] does not hold the container: dropping it ends nothing. But the parent of a process reaps it, so
//! wait for what was started, or delete the container, or let a short-lived program do it.
//!
//! It needs the rights that containers need: root's, or a user namespace in the configuration.

#![warn(missing_docs)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr, clippy::exit))]

pub mod cgroups;
mod decimal;
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
mod trace;

pub use error::Error;
pub use features::features;
pub use hooks::{HookError, HookFailure};
pub use lifecycle::{
    Config, Container, CreateOptions, Event, Events, ExecOptions, ExecProcess, Foreground,
    ForegroundOptions, ListenerError, ListenerStep, Orphans, ProcessOverrides, Running, Runtime,
    StartOptions,
};
pub use lsm::LsmError;
pub use mount_tree::MountTreeError;
pub use netlink::NetDeviceError;
pub use oci_spec;
pub use owner::user_name;
pub use process::{Exit, IdMapError, LaunchError, Process, Stdio, StepError, keep_exit_statuses};
pub use rdt::{Doing as RdtDoing, RdtError};
pub use rootless::Rootless;
pub use state::{State, Status, StoreError, rfc3339};
pub use trace::TRACE_TARGET;
