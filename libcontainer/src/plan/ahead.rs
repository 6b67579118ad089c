//! Which namespaces are begun before a configuration is planned, and before it is even parsed.

use super::namespaces::{Namespace, Namespaces};
use memchr::memmem::find;
use oci_spec::runtime::Spec;

/// The namespaces of a configuration that are made before it is planned: CLONE_NEW* flags.
pub(crate) fn ahead(spec: &Spec) -> u64 {
    Namespaces::of(spec).ahead().map_or(0, |kind| u64::from(kind.flag()))
}

/// What [`ahead`] will most likely say of the configuration with this text, for a small part of what parsing it takes. It
/// sees no more than words in the first list that is called "namespaces", so [`ahead`] has to be asked later.
pub(crate) fn guess_ahead(config: &[u8]) -> u64 {
    let Some(list) = after(config, b"\"namespaces\"").and_then(|rest| until(rest, b']')) else {
        return 0;
    };
    let Some(at) = find(list, b"\"network\"") else { return 0 };
    let (before, behind) = list.split_at(at);
    let begin = before.iter().rposition(|byte| *byte == b'{').unwrap_or(0);
    let end = until(behind, b'}').map_or(0, <[u8]>::len);
    let is_joined = find(&list[begin..at + end], b"\"path\"").is_some();
    if is_joined || find(list, b"\"user\"").is_some() {
        return 0;
    }
    u64::from(Namespace::Network.flag())
}

fn after<'a>(text: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    find(text, word).map(|at| &text[at + word.len()..])
}

fn until(text: &[u8], end: u8) -> Option<&[u8]> {
    text.iter().position(|byte| *byte == end).map(|at| &text[..at])
}
