//! A cgroup given to the container's user, so that the container can divide it further (cgroup-v2, "Delegation").

use std::fs;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::unistd::{Uid, fchownat, geteuid};

use super::cgroup::Cgroup;
use super::dir::Dir;
use super::error::Error;
use super::plan::Kind;

/// The kernel's list of the files that belong to whom a cgroup is delegated.
const LIST: &str = "/sys/kernel/cgroup/delegate";
/// What is on it at least; the list itself is there since Linux 4.15.
const FILES: [&str; 3] = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

impl Cgroup {
    /// Give the directory, and the files that belong to whom it is delegated, to a user; only on cgroup2 alone. Files with
    /// limits stay the runtime's.
    ///
    /// # Errors
    /// [`Error::GiveAway`].
    pub fn give_to(&self, owner: u32) -> Result<(), Error> {
        let Some(dir) = self.only(Kind::V2).filter(|_| geteuid().as_raw() != owner) else {
            return Ok(());
        };
        let uid = Uid::from_raw(owner);
        let failed = |file: &str, errno: Errno| Error::GiveAway {
            path: dir.file(file),
            owner,
            source: errno.into(),
        };
        match chown(dir, "", uid) {
            // An unprivileged runtime; the container can do without.
            Err(Errno::EPERM) => {
                log::warn!("{}", failed("", Errno::EPERM));
                return Ok(());
            }
            result => result.map_err(|errno| failed("", errno))?,
        }
        let list = fs::read_to_string(LIST).unwrap_or_else(|_| FILES.join("\n"));
        for file in list.lines() {
            match chown(dir, file, uid) {
                // A controller that is not enabled here has no files.
                Ok(()) | Err(Errno::ENOENT) => {}
                Err(errno) => return Err(failed(file, errno)),
            }
        }
        Ok(())
    }
}

/// The directory itself when the name is empty.
fn chown(dir: &Dir, file: &str, uid: Uid) -> nix::Result<()> {
    let flags = AtFlags::AT_SYMLINK_NOFOLLOW | AtFlags::AT_EMPTY_PATH;
    fchownat(dir.fd.as_fd(), file, Some(uid), None, flags)
}
