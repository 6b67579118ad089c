//! Handing a container's cgroup to the user inside, who may then divide it further (cgroups(7), "Cgroups
//! delegation"; the runtime specification's config-linux.md, "Cgroup ownership").

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{Uid, fchownat};

use super::cgroup::Cgroup;
use super::error::Error;
use super::plan::Kind;

/// The kernel's list of the files that may be handed over; the limits are not among them.
const LIST: &str = "/sys/kernel/cgroup/delegate";
/// What it was before the kernel had a list (Linux 4.15).
const WITHOUT_LIST: &str = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";

impl Cgroup {
    /// Make a user the owner of the directory and of the files by which it is divided; only on cgroup2 alone, for
    /// version 1 is not safe to hand over.
    ///
    /// # Errors
    /// [`Error::Delegate`].
    pub fn delegate(&self, owner: u32) -> Result<(), Error> {
        let Some(dir) = self.only(Kind::V2) else { return Ok(()) };
        let owner = Some(Uid::from_raw(owner));
        let failed = |path, errno: Errno| Error::Delegate { path, source: errno.into() };
        fchownat(&dir.fd, "", owner, None, AtFlags::AT_EMPTY_PATH)
            .map_err(|errno| failed(dir.path.clone(), errno))?;
        for file in list().map_err(|source| Error::Read { path: LIST.into(), source })?.lines() {
            match fchownat(&dir.fd, file, owner, None, AtFlags::AT_SYMLINK_NOFOLLOW) {
                // The list is for all controllers, the directory has the files of those that are enabled.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(failed(dir.file(file), errno)),
            }
        }
        Ok(())
    }
}

fn list() -> io::Result<String> {
    match fs::read_to_string(LIST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(WITHOUT_LIST.to_owned()),
        result => result,
    }
}
