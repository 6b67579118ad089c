//! What a process gets from outside, before it may go on.

use super::hand_over::hand_over;
use crate::error::Error;
use crate::plan::Limit;
use crate::process::launch::Init;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// From outside: a process that is not dumpable cannot write its own. A score below one's own takes
/// CAP_SYS_RESOURCE; `rootless`: without it the process keeps the one it has.
pub(super) fn set_oom_score(pid: i32, score: Option<i32>, rootless: bool) -> Result<(), Error> {
    let Some(score) = score else { return Ok(()) };
    let file = format!("/proc/{pid}/oom_score_adj");
    match fs::write(&file, score.to_string()) {
        Err(error) if rootless && error.kind() == io::ErrorKind::PermissionDenied => {
            let kept = fs::read_to_string(&file).unwrap_or_default();
            log::warn!(
                "process.oomScoreAdj: {score} is not granted, for it is less than creel's own and takes \
                 CAP_SYS_RESOURCE; the container has {}",
                kept.trim()
            );
            Ok(())
        }
        written => {
            written.map_err(|source| Error::io("write process.oomScoreAdj to", file, source))
        }
    }
}

/// prlimit(2) on a process that has done all but execve: it opens nothing any more.
pub(super) fn set_limits(pid: i32, limits: &[Limit]) -> Result<(), Error> {
    for limit in limits {
        crate::sys::set_limit(pid, limit.resource, limit.soft, limit.hard)
            .map_err(|source| Error::io("set", limit.origin.as_str(), source))?;
    }
    Ok(())
}

/// A descriptor of the process, for whoever cannot be its parent and wants to wait for it.
pub(super) fn hand_over_process(init: &Init, socket: &Path) -> Result<(), Error> {
    hand_over(init.pidfd.as_fd(), b"pidfd", socket)
        .map_err(|source| Error::io("send the pidfd to pidfd socket", socket, source))
}

/// Whole when it appears, and without a newline: engines read it as soon as it is there.
pub(super) fn write_pid_file(file: &Path, pid: i32) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    let new = file.with_file_name(name);
    fs::write(&new, pid.to_string())
        .and_then(|()| fs::rename(&new, file))
        .map_err(|source| Error::io("write the pid file", file, source))
}
