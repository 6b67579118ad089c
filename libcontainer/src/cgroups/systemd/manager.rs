//! Which systemd makes the cgroup: the system's, or the one of the user who calls.

use std::fs;
use std::path::PathBuf;

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::bus::Bus;
use super::error::SystemdError;

/// A systemd that manages units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// The init of the system.
    #[default]
    System,
    /// The user's own (`systemd --user`), whose units are below its cgroup.
    User,
}

impl Manager {
    /// The one that lets this caller start units: only root may ask the system's.
    fn of_caller() -> Manager {
        let is_root = geteuid().is_root() && !is_in_user_namespace();
        if is_root { Manager::System } else { Manager::User }
    }

    /// For serde.
    pub(in crate::cgroups) fn is_system(&self) -> bool {
        *self == Manager::System
    }
}

/// The systemd that will make a container's cgroup, as far as planning has to know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maker {
    /// Which one.
    pub manager: Manager,
    /// Where its units are, below the cgroup2 mount: relative, empty for the system's.
    pub below: PathBuf,
}

impl Maker {
    /// Find out; the user's own systemd is asked for its cgroup.
    ///
    /// # Errors
    /// [`SystemdError::NotRunning`], and what can go wrong with the bus.
    pub fn probe() -> Result<Maker, SystemdError> {
        if !super::is_running() {
            return Err(SystemdError::NotRunning);
        }
        match Manager::of_caller() {
            Manager::System => Ok(Maker::default()),
            Manager::User => {
                let cgroup = Bus::open(Manager::User)?.own_cgroup()?;
                let below = PathBuf::from(cgroup.trim_start_matches('/'));
                Ok(Maker { manager: Manager::User, below })
            }
        }
    }
}

/// user_namespaces(7): only in the first one all ids are mapped to themselves.
fn is_in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.is_empty() && !map.split_whitespace().eq(["0", "0", "4294967295"])
}
