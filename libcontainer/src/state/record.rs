//! What is saved of a container, and what is shown of it.

use crate::cgroups;
use crate::features::NEWEST;
use crate::plan::{Hook, Namespace, Planned, Surroundings};
use crate::process::identity::Identity;
use crate::rdt;
use crate::seccomp::Installable;
use creel_wire::Slot;
use creel_wire::owned::{Step, Text};
use oci_spec::runtime::{LinuxResources, Process};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The version of the file's layout; a file of another version is refused.
pub(crate) const VERSION: u32 = 1;

/// `state.json`. Entered before anything is made, so that `delete --force` can clean up after a runtime that
/// was killed at any moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) version: u32,
    pub(crate) oci_version: String,
    pub(crate) id: String,
    pub(crate) bundle: PathBuf,
    pub(crate) rootfs: PathBuf,
    /// RFC 3339.
    pub(crate) created: String,
    /// The user who created it.
    pub(crate) owner: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) cgroup: cgroups::Record,
    /// What it may use: of config.json, and of updates.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) resources: LinuxResources,
    /// The namespaces that it does not share with the runtime: what exec has to join.
    pub(crate) namespaces: Vec<Namespace>,
    /// Its directories in the resctrl file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rdt: Option<rdt::Groups>,
    /// What exec gives its processes besides the settings.
    #[serde(default, skip_serializing_if = "Surroundings::is_default")]
    pub(crate) surroundings: Surroundings,
    /// Its pid namespace is somebody else's too: the end of its process does not end all that is in it.
    pub(crate) joined_pid: bool,
    pub(crate) no_new_keyring: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) poststart: Vec<Hook>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) poststop: Vec<Hook>,
    /// The settings that exec starts from, without arguments. Once creel-init is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) process: Option<Process>,
    /// The filter that exec installs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seccomp: Option<Installable>,
    /// What `start` may hear about: the steps, by index, for its messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) start_steps: Vec<StartStep>,
    /// creel-init as soon as it runs, where no cgroup tells which processes are the container's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) launched: Option<RunningProcess>,
    /// Once creel-init is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) init: Option<RunningProcess>,
}

fn is_default(resources: &LinuxResources) -> bool {
    *resources == LinuxResources::default()
}

/// A step that is carried out after `create` has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StartStep {
    pub(crate) index: usize,
    pub(crate) origin: String,
    /// The program of a hook, or args[0].
    pub(crate) program: String,
}

/// The container's first process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RunningProcess {
    #[serde(flatten)]
    pub(crate) identity: Identity,
}

/// Runtime spec, "State": where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being made.
    Creating,
    /// It waits for `start`.
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// Its process has ended.
    Stopped,
}

impl Status {
    /// As the runtime spec writes it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Runtime spec, "State", with what runc adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The version of the spec that config.json names.
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// Its first process as seen from the host; 0 when stopped.
    pub pid: i32,
    /// Where it is in its life.
    pub status: Status,
    /// The absolute path of the bundle.
    pub bundle: PathBuf,
    /// The absolute path of the root file system.
    pub rootfs: PathBuf,
    /// RFC 3339.
    pub created: String,
    /// As in config.json.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The name of the user who created it in a list; empty in the state of one container, as in runc.
    pub owner: String,
}

impl StartStep {
    /// Those of a plan.
    pub(crate) fn of_plan(steps: &[Planned]) -> Vec<StartStep> {
        let waits = |planned: &Planned| matches!(planned.step, Step::AwaitStart { .. });
        let Some(first) = steps.iter().position(waits) else { return Vec::new() };
        let late = steps.iter().enumerate().skip(first);
        late.filter_map(|(index, planned)| {
            let program = match &planned.step {
                Step::Hook { path, .. } => path.display(),
                Step::Execute { arguments, .. } => arguments.first()?.display(),
                _ => return None,
            };
            Some(StartStep { index, origin: planned.origin.clone(), program })
        })
        .collect()
    }

    /// As much of the step as its message needs.
    pub(crate) fn planned(&self) -> Planned {
        let program = Text::new(self.program.as_str()).unwrap_or_default();
        let step = if self.origin.starts_with("hooks.") {
            let (arguments, environment) = (Vec::new(), Vec::new());
            Step::Hook { path: program, arguments, environment, timeout: 0, stdin: Slot(0) }
        } else {
            Step::Execute { arguments: vec![program], environment: Vec::new() }
        };
        Planned { origin: self.origin.clone(), step }
    }
}

/// Runtime spec, "State": what hooks read on standard input.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HookState<'a> {
    oci_version: &'a str,
    id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pid: i32,
    bundle: &'a PathBuf,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// config-linux.md, "The Container Process State": what a seccomp agent gets with the descriptor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessState<'a> {
    oci_version: &'a str,
    /// The descriptors that come along, by name.
    fds: [&'a str; 1],
    pid: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    state: HookState<'a>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde calls it so.
fn is_zero(pid: &i32) -> bool {
    *pid == 0
}

impl Record {
    /// The state as hooks get it, with the pid as seen from the host.
    pub(crate) fn hook_state(&self, status: &str, pid: i32) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.spec_state(status, pid))
    }

    /// What an agent gets; `pid` is the process that it is asked for, as seen from the host.
    pub(crate) fn process_state(
        &self,
        status: Status,
        pid: i32,
        metadata: Option<&str>,
    ) -> serde_json::Result<Vec<u8>> {
        let status = status.to_string();
        let first = self.init.map_or(pid, |init| init.identity.pid);
        serde_json::to_vec(&ProcessState {
            oci_version: NEWEST,
            fds: ["seccompFd"],
            pid,
            metadata,
            state: self.spec_state(&status, first),
        })
    }

    fn spec_state<'a>(&'a self, status: &'a str, pid: i32) -> HookState<'a> {
        HookState {
            oci_version: &self.oci_version,
            id: &self.id,
            status,
            pid,
            bundle: &self.bundle,
            annotations: &self.annotations,
        }
    }
}
