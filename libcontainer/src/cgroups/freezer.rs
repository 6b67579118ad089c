//! Freezing: `cgroup.freeze` of version 2, `freezer.state` of version 1.

use super::dir::Dir;
use super::error::Error;
use super::plan::Kind;

/// Whether the directory is frozen or about to be, by itself or with one above it.
pub(super) fn is_frozen(dir: &Dir) -> Result<bool, Error> {
    let read =
        |file| dir.read_line(file).map_err(|source| Error::Read { path: dir.file(file), source });
    match dir.kind {
        Kind::V2 | Kind::Unified => {
            // An empty cgroup is frozen at once, so this holds for one that is about to be entered.
            Ok(read("cgroup.events")?.lines().any(|line| line == "frozen 1"))
        }
        Kind::V1 => Ok(read("freezer.state")? != "THAWED"),
    }
}

/// Freeze or thaw, without waiting until every process has noticed.
pub(super) fn set_frozen(dir: &Dir, frozen: bool) -> Result<(), Error> {
    let (file, value) = match (dir.kind, frozen) {
        (Kind::V2 | Kind::Unified, true) => ("cgroup.freeze", "1"),
        (Kind::V2 | Kind::Unified, false) => ("cgroup.freeze", "0"),
        (Kind::V1, true) => ("freezer.state", "FROZEN"),
        (Kind::V1, false) => ("freezer.state", "THAWED"),
    };
    dir.write(file, value).map_err(|source| Error::Control { path: dir.file(file), source })
}
