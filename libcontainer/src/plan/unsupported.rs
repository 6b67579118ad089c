//! What config.json may ask for and creel cannot do yet: refused, never left out in silence.

use super::PlanError;
use oci_spec::runtime::Spec;

/// Everything of a start. Absent and empty values ask for nothing.
pub(super) fn refuse(spec: &Spec) -> Result<(), PlanError> {
    // Even an empty object asks for a class of the container's own (config-linux.md, "IntelRdt").
    let rdt = spec.linux().as_ref().and_then(|linux| linux.intel_rdt().as_ref());
    match rdt.map(|rdt| rdt.clos_id().as_deref().unwrap_or("a class of its own")) {
        None => Ok(()),
        Some(found) => Err(PlanError::Unsupported {
            json_path: "linux.intelRdt".to_owned(),
            found: found.to_owned(),
            allowed: "this version of creel cannot do it yet: leave it out",
        }),
    }
}

/// Engines send a filter with every container, so it is no error; but whoever reads the log has to learn
/// that it is not in force.
pub(super) fn warnings(spec: &Spec) -> Vec<String> {
    let seccomp = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
    let warning = "linux.seccomp: this version of creel installs no filter yet: the container runs \
                   without it";
    seccomp.map(|_| warning.to_owned()).into_iter().collect()
}
