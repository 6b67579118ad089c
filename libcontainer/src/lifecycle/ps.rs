//! `ps`: the processes of a container.

use super::Container;
use crate::cgroups;
use crate::error::Error;

impl Container {
    /// The processes in the container's cgroup and in those below it, by their ids in the caller's pid
    /// namespace, ascending; none of a container whose cgroup is gone.
    ///
    /// # Errors
    /// [`Error::Store`] when there is no such container, [`Error::Cgroup`] when the cgroup cannot be read.
    pub fn processes(&self) -> Result<Vec<i32>, Error> {
        let record = self.store.read(&self.id)?;
        match record.open_cgroup()? {
            Some(cgroup) => Ok(cgroup.pids()?),
            None if record.cgroup.is_none() => Err(cgroups::Error::None.into()),
            None => Ok(Vec::new()),
        }
    }
}
