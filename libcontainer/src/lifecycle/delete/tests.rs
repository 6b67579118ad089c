//! Deleting what a killed create has left.

use super::*;
use crate::process::launch::tests::launched;
use crate::skip::skip;
use crate::state::Store;
use creel_wire::owned::Step;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A state root with the container `c`, whose create got to save this cgroup and no more, and the cgroup.
struct Left {
    root: PathBuf,
    cgroup: PathBuf,
}

impl Left {
    /// `None` where no cgroup can be made.
    fn new(name: &str) -> Option<Left> {
        let top = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new);
        let top = top.into_iter().find(|top| top.join("cgroup.procs").exists());
        let Some(top) = top.filter(|_| nix::unistd::geteuid().is_root()) else {
            skip("making cgroups needs root");
            return None;
        };
        let name = format!("creel-unit-{}-{name}", std::process::id());
        let (root, cgroup) = (std::env::temp_dir().join(&name), top.join(&name));
        fs::create_dir(&cgroup).expect("a cgroup");
        let controller = if top.ends_with("pids") { "pids" } else { "" };
        let record = json!({
            "version": 1, "ociVersion": "1.0.0", "id": "c", "bundle": "/b", "rootfs": "/b/rootfs",
            "created": "", "owner": 0, "namespaces": ["pid"], "joinedPid": false, "noNewKeyring": true,
            "cgroup": {"driver": "cgroupfs", "paths": {controller: cgroup}, "made": false},
        });
        let record = serde_json::from_value(record).expect("a record");
        let entry = Store::new(&root).claim("c").expect("a new id");
        entry.save(&record).expect("saved");
        Some(Left { root, cgroup })
    }

    fn enter(&self, pid: i32) {
        fs::write(self.cgroup.join("cgroup.procs"), pid.to_string()).expect("a process");
    }

    fn delete(&self) -> Result<(), Error> {
        Runtime { store: Store::new(&self.root) }.delete_force("c")
    }

    fn is_entered(&self) -> bool {
        self.root.join("c").exists()
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.cgroup);
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// It hangs on a file system, or as here is stopped, so it does not notice that nobody wants it any more.
#[test]
fn a_cgroup_in_which_a_creel_init_hangs_is_not_forgotten() {
    let Some(left) = Left::new("hangs") else { return };
    let mut init = launched(&[Step::Ready {}], &[]);
    // It is executed by now.
    init.next().expect("it is ready");
    left.enter(init.pid);
    crate::sys::send_signal(init.pidfd.as_fd(), libc::SIGSTOP).expect("it runs");
    let refused = left.delete();
    let (entered, cgroup) = (left.is_entered(), left.cgroup.exists());
    init.end();
    assert!(matches!(refused, Err(Error::Cgroup(cgroups::Error::Busy { .. }))), "{refused:?}");
    assert!(entered && cgroup);
    left.delete().expect("nothing is in it any more");
    assert!(!left.is_entered() && !left.cgroup.exists());
}

/// As create would have refused to use.
#[test]
fn a_cgroup_with_processes_of_others_is_left_alone() {
    let Some(left) = Left::new("others") else { return };
    let mut other = Command::new("sleep").arg("600").spawn().expect("sleep");
    left.enter(other.id() as i32);
    let deleted = left.delete();
    let (runs, cgroup) = (other.try_wait().expect("a child").is_none(), left.cgroup.exists());
    other.kill().expect("kill");
    other.wait().expect("wait");
    deleted.expect("it is forgotten");
    assert!(runs && cgroup && !left.is_entered());
}
