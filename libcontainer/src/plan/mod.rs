//! What a start will do, worked out from config.json and what is known of the host, before anything
//! is done. Planning makes no system call: it is tested without root, for every kind of host.

mod activation;
mod capabilities;
mod devices;
mod exec;
mod hooks;
mod id_maps;
mod inside;
mod labels;
mod mount_options;
mod mount_tree;
mod mounts;
mod namespaces;
mod net_devices;
mod placement;
mod process;
mod rdt;
mod seccomp;
mod time;

use crate::cgroups;
use creel_wire::Slot;
use creel_wire::owned::{Step, Text};
use oci_spec::runtime::Spec;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

pub(crate) use exec::{ExecPlan, ExecRequest, plan_exec};
pub(crate) use hooks::Hook;
pub use id_maps::{IdMap, IdMaps};
pub(crate) use labels::{apparmor_profile, given as given_label};
#[cfg(test)]
pub(crate) use mount_options::knows as knows_mount_option;
pub use mount_tree::{MountIds, MountTree};
pub use namespaces::{Join, Namespace};
pub use net_devices::{NetDevice, NetDevices};
pub(crate) use placement::{Surroundings, enters_late};
pub use process::Limit;
pub use rdt::Rdt;

/// What planning has to know of the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// How cgroups are mounted.
    pub cgroups: cgroups::Layout,
    /// The cgroups the caller itself is in, for relative paths.
    pub own_cgroups: cgroups::OwnCgroups,
    /// The capabilities that can be given, as a bit set.
    pub capabilities: u64,
}

/// What the caller asks for besides config.json.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The container's id.
    pub id: String,
    /// The bundle directory, absolute.
    pub bundle: PathBuf,
    /// Move the root over `/` instead of pivoting.
    pub no_pivot: bool,
    /// Keep the caller's session keyring.
    pub no_new_keyring: bool,
    /// How many descriptors from 3 on the process inherits.
    pub preserve_fds: u32,
    /// Wait for a separate `start`.
    pub separate_start: bool,
    /// systemd makes the cgroup.
    pub systemd_cgroup: bool,
    /// No cgroup is made: the container stays in the caller's.
    pub no_cgroups: bool,
    /// How many of the first descriptors of `preserve_fds` are sockets of sd_listen_fds(3).
    pub listen_fds: u32,
    /// LISTEN_FDNAMES of sd_listen_fds_with_names(3).
    pub listen_fd_names: Option<String>,
    /// The program gets a socket to say that it is ready, sd_notify(3).
    pub notify: bool,
}

/// A descriptor that a step needs; opened when the plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Descriptor {
    /// The socket that creel-init reports to.
    Conversation,
    /// The socket that `start` connects to.
    StartListener,
    /// A namespace to join.
    Namespace(Join),
    /// Mounts of the host with their ids mapped.
    MountTree(MountTree),
    /// The directory of the socket for sd_notify(3), as a detached mount.
    NotifyDirectory,
    /// The container's state for hooks, with this status.
    HookState(&'static str),
    /// A descriptor of the process being joined.
    Process,
    /// The root directory of the process being joined.
    ProcessRoot,
}

/// One step of the inside part and the place in config.json that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Such as `mounts[2]`; empty when no single place did.
    pub origin: String,
    /// What creel-init does.
    #[serde(flatten)]
    pub step: Step,
}

