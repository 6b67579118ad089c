//! The processes of a cgroup and of those below it.

use std::ffi::CString;
use std::fs;
use std::path::Path;

use super::descent::Descent;
use super::dir::is_gone;
use super::error::Error;

const PROCS: &str = "cgroup.procs";
const THREADS: &str = "cgroup.threads";

/// The processes in and below a directory, those of other pid namespaces left out; none where it is
/// gone.
pub(super) fn below(path: &Path) -> Result<Vec<i32>, Error> {
    match below_readable(path) {
        (pids, None) => Ok(pids),
        (_, Some(error)) => Err(error),
    }
}

/// As [`below`]; where some of the directories cannot be read the processes of the others, and the first failure.
pub(super) fn below_readable(path: &Path) -> (Vec<i32>, Option<Error>) {
    let mut pids = Vec::new();
    let mut collect = |text: &str| {
        // A process that this pid namespace does not show has the number 0.
        let numbers = text.lines().filter_map(|line| line.parse().ok());
        pids.extend(numbers.filter(|pid: &i32| *pid > 0));
        false
    };
    let failed = walk(path, &mut collect).err();
    // Version 1 may list a process twice while its threads are in several cgroups.
    pids.sort_unstable();
    pids.dedup();
    (pids, failed)
}

/// Whether there is any process in or below a directory, of any pid namespace.
pub(super) fn is_occupied(path: &Path) -> Result<bool, Error> {
    walk(path, &mut |text| !text.is_empty())
}

/// Hand every list of processes to `visit` until it says that it has seen enough. What cannot be read does not end
/// the walk.
fn walk(path: &Path, visit: &mut impl FnMut(&str) -> bool) -> Result<bool, Error> {
    let Some(mut at) = Descent::begin(path)? else { return Ok(false) };
    let mut failed = None;
    // Of each directory down to this one, what is left to be visited below it.
    let mut left = Vec::new();
    loop {
        match read(&at, visit) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
        left.push(at.children().unwrap_or_else(|error| {
            failed.get_or_insert(error);
            Vec::new()
        }));
        while !enter_next(&mut at, left.last_mut(), &mut failed) {
            left.pop();
            if at.leave()?.is_none() {
                return failed.map_or(Ok(false), Err);
            }
        }
    }
}

/// Go to the next directory below that is there and can be opened; false without one.
fn enter_next(
    at: &mut Descent,
    mut names: Option<&mut Vec<CString>>,
    failed: &mut Option<Error>,
) -> bool {
    while let Some(name) = names.as_mut().and_then(|names| names.pop()) {
        match at.enter(name) {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => drop(failed.get_or_insert(error)),
        }
    }
    false
}

/// Hand the processes of one directory to `visit`.
fn read(at: &Descent, visit: &mut impl FnMut(&str) -> bool) -> Result<bool, Error> {
    match at.read(PROCS) {
        Ok(text) => Ok(visit(&text)),
        Err(source) if is_gone(&source) => Ok(false),
        // A threaded cgroup tells only of threads.
        Err(source) if source.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            Ok(visit(&processes_of_threads(at)?))
        }
        Err(source) => Err(Error::Read { path: at.path().join(PROCS), source }),
    }
}

/// The processes that the threads of a directory belong to; one of another pid namespace stays the number 0.
fn processes_of_threads(at: &Descent) -> Result<String, Error> {
    let text = match at.read(THREADS) {
        Ok(text) => text,
        Err(source) if is_gone(&source) => return Ok(String::new()),
        Err(source) => return Err(Error::Read { path: at.path().join(THREADS), source }),
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
