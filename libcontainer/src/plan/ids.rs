//! Ids that config.json names and its maps have to have.

use super::id_maps::IdMaps;
use super::{PlanError, mount_options};
use oci_spec::runtime::Spec;

/// In a new user namespace: the process's user, its groups, and the owners of file systems. `no_groups`: the
/// namespace is made without setgroups(2).
pub(super) fn check(spec: &Spec, maps: &IdMaps, no_groups: bool) -> Result<(), PlanError> {
    let user = |json_path: &str, id| require(maps.has_user(id), json_path, id, USERS);
    let group = |json_path: &str, id| require(maps.has_group(id), json_path, id, GROUPS);
    if let Some(process) = spec.process() {
        user("process.user.uid", process.user().uid())?;
        group("process.user.gid", process.user().gid())?;
        let additional = process.user().additional_gids().clone().unwrap_or_default();
        if no_groups && !additional.is_empty() {
            return Err(PlanError::NoGroups { groups: additional });
        }
        for (index, id) in additional.iter().enumerate() {
            group(&format!("process.user.additionalGids[{index}]"), *id)?;
        }
    }
    for (index, mount) in spec.mounts().iter().flatten().enumerate() {
        let options = mount_options::Options::parse(mount.options().iter().flatten());
        // A bind does not look at them.
        for option in options.parameters.iter().filter(|_| !options.bind) {
            let json_path = format!("mounts[{index}].options");
            match option.split_once('=').and_then(|(key, id)| Some((key, id.parse().ok()?))) {
                Some(("uid", id)) => user(&json_path, id)?,
                Some(("gid", id)) => group(&json_path, id)?,
                _ => {}
            }
        }
    }
    Ok(())
}

const USERS: &str = "linux.uidMappings";
const GROUPS: &str = "linux.gidMappings";

fn require(mapped: bool, json_path: &str, id: u32, maps: &'static str) -> Result<(), PlanError> {
    if mapped {
        return Ok(());
    }
    Err(PlanError::Unmapped { json_path: json_path.to_owned(), id, maps })
}
