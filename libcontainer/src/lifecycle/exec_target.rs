//! Where an exec'd process goes: the container's cgroup and root directory.

use super::Container;
use crate::cgroups::{self, Cgroup};
use crate::error::Error;
use crate::plan::{Descriptor, ExecPlan};
use crate::state::{Record, Status};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use std::os::fd::OwnedFd;

/// The container's cgroup, or where its first process has gone when that one takes no processes: never none,
/// for then the process would escape the container's limits.
pub(super) fn cgroup_to_enter(record: &Record, sub_cgroups: &[String]) -> Result<Cgroup, Error> {
    if !sub_cgroups.is_empty() {
        if record.cgroup.is_none() {
            return Err(cgroups::Error::NoneOfItsOwn.into());
        }
        let cgroup = Cgroup::open(record.cgroup.below(sub_cgroups)?)?;
        return match cgroup.missing() {
            None => Ok(cgroup),
            Some(path) => Err(cgroups::Error::Gone { path: path.to_owned() }.into()),
        };
    }
    let recorded = Cgroup::open(record.cgroup.clone())?;
    let pid = record.init.map_or(0, |init| init.identity.pid);
    if recorded.is_whole() && recorded.takes_processes() {
        return Ok(recorded);
    }
    Ok(Cgroup::open(cgroups::Record::of_process(pid)?)?)
}

impl Container {
    /// The root directory of the container's process, where the plan enters it.
    pub(super) fn root_of(
        &self,
        record: &Record,
        plan: &ExecPlan,
    ) -> Result<Option<OwnedFd>, Error> {
        let Some(init) =
            record.init.filter(|_| plan.descriptors.contains(&Descriptor::ProcessRoot))
        else {
            return Ok(None);
        };
        let path = format!("/proc/{}/root", init.identity.pid);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path.as_str(), flags, Mode::empty())
            .map_err(|errno| Error::io("open the container's root", path, errno.into()))?;
        // It was that process's only if the pid is still that process's now.
        if init.identity.is_alive() {
            return Ok(Some(root));
        }
        Err(Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped })
    }
}
