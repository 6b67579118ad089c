//! The ids of a new user namespace.

use super::namespaces::{Namespace, Namespaces};
use oci_spec::runtime::{LinuxIdMapping, Mount, Spec};
use serde::Serialize;

/// One line of user_namespaces(7), "User and group ID mappings".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdMap {
    /// The first id inside.
    pub container: u32,
    /// The first id outside.
    pub host: u32,
    /// How many.
    pub size: u32,
}

/// The maps of users and groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdMaps {
    /// `linux.uidMappings`.
    pub users: Vec<IdMap>,
    /// `linux.gidMappings`.
    pub groups: Vec<IdMap>,
}

impl IdMaps {
    /// Those of a new user namespace; one that is joined has its own.
    pub(super) fn of(spec: &Spec, namespaces: &Namespaces) -> Option<Self> {
        if !namespaces.is_new(Namespace::User) {
            return None;
        }
        let linux = spec.linux().as_ref();
        Some(IdMaps {
            users: maps(linux.and_then(|linux| linux.uid_mappings().as_ref())),
            groups: maps(linux.and_then(|linux| linux.gid_mappings().as_ref())),
        })
    }

    /// Those of a mount; empty when it has none.
    pub(super) fn of_mount(mount: &Mount) -> Self {
        IdMaps {
            users: maps(mount.uid_mappings().as_ref()),
            groups: maps(mount.gid_mappings().as_ref()),
        }
    }

    /// The text that the kernel takes, in one write.
    pub(crate) fn text(maps: &[IdMap]) -> String {
        maps.iter().map(|map| format!("{} {} {}\n", map.container, map.host, map.size)).collect()
    }
}

fn maps(mappings: Option<&Vec<LinuxIdMapping>>) -> Vec<IdMap> {
    let mappings = mappings.into_iter().flatten();
    mappings
        .map(|map| IdMap { container: map.container_id(), host: map.host_id(), size: map.size() })
        .collect()
}
