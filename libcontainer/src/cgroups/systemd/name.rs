//! From `linux.cgroupsPath` to a unit and its slice.

use std::path::{Path, PathBuf};

use super::error::SystemdError;
use super::manager::Manager;

/// Begins the name of a unit without a prefix of its own.
const DEFAULT_PREFIX: &str = "creel";

/// A container's unit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnitName {
    /// Such as `creel-web.scope`.
    pub(super) unit: String,
    /// Such as `system.slice`.
    pub(super) slice: String,
    /// The container's own name.
    pub(super) name: String,
}

impl UnitName {
    /// `slice:prefix:name`; an empty slice is `system.slice`, or `user.slice` of a user's own systemd,
    /// and an empty prefix none. Without a path the name is the container's id.
    pub(super) fn of(
        cgroups_path: Option<&Path>,
        id: &str,
        manager: Manager,
    ) -> Result<UnitName, SystemdError> {
        let default_slice = match manager {
            Manager::System => "system.slice",
            Manager::User => "user.slice",
        };
        let path = cgroups_path.unwrap_or(Path::new("")).to_string_lossy();
        if path.is_empty() {
            return Ok(UnitName {
                unit: format!("{DEFAULT_PREFIX}-{id}.scope"),
                slice: default_slice.to_owned(),
                name: id.to_owned(),
            });
        }
        let wrong = |problem| SystemdError::Path { found: path.to_string(), problem };
        let parts: Vec<&str> = path.split(':').collect();
        let [slice, prefix, name] = parts[..] else {
            return Err(wrong("does not have three parts"));
        };
        let slice = if slice.is_empty() { default_slice } else { slice };
        let unit = match prefix {
            "" => format!("{name}.scope"),
            prefix => format!("{prefix}-{name}.scope"),
        };
        if name.is_empty() || !is_unit_name(&unit) {
            return Err(wrong("makes no unit name"));
        }
        if name.ends_with(".slice") {
            return Err(wrong("names a slice, which takes no process"));
        }
        expand(slice).ok_or_else(|| wrong("names no slice"))?;
        Ok(UnitName { unit, slice: slice.to_owned(), name: name.to_owned() })
    }

    /// The unit's cgroup below that of its systemd.
    pub(super) fn below(&self) -> PathBuf {
        expand(&self.slice).unwrap_or_default().join(&self.unit)
    }
}

/// systemd.unit(5): at most 255 bytes of these.
fn is_unit_name(name: &str) -> bool {
    name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b))
}

/// systemd.slice(5): `a-b.slice` is at `a.slice/a-b.slice`, and `-.slice` is the root.
fn expand(slice: &str) -> Option<PathBuf> {
    let name = slice.strip_suffix(".slice").filter(|_| is_unit_name(slice))?;
    if name == "-" {
        return Some(PathBuf::new());
    }
    if name.split('-').any(str::is_empty) {
        return None;
    }
    let ends = name.match_indices('-').map(|(at, _)| at).chain([name.len()]);
    Some(ends.map(|end| format!("{}.slice", &name[..end])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(path: &str, unit: &str, below: &str) {
        let name = UnitName::of(Some(Path::new(path)), "id", Manager::System).unwrap();
        assert_eq!((name.unit.as_str(), name.below().as_path()), (unit, Path::new(below)));
    }

    #[test]
    fn slices_are_nested_by_their_dashes() {
        is("system.slice:creel:x", "creel-x.scope", "system.slice/creel-x.scope");
        is(":p:x", "p-x.scope", "system.slice/p-x.scope");
        is("a-b-c.slice::x", "x.scope", "a.slice/a-b.slice/a-b-c.slice/x.scope");
        is("-.slice:p:x", "p-x.scope", "p-x.scope");
    }

    #[test]
    fn without_a_path_the_id_names_it() {
        for (manager, slice) in [(Manager::System, "system.slice"), (Manager::User, "user.slice")] {
            let name = UnitName::of(None, "web", manager).unwrap();
            assert_eq!(name.below(), Path::new(slice).join("creel-web.scope"));
        }
    }

    #[test]
    fn what_is_no_unit_is_refused() {
        for path in [
            "/a/b",
            "a:b",
            "a.slice:b:c:d",
            "a:b:c",
            "a.slice:b:",
            "-a.slice:b:c",
            "a--b.slice:b:c",
            "a.slice:b:c/d",
            "a.slice:b:../d",
            "../a.slice:b:c",
            "a.slice:b:c.slice",
            ".slice:b:c",
        ] {
            let found = UnitName::of(Some(Path::new(path)), "id", Manager::System);
            assert!(matches!(found, Err(SystemdError::Path { .. })), "{path}: {found:?}");
        }
    }
}
