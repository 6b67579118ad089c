//! The filter: the last thing before execve(2).

use super::capabilities::Sets;
use super::{Descriptor, PlanError, Script};
use crate::seccomp::{Filter, Installable, Listener};
use caps::Capability;
use creel_wire::owned::Step;
use oci_spec::runtime::{Process, Spec};

pub(super) fn compile(spec: &Spec) -> Result<Option<Installable>, PlanError> {
    let profile = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
    let Some(profile) = profile else { return Ok(None) };
    let filter = Filter::compile(profile).map_err(PlanError::Seccomp)?;
    let listener = Listener::of(profile, &filter);
    Ok(Some(Installable { flags: filter.flags, program: filter.bytes(), listener }))
}

/// Without no_new_privs only CAP_SYS_ADMIN may install a filter. It is kept as an extra in the permitted and
/// effective sets until then, and execve(2) takes it away: it can only be regained from the bounding or the
/// ambient set, where it is not unless it was asked for.
pub(super) fn keep_right(
    sets: &mut Sets,
    filter: Option<&Installable>,
    process: &Process,
    grantable: u64,
) {
    if filter.is_some() && !process.no_new_privileges().unwrap_or(false) {
        let right = Capability::CAP_SYS_ADMIN.bitmask() & grantable;
        sets.permitted |= right;
        sets.effective |= right;
    }
}

/// After this nothing may follow but [`Step::Execute`].
pub(super) fn install(script: &mut Script, filter: Option<&Installable>) {
    if let Some(Installable { flags, program, .. }) = filter {
        let report = script.slot(Descriptor::Report);
        let step = Step::Seccomp { flags: *flags, program: program.clone(), report };
        script.push("linux.seccomp", step);
    }
}
