//! What config.json may ask for and creel cannot do yet: never left out in silence.

use oci_spec::runtime::Spec;

/// Engines send a filter with every container, so it is no error; but whoever reads the log has to learn
/// that it is not in force.
pub(super) fn warnings(spec: &Spec) -> Vec<String> {
    let seccomp = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
    let warning = "linux.seccomp: this version of creel installs no filter yet: the container runs \
                   without it";
    seccomp.map(|_| warning.to_owned()).into_iter().collect()
}
