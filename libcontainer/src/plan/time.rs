//! The time namespace.

use super::Script;
use super::namespaces::{Namespace, Namespaces};
use creel_wire::owned::Step;
use oci_spec::runtime::Spec;

/// Makes a new one with its offsets; one that is joined has its own.
pub(super) fn plan(script: &mut Script, spec: &Spec, namespaces: &Namespaces) {
    if !namespaces.is_new(Namespace::Time) {
        return;
    }
    let offsets = spec.linux().as_ref().and_then(|linux| linux.time_offsets().as_ref());
    let mut lines: Vec<String> = offsets
        .into_iter()
        .flatten()
        .map(|(clock, offset)| {
            format!("{clock} {} {}\n", offset.secs().unwrap_or(0), offset.nanosecs().unwrap_or(0))
        })
        .collect();
    lines.sort();
    let offsets = lines.concat().into_bytes();
    script.push("linux.timeOffsets", Step::TimeNamespace { offsets });
}
