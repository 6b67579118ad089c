//! What `exec` will do: the same steps with the same types as a start, from the container's own process
//! settings with explicit overrides on top.

use super::inside::{become_process, execute};
use super::placement::{self, ExecAffinity, Surroundings};
use super::process::{self, Identity, Limit, console};
use super::{Descriptor, Host, Namespace, PlanError, Planned, Script, labels, seccomp, text};
use crate::seccomp::Installable;
use creel_wire::owned::Step;
use oci_spec::runtime::Process;

/// What to run in which container.
pub(crate) struct ExecRequest<'a> {
    /// The container's id, for its keyring.
    pub(crate) id: &'a str,
    /// The settings of the new process, overrides applied.
    pub(crate) process: &'a Process,
    /// What `linux` of its config.json says of the container's processes.
    pub(crate) surroundings: &'a Surroundings,
    /// The namespaces that the container has of its own.
    pub(crate) namespaces: &'a [Namespace],
    /// How many descriptors from 3 on the process inherits.
    pub(crate) preserve_fds: u32,
    /// Keep the caller's session keyring.
    pub(crate) no_new_keyring: bool,
    /// creel-init is cloned straight into the container's cgroup.
    pub(crate) in_cgroup: bool,
    /// The container's filter.
    pub(crate) filter: Option<&'a Installable>,
}

/// The plan of an exec.
#[derive(Debug)]
pub(crate) struct ExecPlan {
    pub(crate) descriptors: Vec<Descriptor>,
    pub(crate) inside: Vec<Planned>,
    pub(crate) outer_limits: Vec<Limit>,
    pub(crate) warnings: Vec<String>,
}

/// Everything of the container is joined by the program that was exec'd outside, which nobody inside may
/// trace from then on; the cgroup is entered before, so that nothing runs outside of its limits.
pub(crate) fn plan_exec(request: &ExecRequest<'_>, host: &Host) -> Result<ExecPlan, PlanError> {
    let mut script = Script::new();
    script.push("", Step::CloseFrom { first: 3 + request.preserve_fds });
    script.push("", Step::ResetSignals {});
    script.push("", Step::NonDumpable {});
    let affinity = ExecAffinity::of(request.process)?;
    affinity.first(&mut script);
    if !request.in_cgroup {
        script.push("", Step::AwaitAdmission {});
    }
    let kinds = request.namespaces.iter().fold(0, |kinds, namespace| kinds | namespace.flag());
    if kinds != 0 {
        let namespace = script.slot(Descriptor::Process);
        script.push("", Step::JoinNamespace { namespace, kind: kinds });
    }
    if request.namespaces.contains(&Namespace::Pid) {
        script.push("", Step::EnterPidNamespace {});
    }
    // With a mount namespace its root comes along; a container without one was only chroot'ed.
    if !request.namespaces.contains(&Namespace::Mount) {
        let root = script.slot(Descriptor::ProcessRoot);
        script.push("", Step::EnterRoot { root });
    }
    script.push("", Step::NewSession {});
    affinity.second(&mut script);
    if !request.no_new_keyring {
        let name = text("", format!("_ses.{}", request.id))?;
        script.push("", Step::SessionKeyring { name });
    }
    if request.process.terminal().unwrap_or(false) {
        script.push("process.terminal", console(request.process, false));
    }
    let mut identity = Identity::of(request.process, host)?;
    seccomp::keep_right(&mut identity.capabilities, request.filter, request.process, host);
    script.warnings.extend(identity.warnings.iter().cloned());
    let outer_limits = request.namespaces.contains(&Namespace::User);
    labels::plan(&mut script, request.process)?;
    placement::plan(&mut script, request.process, request.surroundings)?;
    become_process(&mut script, request.process, &identity, outer_limits)?;
    script.push("", Step::Ready {});
    seccomp::install(&mut script, request.filter);
    execute(&mut script, request.process)?;
    Ok(ExecPlan {
        descriptors: script.descriptors,
        inside: script.steps,
        outer_limits: if outer_limits {
            process::outer_limits(request.process)
        } else {
            Vec::new()
        },
        warnings: script.warnings,
    })
}
