//! What a caller without root's rights may do with cgroups, found out before anything is made.

use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

use super::error::Error;
use super::layout::OwnCgroups;
use super::path::own_below;
use super::plan::{Directory, Kind, Plan, Write};

/// The hierarchies in which the caller may make no cgroup or may not move processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Their mounts.
    denied: Vec<PathBuf>,
}

impl Access {
    /// Looks whether each directory of the plan could be made and entered.
    pub fn probe(plan: &Plan, own: &OwnCgroups) -> Access {
        let denied = plan.directories.iter().filter(|directory| !is_usable(directory, own));
        Access { denied: denied.map(|directory| directory.mount.clone()).collect() }
    }

    /// Without these hierarchies.
    #[cfg(test)]
    pub(crate) fn denying(mounts: &[&str]) -> Access {
        Access { denied: mounts.iter().map(PathBuf::from).collect() }
    }

    /// Whether nothing is denied.
    pub fn is_full(&self) -> bool {
        self.denied.is_empty()
    }
}

impl Plan {
    /// The plan without the hierarchies that are denied; the container stays in the cgroups of the runtime
    /// there. Device rules go with them only `without_rules`: in a user namespace no device can be made, and those
    /// that are there are the user's to open in any case.
    ///
    /// # Errors
    /// [`Error::LimitDenied`] for the first limit that would be lost.
    pub(crate) fn within(
        mut self,
        access: &Access,
        own: &OwnCgroups,
        without_rules: bool,
    ) -> Result<Plan, Error> {
        let is_denied = |directory: &Directory| access.denied.contains(&directory.mount);
        let (denied, kept): (Vec<_>, Vec<_>) = self.directories.into_iter().partition(is_denied);
        let limits = denied.iter().flat_map(|directory| {
            directory.writes.iter().map(move |write| (directory.path(), write))
        });
        let may_go = |write: &Write| without_rules && write.file.starts_with("devices.");
        if let Some((path, write)) = limits.into_iter().find(|(_, write)| !may_go(write)) {
            return Err(Error::LimitDenied { path, json_path: write.json_path.clone() });
        }
        if let Some(v2) = denied.iter().find(|directory| directory.kind == Kind::V2) {
            if self.device_filter.take().is_some() && !without_rules {
                let json_path = "linux.resources.devices".to_owned();
                return Err(Error::LimitDenied { path: v2.path(), json_path });
            }
        }
        self.directories = kept;
        self.shared = denied.into_iter().map(|directory| runtimes_own(directory, own)).collect();
        Ok(self)
    }
}

/// The cgroup of the runtime, where the container's would have been made.
fn runtimes_own(directory: Directory, own: &OwnCgroups) -> Directory {
    let below = own_below(&directory, own);
    Directory { below, writes: Vec::new(), ..directory }
}

/// A cgroup is made in the nearest one above that is there. On cgroup2 a process can be moved only by
/// who may write cgroup.procs of the cgroup that is above both (cgroups(7), "delegation").
fn is_usable(directory: &Directory, own: &OwnCgroups) -> bool {
    let path = directory.path();
    let above = path.ancestors().skip(1).find(|path| path.exists());
    let makes = above.is_some_and(|path| may(path, AccessFlags::W_OK | AccessFlags::X_OK));
    if directory.kind == Kind::V1 || !makes {
        return makes;
    }
    let here = directory.mount.join(own_below(directory, own));
    let common = path.ancestors().find(|path| here.starts_with(path));
    common.is_none_or(|path| {
        let file = path.join("cgroup.procs");
        !file.exists() || may(&file, AccessFlags::W_OK)
    })
}

fn may(path: &Path, access: AccessFlags) -> bool {
    faccessat(AT_FDCWD, path, access, AtFlags::AT_EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Hierarchy, Layout, Request, plan};
    use super::*;
    use oci_spec::runtime::LinuxResources;
    use serde_json::json;

    const MOUNT: &str = "/sys/fs/cgroup";

    fn own() -> OwnCgroups {
        OwnCgroups::parse("0::/user.slice/session.scope\n")
    }

    fn devices_of_v1(mount: &str) -> Layout {
        let devices = Hierarchy {
            controllers: vec!["devices".to_owned()],
            mount: mount.into(),
            root: "/".to_owned(),
        };
        Layout::V1 { hierarchies: vec![devices], unified: None }
    }

    fn planned(resources: &serde_json::Value) -> Plan {
        planned_on(resources, &Layout::V2 { mount: MOUNT.into() })
    }

    fn planned_on(resources: &serde_json::Value, layout: &Layout) -> Plan {
        let resources: LinuxResources = serde_json::from_value(resources.clone()).unwrap();
        let request = Request { id: "web", cgroups_path: None, resources: Some(&resources) };
        plan(&request, layout, &own()).unwrap()
    }

    #[test]
    fn without_limits_the_container_stays_with_the_runtime_and_sees_that_read_only() {
        let devices = json!({"devices": [{"allow": false, "access": "rwm"}]});
        let plan = planned(&devices).within(&Access::denying(&[MOUNT]), &own(), true).unwrap();
        assert!(plan.directories.is_empty() && plan.device_filter.is_none());
        let mounts = plan.mounts(true);
        assert_eq!(mounts[0].source, Path::new("/sys/fs/cgroup/user.slice/session.scope"));
        assert!(mounts[0].read_only);
        assert!(plan.mounts(false)[0].read_only, "the whole mount, too");
    }

    #[test]
    fn a_limit_that_cannot_hold_is_an_error() {
        let limits = json!({"pids": {"limit": 5}});
        let refused = planned(&limits).within(&Access::denying(&[MOUNT]), &own(), true);
        let message = refused.unwrap_err().to_string();
        assert!(message.starts_with("linux.resources.pids.limit: "), "{message}");
        assert!(planned(&limits).within(&Access::default(), &own(), true).is_ok());
    }

    #[test]
    fn device_rules_that_matter_are_limits_too() {
        let rules = json!({"devices": [{"allow": false, "access": "rwm"}]});
        let refused = |plan: Plan, denied: &str| {
            plan.within(&Access::denying(&[denied]), &own(), false).unwrap_err().to_string()
        };
        let message = refused(planned(&rules), MOUNT);
        assert!(message.starts_with("linux.resources.devices: "), "{message}");
        let v1 = "/sys/fs/cgroup/devices";
        let message = refused(planned_on(&rules, &devices_of_v1(v1)), v1);
        assert!(message.starts_with("linux.resources.devices[0]: "), "{message}");
        assert!(planned(&rules).within(&Access::default(), &own(), false).is_ok());
    }
}
