//! What a mount of type `cgroup` shows in a container.

use std::path::PathBuf;

use serde::Serialize;

use super::plan::{Directory, Kind, Plan};

/// One bind mount that a `cgroup` mount of the configuration becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupMount {
    /// Where it goes: the name of a directory in a tmpfs on the mount's destination, or empty for the
    /// destination itself (version 2).
    pub name: String,
    /// The directory of the host to bind.
    pub source: PathBuf,
    /// Names of symlinks to `name` beside it, for controllers mounted together.
    pub links: Vec<String>,
    /// Whatever the configuration says: it is not the container's own (CVE-2023-25809).
    pub read_only: bool,
}

impl Plan {
    /// Version 1: the container's own directory of each hierarchy. Version 2: its own directory with
    /// a cgroup namespace of its own, otherwise the whole mount. Where the container has none of its own, that of
    /// the runtime, read-only.
    pub fn mounts(&self, cgroup_namespace: bool) -> Vec<CgroupMount> {
        let own = self.directories.iter().map(|directory| (directory, false));
        let shared = self.shared.iter().map(|directory| (directory, true));
        let mounts = own.chain(shared).filter_map(|(directory, read_only)| match directory.kind {
            Kind::V1 => Some(CgroupMount { read_only, ..v1_mount(directory) }),
            Kind::Unified => None,
            Kind::V2 => {
                let whole = directory.mount.clone();
                let source = if cgroup_namespace { directory.path() } else { whole };
                Some(CgroupMount { name: String::new(), source, links: Vec::new(), read_only })
            }
        });
        mounts.collect()
    }
}

fn v1_mount(directory: &Directory) -> CgroupMount {
    let name = directory.mount.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_link = |controller: &&String| **controller != name && !controller.starts_with("name=");
    let links = directory.controllers.iter().filter(is_link).cloned().collect();
    CgroupMount { name, source: directory.path(), links, read_only: false }
}
