//! `update`: other limits for a container that lives.

use super::{Container, pause};
use crate::cgroups::Update;
use crate::error::Error;
use crate::state::Status;
use oci_spec::runtime::LinuxResources;

impl Container {
    /// Changes what the container may use: the settings that `resources` names, and no others. All of them come into force,
    /// or none.
    ///
    /// # Errors
    /// [`Error::Status`] when it is stopped; [`Error::Cgroup`] for a value that cannot be, or that the kernel refuses.
    pub fn update(&self, resources: &LinuxResources) -> Result<(), Error> {
        let (entry, mut record, status) = self.locked()?;
        if matches!(status, Status::Stopped | Status::Creating) {
            return Err(Error::Status { action: "update", id: self.id.clone(), status });
        }
        let cgroup = pause::cgroup(&record)?;
        let update = Update::new(&record.resources, resources, &record.cgroup)?;
        for ignored in &update.ignored {
            log::warn!("{ignored}");
        }
        cgroup.update(&update)?;
        record.resources = update.resources;
        Ok(entry.save(&record)?)
    }
}
