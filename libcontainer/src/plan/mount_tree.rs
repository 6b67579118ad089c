//! Id-mapped binds. Only who has rights over the file system itself may map its ids, so the library makes
//! the tree of mounts, and creel-init only attaches it.

use super::PlanError;
use super::id_maps::IdMaps;
use super::mount_options::Options;
use super::namespaces::{Join, Namespace, Namespaces};
use oci_spec::runtime::{Mount, Spec};
use serde::Serialize;
use std::path::PathBuf;

/// A detached copy of mounts of the host, with its ids mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountTree {
    /// The place in config.json.
    pub origin: String,
    /// A path of the host.
    pub source: PathBuf,
    /// The mounts below it too.
    pub recursive: bool,
    /// MOUNT_ATTR_* to set and to clear on the mount itself.
    pub own: (u64, u64),
    /// MOUNT_ATTR_* to set and to clear on those below too.
    pub below: (u64, u64),
    /// How ids are mapped.
    pub ids: MountIds,
    /// Those of the mounts below are mapped too (`ridmap`).
    pub ids_below: bool,
}

/// Where the maps of an id-mapped mount come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MountIds {
    /// Given, or those of the container's new user namespace.
    Maps(IdMaps),
    /// Those of a user namespace that the container joins.
    Joined(Join),
}

impl MountIds {
    /// config.md, "Linux mount options": the mount's own maps, or else the container's.
    pub(super) fn of(
        origin: &str,
        mount: &Mount,
        options: &Options,
        spec: &Spec,
        namespaces: &Namespaces,
    ) -> Result<Option<Self>, PlanError> {
        let own = IdMaps::of_mount(mount);
        let given = !own.users.is_empty() || !own.groups.is_empty();
        let word = match options.ids_below {
            _ if given && options.ids_below.is_none() => "uidMappings",
            None => return Ok(None),
            Some(false) => "idmap",
            Some(true) => "ridmap",
        };
        let refuse = |allowed| PlanError::Unsupported {
            json_path: format!("{origin}.options"),
            found: word.to_owned(),
            allowed,
        };
        if !options.bind || options.remount {
            return Err(refuse("only a bind can be id-mapped: add bind or rbind"));
        }
        if given {
            return Ok(Some(MountIds::Maps(own)));
        }
        if let Some(maps) = IdMaps::of(spec, namespaces) {
            return Ok(Some(MountIds::Maps(maps)));
        }
        match namespaces.joined.iter().find(|join| join.namespace == Namespace::User) {
            Some(join) => Ok(Some(MountIds::Joined(join.clone()))),
            None => Err(refuse(
                "it needs uidMappings and gidMappings, or a user namespace of the container",
            )),
        }
    }
}
