//! To whom the container's cgroup is given (config-linux.md, "Cgroup ownership").

use super::mount_options::{Options, attr};
use super::namespaces::{Namespace, Namespaces};
use crate::cgroups::Layout;
use oci_spec::runtime::{Mount, Spec};
use std::path::Path;

/// The uid on the host of `process.user`, where the container can manage its cgroup at all and nothing of others: on
/// cgroup2 alone, with a cgroup namespace of its own, and the file system writable. `None` too for a user that is
/// not mapped.
pub(super) fn of(spec: &Spec, namespaces: &Namespaces, layout: &Layout) -> Option<u32> {
    let is_alone = matches!(layout, Layout::V2 { .. });
    if !is_alone || !namespaces.is_new(Namespace::Cgroup) || !is_writable(spec) {
        return None;
    }
    let uid = spec.process().as_ref().map_or(0, |process| process.user().uid());
    if !namespaces.has(Namespace::User) {
        return Some(uid);
    }
    let maps = spec.linux().as_ref()?.uid_mappings().as_ref()?;
    maps.iter().find_map(|map| {
        let offset = uid.checked_sub(map.container_id()).filter(|offset| *offset < map.size())?;
        map.host_id().checked_add(offset)
    })
}

/// Whether the last mount at /sys/fs/cgroup is of cgroups, and writable.
fn is_writable(spec: &Spec) -> bool {
    let is_there = |mount: &&Mount| mount.destination() == Path::new("/sys/fs/cgroup");
    let last = spec.mounts().iter().flatten().rfind(is_there);
    last.is_some_and(|mount| {
        let options = Options::parse(mount.options().iter().flatten());
        let is_cgroup = matches!(mount.typ().as_deref(), Some("cgroup" | "cgroup2"));
        is_cgroup && !options.bind && options.own.set & attr::RDONLY == 0
    })
}
