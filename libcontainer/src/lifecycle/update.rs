//! `update`: other limits for a container that lives.

mod rdt;

use super::{Container, pause};
use crate::cgroups::Update;
use crate::error::Error;
use crate::plan::Rdt;
use crate::spec::zero_pids_is_no_limit;
use crate::state::Status;
use oci_spec::runtime::LinuxResources;
use std::borrow::Cow;

impl Container {
    /// Changes what the container may use: the settings that `resources` names, and no others. All of them come into force,
    /// or none. A `pids.limit` of 0 changes nothing in a container whose configuration names a version before 1.3.
    ///
    /// # Errors
    /// [`Error::Status`] when it is stopped; [`Error::Cgroup`] for a value that cannot be, or that the kernel refuses.
    pub fn update(&self, resources: &LinuxResources) -> Result<(), Error> {
        self.update_with_rdt(resources, None, None)
    }

    /// The same, and Intel RDT schemata: of the L3 cache (`L3:0=f`), and of the memory bandwidth (`MB:0=20`). A container without
    /// a class of service gets one.
    ///
    /// # Errors
    /// As [`Container::update`]; [`Error::Rdt`] where the processor or the kernel has no RDT, or refuses the schema.
    pub fn update_with_rdt(
        &self,
        resources: &LinuxResources,
        cache: Option<&str>,
        bandwidth: Option<&str>,
    ) -> Result<(), Error> {
        let (entry, mut record, status) = self.locked()?;
        if matches!(status, Status::Stopped | Status::Creating) {
            return Err(Error::Status { action: "update", id: self.id.clone(), status });
        }
        let cgroup = pause::cgroup(&record)?;
        let resources = as_of_version(&record.oci_version, resources);
        let update = Update::new(&record.resources, &resources, &record.cgroup)?;
        for ignored in &update.ignored {
            log::warn!("{ignored}");
        }
        let class = rdt::change(&entry, &mut record, &Rdt::of_update(&self.id, cache, bandwidth))?;
        if let Err(error) = cgroup.update(&update) {
            class.take_back(&entry, &mut record);
            return Err(error.into());
        }
        record.resources = update.resources;
        entry.save(&record)?;
        Ok(())
    }
}

/// As who writes this version of the specification means it: before 1.3 a limit of 0 processes is one that is not given.
fn as_of_version<'r>(version: &str, resources: &'r LinuxResources) -> Cow<'r, LinuxResources> {
    let is_zero = resources.pids().is_some_and(|pids| pids.limit() == 0);
    if !is_zero || !zero_pids_is_no_limit(version) {
        return Cow::Borrowed(resources);
    }
    let mut resources = resources.clone();
    resources.set_pids(None);
    Cow::Owned(resources)
}
