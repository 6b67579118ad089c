//! Controllers of cgroup2 enabled down the tree, so that the container's cgroup has their files.

use std::io;
use std::path::Path;

use super::dir::Dir;
use super::error::Error;

const AVAILABLE: &str = "cgroup.controllers";
const FOR_CHILDREN: &str = "cgroup.subtree_control";

/// Enable for the children of `parent`, a directory at or below `mount`, what the mount has.
///
/// What cannot be enabled is passed over: only a limit that needs it makes that an error, and then
/// the limit's file is missing.
pub(super) fn enable(mount: &Path, parent: &Dir) -> Result<(), Error> {
    let top;
    let top = if parent.path == mount {
        parent
    } else {
        top = Dir::open(parent.kind, mount.to_owned())?;
        &top
    };
    let available = available(top)?;
    if available.is_empty() {
        return Ok(());
    }
    // Nearly always the way down is enabled already, and then one write does it.
    if enable_all(parent, &available).is_ok() {
        return Ok(());
    }
    for level in levels(mount, &parent.path) {
        let level = Dir::open(parent.kind, level)?;
        enable_each(&level)?;
    }
    Ok(())
}

/// Whether the controller can be used in the directory.
pub(super) fn is_available(dir: &Dir, controller: &str) -> bool {
    available(dir).is_ok_and(|list| list.split(' ').any(|name| name == controller))
}

fn available(dir: &Dir) -> Result<String, Error> {
    dir.read_line(AVAILABLE).map_err(|source| Error::Read { path: dir.file(AVAILABLE), source })
}

fn enable_all(dir: &Dir, controllers: &str) -> io::Result<()> {
    let request: Vec<_> = controllers.split(' ').map(|name| format!("+{name}")).collect();
    dir.write(FOR_CHILDREN, &request.join(" "))
}

/// One at a time, since the kernel refuses all for one that it cannot enable.
fn enable_each(dir: &Dir) -> Result<(), Error> {
    let available = available(dir)?;
    if available.is_empty() || enable_all(dir, &available).is_ok() {
        return Ok(());
    }
    for controller in available.split(' ') {
        // What cannot be enabled shows when its file is missing.
        let _ = dir.write(FOR_CHILDREN, &format!("+{controller}"));
    }
    Ok(())
}

/// The directories from `mount` down to `path`, both included.
fn levels(mount: &Path, path: &Path) -> Vec<std::path::PathBuf> {
    let up_to_mount = path.ancestors().take_while(|level| level.starts_with(mount));
    let mut levels: Vec<_> = up_to_mount.map(Path::to_owned).collect();
    levels.reverse();
    levels
}
