//! Id mappings (config-linux.md, User namespace mappings; user_namespaces(7)).

use oci_spec::runtime::{LinuxIdMapping, LinuxNamespaceType, Spec};

use super::{CheckError, namespaces};

/// The most lines a uid_map or gid_map takes, since Linux 4.15.
const MOST: usize = 340;

/// Checks `linux.uidMappings` and `linux.gidMappings` against the user namespace.
pub(super) fn check(spec: &Spec) -> Result<(), CheckError> {
    let linux = spec.linux().as_ref();
    let user = namespaces::of(spec, LinuxNamespaceType::User);
    let given = [
        ("linux.uidMappings", linux.and_then(|linux| linux.uid_mappings().as_deref())),
        ("linux.gidMappings", linux.and_then(|linux| linux.gid_mappings().as_deref())),
    ];
    for (path, given) in given {
        let given = given.unwrap_or_default();
        if !given.is_empty() {
            namespaces::require(spec, "user", path, describe(&given[0]))?;
        } else if user.is_some_and(|namespace| namespace.path().is_none()) {
            // Without one nobody inside has an id. A joined namespace has its own already.
            return Err(CheckError::missing(path, "given for a new user namespace"));
        }
        mappings(given, path)?;
    }
    Ok(())
}

/// Checks one list of mappings that stands at the JSON path `at`: sizes, ends and overlaps.
pub(super) fn mappings(given: &[LinuxIdMapping], at: &str) -> Result<(), CheckError> {
    if given.len() > MOST {
        return Err(CheckError::unsupported(at, given.len(), "at most 340 mappings"));
    }
    for (index, mapping) in given.iter().enumerate() {
        let path = format!("{at}[{index}]");
        if mapping.size() == 0 {
            return Err(CheckError::unsupported(path + ".size", 0, "at least 1"));
        }
        range(mapping.container_id(), mapping.size(), &path)?;
        range(mapping.host_id(), mapping.size(), &path)?;
        let meets = |other: &LinuxIdMapping| overlap(mapping, other);
        if let Some(first) = given[..index].iter().position(meets) {
            return Err(CheckError::Duplicate {
                path,
                found: describe(mapping),
                first: format!("{at}[{first}]"),
            });
        }
    }
    Ok(())
}

/// The last id, 4294967295, means "no id" (chown(2)) and cannot be mapped.
fn range(first: u32, size: u32, path: &str) -> Result<(), CheckError> {
    match first.checked_add(size) {
        Some(_) => Ok(()),
        None => Err(CheckError::unsupported(
            path,
            format!("{size} ids from {first} on"),
            "a range that ends at or below 4294967294",
        )),
    }
}

fn overlap(a: &LinuxIdMapping, b: &LinuxIdMapping) -> bool {
    let ranges_meet = |a_first: u32, b_first: u32| {
        a_first < b_first.saturating_add(b.size()) && b_first < a_first.saturating_add(a.size())
    };
    ranges_meet(a.container_id(), b.container_id()) || ranges_meet(a.host_id(), b.host_id())
}

fn describe(mapping: &LinuxIdMapping) -> String {
    let (inside, outside) = (mapping.container_id(), mapping.host_id());
    format!("{} ids from {inside} in the container, {outside} on the host", mapping.size())
}
