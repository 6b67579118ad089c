//! What a start will do, worked out from config.json and what is known of the host, before anything
//! is done. Planning makes no system call: it is tested without root, for every kind of host.

mod activation;
mod ahead;
mod capabilities;
mod cgroup_owner;
mod devices;
mod exec;
mod hooks;
mod id_maps;
mod ids;
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
use crate::decimal;
use crate::seccomp::Listener;
use caps::Capability;
use creel_wire::Slot;
use creel_wire::owned::{Step, Text};
use oci_spec::runtime::Spec;
use serde::Serialize;
use std::borrow::Borrow;
use std::fmt;
use std::path::PathBuf;

pub(crate) use activation::{NOTIFY_ATTRIBUTES, binds_notify_directory};
pub(crate) use ahead::{ahead, guess_ahead};
pub(crate) use exec::{ExecPlan, ExecRequest, plan_exec};
pub(crate) use hooks::Hook;
pub use id_maps::{IdMap, IdMaps, MapWriter, MapWriters};
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
    /// The capabilities that the caller has and can give, as a bit set.
    pub capabilities: u64,
    /// The user and group that the caller acts as.
    pub user: (u32, u32),
    /// The caller is in a user namespace itself: even root makes no devices there.
    pub in_user_namespace: bool,
    /// Directories of cgroups that may not be made are done without, where nothing asks for them.
    pub cgroup_access: cgroups::Access,
}

impl Host {
    /// The capabilities that a process can be given: all of them in a user namespace of the container's own.
    fn grantable(&self, own_user_namespace: bool) -> u64 {
        if own_user_namespace { capabilities::ALL } else { self.capabilities }
    }

    pub(crate) fn has(&self, capability: Capability) -> bool {
        self.capabilities & capability.bitmask() != 0
    }
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
    /// No cgroup is made: the container stays in the caller's.
    pub no_cgroups: bool,
    /// How many of the first descriptors of `preserve_fds` are sockets of sd_listen_fds(3).
    pub listen_fds: u32,
    /// LISTEN_FDNAMES of sd_listen_fds_with_names(3).
    pub listen_fd_names: Option<String>,
    /// The program gets a socket to say that it is ready, sd_notify(3), in this directory.
    pub notify: Option<PathBuf>,
    /// The systemd that makes the cgroup, where one does.
    pub systemd: Option<cgroups::systemd::Maker>,
    /// creel-init notes when each of its steps begins.
    pub traced: bool,
    /// What the caller may not do with cgroups is no error, unless it was asked for.
    pub rootless: bool,
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
    /// The source of a bind, opened with the caller's rights.
    OuterSource(OuterSource),
    /// The container's state for hooks, with this status.
    HookState(&'static str),
    /// Memory that creel-init and the library share, for the times at which the steps begin.
    Times,
    /// Memory that creel-init and the library share, for the errno of an execve that failed.
    Report,
    /// A descriptor of the process being joined.
    Process,
    /// The root directory of the process being joined.
    ProcessRoot,
}

/// A path of the host to be bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OuterSource {
    /// Such as `mounts[2]`. No two binds share a descriptor: once its tree is attached, to attach it again would
    /// move it.
    pub origin: String,
    /// The path.
    pub source: PathBuf,
    /// The mounts below it too.
    pub recursive: bool,
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

impl Borrow<Step> for Planned {
    fn borrow(&self) -> &Step {
        &self.step
    }
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
    /// Who writes them.
    #[serde(skip_serializing_if = "MapWriters::is_default")]
    pub map_writers: MapWriters,
    /// creel-init makes the user namespace itself, after it has joined others, and asks for its maps then.
    #[serde(skip_serializing_if = "is_false")]
    pub late_maps: bool,
    /// Network devices that move in, before creel-init goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_devices: Option<NetDevices>,
    /// The class of service in the resctrl file system, entered before creel-init goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rdt: Option<Rdt>,
    /// Limits that the library sets from outside, since the process itself may not.
    pub outer_limits: Vec<Limit>,
    /// The scheduler and the I/O priority, where only the library has the right to set them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outer_scheduling: Vec<Planned>,
    /// Directories and writes of the cgroups.
    pub cgroup: cgroups::Plan,
    /// A mount may open a device: the kernel opens the source of an ext4 in creel-init's name. The rules need not allow the
    /// container that device, so they come into force only when all is mounted.
    #[serde(skip_serializing_if = "is_false")]
    pub opens_devices: bool,
    /// Whether creel-init waits for the library before it goes on.
    #[serde(skip)]
    pub(crate) awaits_admission: bool,
    /// Whether creel-init is cloned straight into its (v2) cgroup; else it is put there before it goes on.
    pub clone_into_cgroup: bool,
    /// Written to /proc/PID/oom_score_adj.
    pub oom_score_adj: Option<i32>,
    /// Hooks that run in the runtime's namespaces before pivot_root: prestart, then createRuntime.
    pub(crate) create_hooks: Vec<Hook>,
    /// Who gets the notifications of the filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
    /// Descriptors by slot.
    pub descriptors: Vec<Descriptor>,
    /// What creel-init does inside, in order.
    pub inside: Vec<Planned>,
    /// Whether the process has a terminal.
    pub terminal: bool,
    /// What was asked for and cannot be had, without being an error.
    pub warnings: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so.
fn is_false(value: &bool) -> bool {
    !*value
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
    /// An id that nobody has in the container's user namespace.
    Unmapped {
        /// The place in config.json.
        json_path: String,
        /// The id.
        id: u32,
        /// Where it would have to be: `linux.uidMappings` or `linux.gidMappings`.
        maps: &'static str,
    },
    /// Groups where setgroups(2) is forbidden.
    NoGroups {
        /// The groups.
        groups: Vec<u32>,
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
            PlanError::Unmapped { json_path, id, maps } => {
                write!(f, "{json_path}: {id} is not an id of the container; map it in {maps}")
            }
            PlanError::NoGroups { groups } => write!(
                f,
                "process.user.additionalGids: {groups:?} cannot be set, for a user namespace that has only its \
                 maker's own group must do without setgroups(2); map a range of /etc/subgid in linux.gidMappings, \
                 or take them out"
            ),
            PlanError::Cgroup(error) => error.fmt(f),
            PlanError::Seccomp(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PlanError::Cgroup(source) => source.source(),
            _ => None,
        }
    }
}

/// Collects steps in order, with the place each comes from.
#[derive(Debug)]
struct Script {
    steps: Vec<Planned>,
    descriptors: Vec<Descriptor>,
    warnings: Vec<String>,
    /// See [`Plan`].
    opens_devices: bool,
}

/// As many steps as a usual start has.
const USUAL: usize = 64;

impl Script {
    fn new() -> Self {
        let (steps, descriptors) = (Vec::with_capacity(USUAL), vec![Descriptor::Conversation]);
        Script { steps, descriptors, opens_devices: false, warnings: Vec::new() }
    }

