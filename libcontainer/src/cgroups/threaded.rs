//! Threaded cgroups (cgroup-v2, "Threads"): below one a cgroup has to become threaded before it takes processes, and
//! then only controllers work that can tell threads apart.

use super::dir::Dir;
use super::error::Error;
use super::plan::{Directory, Write};

const TYPE: &str = "cgroup.type";
/// The controllers of threaded cgroups, and the files that every cgroup has.
const THREADED: [&str; 5] = ["cgroup", "cpu", "cpuset", "perf_event", "pids"];

/// Make a cgroup that is below a threaded one usable. A limit that would not work there is an error.
pub(super) fn join(dir: &Dir, directory: &Directory) -> Result<(), Error> {
    let kind =
        dir.read_line(TYPE).map_err(|source| Error::Read { path: dir.file(TYPE), source })?;
    let is_invalid = kind == "domain invalid";
    if !is_invalid && kind != "threaded" {
        return Ok(());
    }
    if let Some(write) = directory.writes.iter().find(|write| !works(write)) {
        let json_path = write.json_path.clone();
        return Err(Error::Threaded { path: dir.path.clone(), json_path });
    }
    if is_invalid {
        dir.write(TYPE, "threaded")
            .map_err(|source| Error::Control { path: dir.file(TYPE), source })?;
    }
    Ok(())
}

/// Whether a cgroup gives its children a controller that cannot tell threads apart: then it takes no processes itself
/// (cgroup-v2, "No Internal Process Constraint").
pub(super) fn is_divided(dir: &Dir) -> Result<bool, Error> {
    let file = "cgroup.subtree_control";
    let enabled = dir.read_line(file);
    let enabled = enabled.map_err(|source| Error::Read { path: dir.file(file), source })?;
    Ok(enabled.split_whitespace().any(|controller| !THREADED.contains(&controller)))
}

fn works(write: &Write) -> bool {
    let controller = write.file.split('.').next().unwrap_or_default();
    THREADED.contains(&controller)
}
