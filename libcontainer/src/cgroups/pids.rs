//! The processes of a cgroup and of those below it.

use std::fs;
use std::path::Path;

use super::dir::{children, is_gone};
use super::error::Error;

const PROCS: &str = "cgroup.procs";
const THREADS: &str = "cgroup.threads";

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
        // A threaded cgroup tells only of threads.
        Err(source) if source.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            if visit(&processes_of(&path.join(THREADS))?) {
                return Ok(true);
            }
        }
        Err(source) => return Err(Error::Read { path: file, source }),
    }
    for child in children(path)? {
        if walk(&child, visit)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The processes that the threads of a list belong to; one of another pid namespace stays the number 0.
fn processes_of(file: &Path) -> Result<String, Error> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(source) if is_gone(&source) => return Ok(String::new()),
        Err(source) => return Err(Error::Read { path: file.to_owned(), source }),
    };
    let process = |thread: &str| {
        let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
        let id = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
        Some(format!("{}\n", id.trim()))
    };
    // One that has ended meanwhile is left out.
    Ok(text
        .lines()
        .filter_map(|thread| if thread == "0" { Some("0\n".into()) } else { process(thread) })
        .collect())
}
