//! What is known of the host: probed once a command, no more than the plan needs.

use crate::cgroups::{self, Access, Layout, OwnCgroups, needs_own_cgroups};
use crate::error::Error;
use crate::plan::Host;
use crate::sys;
use std::path::Path;

impl Host {
    /// Probes this host. The caller's own cgroups are read only when `cgroups_path` is relative to them.
    pub fn probe(cgroups_path: Option<&Path>) -> Result<Host, Error> {
        let own_cgroups = if needs_own_cgroups(cgroups_path) {
            OwnCgroups::read()?
        } else {
            OwnCgroups::default()
        };
        let (capabilities, user) = (capabilities()?, user());
        let in_user_namespace = is_in_user_namespace();
        let cgroup_access = Access::default();
        let cgroups = Layout::probe()?;
        Ok(Host { cgroups, own_cgroups, capabilities, user, in_user_namespace, cgroup_access })
    }

    /// For a container that has no cgroup.
    pub(crate) fn without_cgroups() -> Result<Host, Error> {
        Ok(Host { in_user_namespace: is_in_user_namespace(), ..Host::for_exec()? })
    }

    /// For exec, which needs nothing of the cgroup layout.
    pub(crate) fn for_exec() -> Result<Host, Error> {
        Ok(Host {
            cgroups: cgroups::Layout::V2 { mount: "/sys/fs/cgroup".into() },
            own_cgroups: OwnCgroups::default(),
            capabilities: capabilities()?,
            user: user(),
            in_user_namespace: false,
            cgroup_access: Access::default(),
        })
    }
}

fn user() -> (u32, u32) {
    (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
}

/// The first user namespace has a number that is always the same (PROC_USER_INIT_INO of the kernel).
fn is_in_user_namespace() -> bool {
    let link = std::fs::read_link("/proc/self/ns/user");
    link.is_ok_and(|link| link.as_os_str() != "user:[4026531837]")
}

fn capabilities() -> Result<u64, Error> {
    sys::capabilities().map_err(|source| Error::io("read creel's own capabilities", "", source))
}
