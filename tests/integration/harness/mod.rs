//! What the tests stand on: a bundle in a fresh directory, a runtime to run it, a program inside
//! that reports what it sees, and a look afterwards at what was left behind.
//!
//! The common case:
//!
//! ```ignore
//! let bundle = Bundle::new("cwd").config(|c| c.set("/process/cwd", "/bin"));
//! assert_eq!(bundle.report().cwd, "/bin");
//! ```
//!
//! | environment variable | meaning |
//! |---|---|
//! | `CREEL_TEST_RUNTIME` | the runtime to test, a path or a name; this build's `creel` otherwise |
//! | `CREEL_TEST_SYSTEMD_CGROUP` | set: systemd makes the cgroups (`--systemd-cgroup`) |
//! | `CREEL_TEST_DEVIATIONS` | set: run the tests that are skipped for runc's sake, too |
//! | `CREEL_SKIP_LOG` | a file to which each skip is appended as a line |
//! | `CREEL_PROBE` | a static probe that was built before; it is built once otherwise |
//! | `CREEL_TEST_DEBIAN_ROOTFS` | a Debian minbase root file system with procps |
//! | `CREEL_TEST_TMP` | where the bundles go, instead of the system's temporary directory |

mod bundle;
pub(crate) mod cgroup;
mod command;
mod config;
mod container;
pub(crate) mod driver;
mod host;
mod leftovers;
mod loop_device;
mod orphans;
mod passed;
mod probe;
pub(crate) mod rootless;
mod runtime;
mod skip;
mod tmux;

pub(crate) use self::probe::probe;
pub(crate) use bundle::Bundle;
pub(crate) use command::{Cmd, Output, Running, wait_until};
pub(crate) use config::{Config, DEFAULT_CAPABILITIES};
pub(crate) use container::parse;
pub(crate) use host::{process_exists, stat_fields};
pub(crate) use loop_device::Loop;
pub(crate) use orphans::{reap as orphans_reap, run};
pub(crate) use passed::Passed;
pub(crate) use runtime::{is_runc, runtime};
pub(crate) use skip::{deviations_wanted, record as record_skip};
pub(crate) use skip::{needs_cgroup, needs_root, runc_deviates, skip, unless};
pub(crate) use tmux::Tmux;
