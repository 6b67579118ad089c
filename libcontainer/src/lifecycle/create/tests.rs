//! What a `delete --force` reads of a `create` that waits.

use super::*;
use crate::skip::skip;
use crate::state::Store;
use std::process::Command;

/// The start time alone does not tell a process from one that gets its number within the same tick.
#[test]
fn what_is_waited_for_is_noted_by_its_pidfd_too() {
    let root = std::env::temp_dir().join(format!("creel-waited-for-{}", std::process::id()));
    let store = Store::new(&root);
    let entry = store.claim("c").expect("a new id");
    let mut child = Command::new("sleep").arg("600").spawn().expect("sleep");
    let (pid, pidfd) = (child.id() as i32, crate::sys::pidfd_open(child.id() as i32));
    let known = Identity::with_pidfd(pid, pidfd.expect("a child").as_fd()).expect("it runs");
    let noted = note_waited_for(&entry, pid, None);
    let read = store.mark_unwanted("c").expect("a mark");
    let again = note_waited_for(&entry, pid, None);
    child.kill().expect("kill");
    child.wait().expect("wait");
    entry.remove().expect("an entry");
    std::fs::remove_dir(&root).expect("nothing is left in it");
    noted.expect("a note");
    assert_eq!(read, [known]);
    assert!(matches!(again, Err(Error::Unwanted)));
    if known.pidfd_inode.is_none() {
        skip("pidfds have inodes of their own since Linux 6.9");
    }
}
