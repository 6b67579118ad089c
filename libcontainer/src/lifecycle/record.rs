//! What is entered in the state of a container that is about to be made.

use crate::plan::{Hook, Plan, Request, Surroundings};
use crate::seccomp::Installable;
use crate::state::{self, Record, StartStep};
use creel_wire::owned::Step;
use oci_spec::runtime::{Process, Spec};
use std::path::PathBuf;

/// All that is known before anything is made.
pub(super) fn record(spec: &Spec, request: &Request, plan: &Plan) -> Box<Record> {
    let rootfs = spec.root().as_ref().map_or(PathBuf::from("rootfs"), |root| root.path().clone());
    let mut namespaces = plan.new_namespaces.clone();
    namespaces.extend(plan.joined_namespaces.iter().map(|join| join.namespace));
    let hooks = spec.hooks().as_ref();
    Box::new(Record {
        version: state::VERSION,
        oci_version: spec.version().clone(),
        id: request.id.clone(),
        bundle: request.bundle.clone(),
        rootfs: request.bundle.join(rootfs),
        created: state::now(),
        owner: nix::unistd::geteuid().as_raw(),
        annotations: spec.annotations().clone().unwrap_or_default().into_iter().collect(),
        cgroup: plan.cgroup.record(),
        resources: spec.linux().as_ref().and_then(|l| l.resources().clone()).unwrap_or_default(),
        namespaces,
        rdt: None,
        surroundings: Surroundings::of(spec.linux().as_ref()),
        joined_pid: plan.second_process,
        no_new_keyring: request.no_new_keyring,
        poststart: Hook::all("poststart", hooks.and_then(|hooks| hooks.poststart().as_ref())),
        poststop: Hook::all("poststop", hooks.and_then(|hooks| hooks.poststop().as_ref())),
        process: None,
        start_steps: StartStep::of_plan(&plan.inside),
        seccomp: installable(plan),
        launched: None,
        init: None,
    })
}

/// What exec starts from, taken out of a configuration that is planned already.
pub(super) fn settings(spec: &mut Spec) -> Process {
    let mut process = spec.process_mut().take().unwrap_or_default();
    process.set_args(None);
    process
}

/// The filter that exec installs as well.
fn installable(plan: &Plan) -> Option<Installable> {
    plan.inside.iter().find_map(|planned| match &planned.step {
        Step::Seccomp { flags, program, .. } => Some(Installable {
            flags: *flags,
            program: program.clone(),
            listener: plan.listener.clone(),
        }),
        _ => None,
    })
}
