//! As much of a record as `state` and `list` tell: the rest of the file, most of it, is passed over.

use super::error::StoreError;
use super::record::{RunningProcess, State, Status, VERSION};
use crate::cgroups;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Those fields of a [`Record`](super::Record) that do not grow with config.json, but for the annotations.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outline {
    version: u32,
    oci_version: String,
    id: String,
    bundle: PathBuf,
    rootfs: PathBuf,
    created: String,
    pub(crate) owner: u32,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    pub(crate) cgroup: cgroups::Record,
    #[serde(default)]
    pub(crate) init: Option<RunningProcess>,
}

impl Outline {
    /// What is shown, given what was found out of the process.
    pub(crate) fn state(self, status: Status) -> State {
        let pid = match status {
            Status::Stopped | Status::Creating => 0,
            _ => self.init.map_or(0, |init| init.identity.pid),
        };
        State {
            oci_version: self.oci_version,
            id: self.id,
            pid,
            status,
            bundle: self.bundle,
            rootfs: self.rootfs,
            created: self.created,
            annotations: self.annotations,
            owner: String::new(),
        }
    }
}

/// A record, or a part of one.
pub(super) trait Versioned {
    fn version(&self) -> u32;

    /// Itself, if this creel knows its version; `file` is where it was read.
    fn checked(self, file: &Path) -> Result<Self, StoreError>
    where
        Self: Sized,
    {
        match self.version() {
            VERSION => Ok(self),
            found => Err(StoreError::Version { path: file.to_owned(), found }),
        }
    }
}

impl Versioned for Outline {
    fn version(&self) -> u32 {
        self.version
    }
}

impl Versioned for super::Record {
    fn version(&self) -> u32 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn saved(version: u32) -> Outline {
        let saved = json!({
            "version": version, "ociVersion": "1.0.2", "id": "c", "bundle": "/b", "rootfs": "/b/r", "created": "now",
            "owner": 7, "cgroup": {"driver": "cgroupfs", "paths": {"": "/c"}, "made": true}, "annotations": {"a": "b"},
            "namespaces": ["pid"], "joinedPid": false, "process": {"cwd": "/", "rlimits": [{"hard": 1}]},
            "init": {"pid": 12, "startTime": 34}
        });
        serde_json::from_value(saved).unwrap()
    }

    #[test]
    fn what_is_not_shown_is_passed_over() {
        let outline = saved(VERSION).checked(Path::new("/f")).unwrap();
        assert_eq!(outline.owner, 7);
        let state = outline.state(Status::Running);
        assert_eq!((state.pid, state.id.as_str(), state.annotations["a"].as_str()), (12, "c", "b"));
        assert_eq!(saved(VERSION).state(Status::Stopped).pid, 0);
    }

    #[test]
    fn another_version_is_refused() {
        let refused = saved(VERSION + 1).checked(Path::new("/f"));
        assert!(matches!(refused, Err(StoreError::Version { found, .. }) if found == VERSION + 1));
    }
}
