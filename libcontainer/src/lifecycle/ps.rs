//! `ps`: the processes of a container.

use super::Container;
use crate::error::Error;

impl Container {
    /// The processes in the container's cgroup and in those below it, by their ids in the caller's pid
    /// namespace, ascending; none of a container whose cgroup is gone. Of a container
    /// that was made without a cgroup those of its pid namespace.
    ///
    /// # Errors
    /// [`Error::Store`] when there is no such container, [`Error::Cgroup`] when the cgroup cannot be read.
    pub fn processes(&self) -> Result<Vec<i32>, Error> {
        let record = self.store.read(&self.id)?;
        match record.open_cgroup()? {
            Some(cgroup) => Ok(cgroup.pids()?),
            None if record.cgroup.is_none() => record.processes_of_namespace(),
            None => Ok(Vec::new()),
        }
    }
}
