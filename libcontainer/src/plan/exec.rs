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
    /// As [`Request::traced`](super::Request::traced).
    pub(crate) traced: bool,
    /// creel-init waits for what its caller does to it from outside, such as putting it into its cgroup.
    pub(crate) admitted: bool,
    /// The container's filter.
    pub(crate) filter: Option<&'a Installable>,
}

/// The plan of an exec.
#[derive(Debug)]
pub(crate) struct ExecPlan {
    pub(crate) descriptors: Vec<Descriptor>,
    pub(crate) inside: Vec<Planned>,
    pub(crate) outer_limits: Vec<Limit>,
    pub(crate) outer_scheduling: Vec<Planned>,
    /// It waits to be admitted.
    pub(crate) admitted: bool,
    pub(crate) warnings: Vec<String>,
}

/// Everything of the container is joined by the program that was exec'd outside, which nobody inside may
/// trace from then on; the cgroup is entered before, so that nothing runs outside of its limits.
pub(crate) fn plan_exec(request: &ExecRequest<'_>, host: &Host) -> Result<ExecPlan, PlanError> {
    let mut script = Script::new();
    script.clock(request.traced);
    script.push("", Step::CloseFrom { first: 3 + request.preserve_fds });
    script.push("", Step::ResetSignals {});
    let affinity = ExecAffinity::of(request.process)?;
    affinity.first(&mut script);
    // The files in /proc of what is not dumpable are root's: what the caller writes there comes before.
    if request.admitted {
        script.push("", Step::AwaitAdmission {});
    }
    script.push("", Step::NonDumpable {});
    let kinds = request.namespaces.iter().fold(0, |kinds, namespace| kinds | namespace.flag());
    if kinds != 0 {
        let namespace = script.slot(Descriptor::Process);
        script.push("", Step::JoinNamespace { namespace, kind: kinds });
    }
    if request.namespaces.contains(&Namespace::User) {
        script.stay_non_dumpable();
    }
    if request.namespaces.contains(&Namespace::Pid) {
        // Nothing is asked of it before it is ready.
        script.push("", Step::EnterPidNamespace { at_once: true });
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
    let outer_limits = request.namespaces.contains(&Namespace::User);
    let grantable = host.grantable(outer_limits);
    let mut identity = Identity::of(request.process, grantable)?;
    seccomp::keep_right(&mut identity.capabilities, request.filter, request.process, grantable);
    script.warnings.extend(identity.warnings.iter().cloned());
    labels::plan(&mut script, request.process)?;
    let outer_scheduling = placement::outer_scheduling(outer_limits, host);
    placement::plan(&mut script, request.process, request.surroundings, outer_scheduling)?;
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
        outer_scheduling: if outer_scheduling {
            placement::scheduling(request.process)
        } else {
            Vec::new()
        },
        admitted: request.admitted,
        warnings: script.warnings,
    })
}
