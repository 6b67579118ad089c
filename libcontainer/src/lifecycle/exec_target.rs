//! Where an exec'd process goes: the container's cgroup and root directory.

use super::Container;
use crate::cgroups::{self, Cgroup};
use crate::error::Error;
use crate::plan::{Descriptor, ExecPlan};
use crate::process::identity::Identity;
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
        process: &OwnedFd,
        plan: &ExecPlan,
    ) -> Result<Option<OwnedFd>, Error> {
        let Some(init) =
            record.init.filter(|_| plan.descriptors.contains(&Descriptor::ProcessRoot))
        else {
            return Ok(None);
        };
        let stopped =
            || Error::Status { action: "exec", id: self.id.clone(), status: Status::Stopped };
        root_of_process(init.identity.pid, process)?.ok_or_else(stopped).map(Some)
    }
}

/// `None` when the process has ended: then the pid may have been another's.
fn root_of_process(pid: i32, process: &OwnedFd) -> Result<Option<OwnedFd>, Error> {
    let path = format!("/proc/{pid}/root");
    let failed = |source| Error::io("open the container's root", &path, source);
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = nix::fcntl::open(path.as_str(), flags, Mode::empty())
        .map_err(|errno| failed(errno.into()))?;
    // Asked after it was opened: as long as the process is there, the pid is its.
    let has_ended = Identity::wait_gone(process, 0).map_err(failed)?;
    Ok((!has_ended).then_some(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_root_of_a_process_that_only_has_the_number_is_not_taken() {
        let mut ended = Command::new("true").spawn().expect("true");
        let process = crate::sys::pidfd_open(ended.id() as i32).expect("a child");
        ended.wait().expect("wait");
        let later = std::process::id() as i32;
        assert!(root_of_process(later, &process).expect("a root").is_none());
        let own = crate::sys::pidfd_open(later).expect("this process");
        assert!(root_of_process(later, &own).expect("a root").is_some());
    }
}
