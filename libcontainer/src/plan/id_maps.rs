//! The ids of a new user namespace.

use super::Host;
use super::namespaces::{Namespace, Namespaces};
use caps::Capability;
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

/// Who writes a map. Without CAP_SETUID or CAP_SETGID a process may map its own id and no other
/// (user_namespaces(7), "Defining user and group ID mappings").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MapWriter {
    /// The library.
    #[default]
    Caller,
    /// The library, which has to give up setgroups(2) inside for it.
    CallerWithoutGroups,
    /// newuidmap(1) or newgidmap(1), which may do what /etc/subuid and /etc/subgid allow.
    Helper,
}

/// Who writes the maps of users and groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MapWriters {
    /// `uid_map`.
    pub users: MapWriter,
    /// `gid_map`.
    pub groups: MapWriter,
}

impl MapWriters {
    pub(super) fn of(maps: Option<&IdMaps>, host: &Host) -> Self {
        let Some(maps) = maps else { return MapWriters::default() };
        let is_only =
            |maps: &[IdMap], own: u32| matches!(maps, [map] if (map.host, map.size) == (own, 1));
        let users = match host.has(Capability::CAP_SETUID) || is_only(&maps.users, host.user.0) {
            true => MapWriter::Caller,
            false => MapWriter::Helper,
        };
        let groups = match (host.has(Capability::CAP_SETGID), is_only(&maps.groups, host.user.1)) {
            (true, _) => MapWriter::Caller,
            (false, true) => MapWriter::CallerWithoutGroups,
            (false, false) => MapWriter::Helper,
        };
        MapWriters { users, groups }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == MapWriters::default()
    }
}

impl IdMap {
    fn holds(&self, id: u32) -> bool {
        id >= self.container && id - self.container < self.size
    }
}

impl IdMaps {
    /// Whether a user of the container is somebody.
    pub(super) fn has_user(&self, id: u32) -> bool {
        self.users.iter().any(|map| map.holds(id))
    }

    /// Whether a group of the container is one.
    pub(super) fn has_group(&self, id: u32) -> bool {
        self.groups.iter().any(|map| map.holds(id))
    }

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
