//! Whether the container's cgroup is handed over to its user.

use super::Host;
use super::id_maps::{IdMap, IdMaps};
use super::mount_options::{Options, attr};
use super::namespaces::{Namespace, Namespaces};
use crate::cgroups::Layout;
use oci_spec::runtime::{Mount, Spec};

/// The host's uid of the user that the container's process runs as, where the specification lets that user own the
/// cgroup (config-linux.md, "Cgroup ownership"): cgroup2 alone, a new cgroup namespace, and a mount of it that can be
/// written to. `None` also where the cgroup would stay root's,
/// and where the caller is not root: what it makes is its own and stays so.
pub(super) fn owner(
    spec: &Spec,
    namespaces: &Namespaces,
    maps: Option<&IdMaps>,
    host: &Host,
) -> Option<u32> {
    let is_v2 = matches!(host.cgroups, Layout::V2 { .. });
    let is_own = namespaces.is_new(Namespace::Cgroup) && !namespaces.joins(Namespace::User);
    let is_writable = spec.mounts().iter().flatten().any(is_writable_cgroup);
    if !(is_v2 && is_own && is_writable) {
        return None;
    }
    let user = spec.process().as_ref().map_or(0, |process| process.user().uid());
    let owner = match maps {
        None => Some(user),
        Some(maps) => maps.users.iter().find_map(|map| outside(map, user)),
    };
    owner.filter(|uid| *uid != 0 && host.user.0 == 0)
}

fn is_writable_cgroup(mount: &Mount) -> bool {
    let is_cgroup = matches!(mount.typ().as_deref(), Some("cgroup" | "cgroup2"));
    is_cgroup && Options::parse(mount.options().iter().flatten()).own.set & attr::RDONLY == 0
}

fn outside(map: &IdMap, id: u32) -> Option<u32> {
    let offset = id.checked_sub(map.container).filter(|offset| *offset < map.size)?;
    map.host.checked_add(offset)
}
