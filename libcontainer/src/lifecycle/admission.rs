//! What a process gets from outside, before it may go on.

use crate::error::Error;
use crate::plan::{Limit, Planned};
use creel_wire::owned::Step;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// From outside: a process that is not dumpable cannot write its own.
pub(super) fn set_oom_score(pid: i32, score: Option<i32>) -> Result<(), Error> {
    let Some(score) = score else { return Ok(()) };
    fs::write(format!("/proc/{pid}/oom_score_adj"), score.to_string())
        .map_err(|source| Error::OomScore { score, source })
}

/// prlimit(2) on a process that has done all but execve: it opens nothing any more.
pub(super) fn set_limits(pid: i32, limits: &[Limit]) -> Result<(), Error> {
    for limit in limits {
        crate::sys::set_limit(pid, limit.resource, limit.soft, limit.hard)
            .map_err(|source| Error::Limit { json_path: limit.origin.clone(), source })?;
    }
    Ok(())
}

/// The scheduler and the I/O priority of a process in a user namespace.
pub(super) fn set_scheduling(pid: i32, steps: &[Planned]) -> Result<(), Error> {
    for Planned { origin, step } in steps {
        let set = match step {
            Step::Scheduler { .. } => crate::sys::set_scheduler(pid, step),
            Step::IoPriority { priority } => crate::sys::set_io_priority(pid, *priority),
            _ => Ok(()),
        };
        set.map_err(|source| Error::io("set", origin.as_str(), source))?;
    }
    Ok(())
}

/// Whole when it appears, and without a newline: engines read it as soon as it is there.
pub(super) fn write_pid_file(file: &Path, pid: i32) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    let new = file.with_file_name(name);
    // Not what somebody may have put there, such as a link; and writable to nobody else, whatever the umask.
    let _ = fs::remove_file(&new);
    let made = fs::File::options().write(true).create_new(true).mode(0o644).open(&new);
    made.and_then(|mut made| made.write_all(pid.to_string().as_bytes()))
        .and_then(|()| fs::rename(&new, file))
        .map_err(|source| Error::io("write the pid file", file, source))
}