    fn push(&mut self, origin: impl Into<String>, step: Step) {
        self.steps.push(Planned { origin: origin.into(), step });
    }

    /// Before all else, so that it is known of all of it.
    fn clock(&mut self, traced: bool) {
        if traced {
            let times = self.slot(Descriptor::Times);
            self.push("", Step::Clock { times });
        }
    }

    /// After a change of ids or of the user namespace, which takes back what was said: sysctl fs.suid_dumpable.
    fn stay_non_dumpable(&mut self) {
        let said = |planned: &Planned| matches!(planned.step, Step::NonDumpable {});
        if self.steps.iter().any(said) {
            self.push("", Step::NonDumpable {});
        }
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

/// The JSON path of an item. Every start has dozens of them.
fn item(list: &str, index: usize) -> String {
    let mut path = String::with_capacity(list.len() + "[123]".len());
    path.push_str(list);
    path.push('[');
    decimal::push(&mut path, index as u64, 1);
    path.push(']');
    path
}

/// A text for a step; `json_path` is named when there is a NUL inside.
fn text(json_path: &str, value: impl Into<Vec<u8>>) -> Result<Text, PlanError> {
    text_at(|| json_path.to_owned(), value)
}

/// As [`text`], with the JSON path made only when it is needed.
fn text_at(
    json_path: impl FnOnce() -> String,
    value: impl Into<Vec<u8>>,
) -> Result<Text, PlanError> {
    Text::new(value).map_err(|_| PlanError::Nul { json_path: json_path() })
}

/// A text that holds no NUL because it is ours.
fn known_text(value: &'static str) -> Text {
    Text::new(value).unwrap_or_default()
}

/// A path of the container as the steps want it: relative to the root, without `.` and `..`.
fn inside_path(json_path: &str, path: &str) -> Result<Text, PlanError> {
    inside_path_at(|| json_path.to_owned(), path)
}

/// As [`inside_path`], with the JSON path made only when it is needed.
fn inside_path_at(json_path: impl FnOnce() -> String, path: &str) -> Result<Text, PlanError> {
    // With room for the NUL.
    let mut clean = Vec::with_capacity(path.len() + 1);
    for part in path.as_bytes().split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => clean.truncate(clean.iter().rposition(|byte| *byte == b'/').unwrap_or(0)),
            part => {
                if !clean.is_empty() {
                    clean.push(b'/');
                }
                clean.extend_from_slice(part);
            }
        }
    }
    text_at(json_path, clean)
}

#[cfg(test)]
mod tests;