/// All that a start will do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Namespaces that are made.
    pub new_namespaces: Vec<Namespace>,
    /// Those of them that the clone makes; creel-init makes the others.
    pub cloned_namespaces: Vec<Namespace>,
    /// Namespaces that are joined.
    pub joined_namespaces: Vec<Join>,
    /// Whether creel-init goes on in a second process inside a joined pid namespace.
    pub second_process: bool,
    /// Written to /proc/PID/uid_map and gid_map of a new user namespace.
    pub id_maps: Option<IdMaps>,
    /// Network devices that move in, before creel-init goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_devices: Option<NetDevices>,
    /// The class of service in the resctrl file system, entered before creel-init goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdt: Option<Rdt>,
    /// Limits that the library sets from outside, since the process itself may not.
    pub outer_limits: Vec<Limit>,
    /// Directories and writes of the cgroups.
    pub cgroup: cgroups::Plan,
    /// Whether creel-init is cloned straight into its (v2) cgroup; else it is put there before it goes on.
    pub clone_into_cgroup: bool,
    /// Written to /proc/PID/oom_score_adj.
    pub oom_score_adj: Option<i32>,
    /// Hooks that run in the runtime's namespaces before pivot_root: prestart, then createRuntime.
    pub(crate) create_hooks: Vec<Hook>,
    /// Descriptors by slot.
    pub descriptors: Vec<Descriptor>,
    /// What creel-init does inside, in order.
    pub inside: Vec<Planned>,
    /// Whether the process has a terminal.
    pub terminal: bool,
    /// What was asked for and cannot be had, without being an error.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether creel-init waits for the library before it goes on; without cgroup v1 only for these.
    pub(crate) fn awaits_admission(&self) -> bool {
        let moved_in = self.net_devices.is_some() || self.rdt.is_some();
        !self.clone_into_cgroup || self.id_maps.is_some() || moved_in
    }
}

/// Plans a start.
///
/// # Errors
/// [`PlanError`] for a value that cannot be carried out; it names the place in config.json.
pub fn plan(spec: &Spec, request: &Request, host: &Host) -> Result<Plan, PlanError> {
    inside::plan(spec, request, host)
}

/// Why there can be no plan.
#[derive(Debug)]
pub enum PlanError {
    /// A text with a NUL inside, which no system call can take.
    Nul {
        /// The place in config.json.
        json_path: String,
    },
    /// A value that creel does not know or support.
    Unsupported {
        /// The place in config.json.
        json_path: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// The cgroup part of config.json.
    Cgroup(cgroups::Error),
    /// A profile that cannot become a filter.
    Seccomp(crate::seccomp::Error),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Nul { json_path } => {
                write!(f, "{json_path}: has a NUL character inside; remove it")
            }
            PlanError::Unsupported { json_path, found, allowed } => {
                write!(f, "{json_path}: {found:?} is not supported; {allowed}")
            }
            PlanError::Cgroup(_) => f.write_str("cgroup"),
            PlanError::Seccomp(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PlanError::Cgroup(source) => Some(source),
            PlanError::Nul { .. } | PlanError::Unsupported { .. } | PlanError::Seccomp(_) => None,
        }
    }
}

/// Collects steps in order, with the place each comes from.
#[derive(Debug, Default)]
struct Script {
    steps: Vec<Planned>,
    descriptors: Vec<Descriptor>,
    warnings: Vec<String>,
}

impl Script {
    fn new() -> Self {
        Script { descriptors: vec![Descriptor::Conversation], ..Script::default() }
    }

    fn push(&mut self, origin: impl Into<String>, step: Step) {
        self.steps.push(Planned { origin: origin.into(), step });
    }

    fn slot(&mut self, descriptor: Descriptor) -> Slot {
        let found = self.descriptors.iter().position(|known| *known == descriptor);
        let index = found.unwrap_or_else(|| {
            self.descriptors.push(descriptor);
            self.descriptors.len() - 1
        });
        Slot(index as u32)
    }
}

/// A text for a step; `json_path` is named when there is a NUL inside.
fn text(json_path: &str, value: impl Into<Vec<u8>>) -> Result<Text, PlanError> {
    Text::new(value).map_err(|_| PlanError::Nul { json_path: json_path.to_owned() })
}

/// A text that holds no NUL because it is ours.
fn known_text(value: &'static str) -> Text {
    Text::new(value).unwrap_or_default()
}

/// A path of the container as the steps want it: relative to the root, without `.` and `..`.
fn inside_path(json_path: &str, path: &str) -> Result<Text, PlanError> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    text(json_path, parts.join("/"))
}

#[cfg(test)]
mod tests;
