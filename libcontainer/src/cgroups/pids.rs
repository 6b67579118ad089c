//! The processes of a cgroup and of those below it.

use std::fs;
use std::path::Path;

use super::dir::{children, is_gone};
use super::error::Error;

const PROCS: &str = "cgroup.procs";

/// The processes in and below a directory, those of other pid namespaces left out; none where it is
/// gone.
pub(super) fn below(path: &Path) -> Result<Vec<i32>, Error> {
    let mut pids = Vec::new();
    let mut collect = |text: &str| {
        // A process that this pid namespace does not show has the number 0.
        let numbers = text.lines().filter_map(|line| line.parse().ok());
        pids.extend(numbers.filter(|pid: &i32| *pid > 0));
        false
    };
    walk(path, &mut collect)?;
    // Version 1 may list a process twice while its threads are in several cgroups.
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

/// Whether there is any process in or below a directory, of any pid namespace.
pub(super) fn is_occupied(path: &Path) -> Result<bool, Error> {
    walk(path, &mut |text| !text.is_empty())
}

/// Hand every list of processes to `visit` until it says that it has seen enough.
fn walk(path: &Path, visit: &mut impl FnMut(&str) -> bool) -> Result<bool, Error> {
    let file = path.join(PROCS);
    match fs::read_to_string(&file) {
        Ok(text) if visit(&text) => return Ok(true),
        Ok(_) => {}
        Err(source) if is_gone(&source) => return Ok(false),
        // The processes of a threaded cgroup are listed in the nearest one above that is not.
        Err(source) if source.raw_os_error() == Some(libc::EOPNOTSUPP) => {}
        Err(source) => return Err(Error::Read { path: file, source }),
    }
    for child in children(path)? {
        if walk(&child, visit)? {
            return Ok(true);
        }
    }
    Ok(false)
}
