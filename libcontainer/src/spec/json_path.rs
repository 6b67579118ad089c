//! Where in a JSON document something stands, written as `linux.namespaces[2].type`.

use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// Joins an object's path and a member's name; the path of the document itself is empty.
pub(super) fn member(parent: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match (parent.is_empty(), name.chars().all(plain)) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{parent}.{name}"),
        // A key with dots or slashes in it would read as several members.
        (_, false) => format!("{parent}[{name:?}]"),
    }
}

/// Writes the path that serde tracked, and finds the value that stands there.
pub(super) fn locate<'v>(document: &'v Value, path: &Path) -> (String, Option<&'v Value>) {
    let mut written = String::new();
    let mut found = Some(document);
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => {
                written.push_str(&format!("[{index}]"));
                found = found.and_then(|value| value.get(index));
            }
            Segment::Map { key } => {
                written = member(&written, key);
                found = found.and_then(|value| value.get(key));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    (written, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_no_plain_name_is_quoted() {
        assert_eq!(member("", "linux"), "linux");
        assert_eq!(member("linux", "sysctl"), "linux.sysctl");
        assert_eq!(member("linux.sysctl", "net.ipv4"), "linux.sysctl[\"net.ipv4\"]");
    }
}
