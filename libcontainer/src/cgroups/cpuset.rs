//! Version 1's cpuset: a new directory has no processors and no memory nodes, and takes no process.

use std::path::{Path, PathBuf};

use super::dir::Dir;
use super::error::Error;
use super::plan::Kind;

/// Give every directory from the mount down to `below` what its parent has, where it has nothing.
pub(super) fn hand_down(mount: &Path, below: &Path) -> Result<(), Error> {
    let mut parent = Dir::open(Kind::V1, mount.to_owned())?;
    for name in below {
        let path: PathBuf = parent.path.join(name);
        let child = Dir::open(Kind::V1, path)?;
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if read(&child, file)?.is_empty() {
                let value = read(&parent, file)?;
                child
                    .write(file, &value)
                    .map_err(|source| Error::Cpuset { path: child.file(file), source })?;
            }
        }
        parent = child;
    }
    Ok(())
}

fn read(dir: &Dir, file: &str) -> Result<String, Error> {
    dir.read_line(file).map_err(|source| Error::Read { path: dir.file(file), source })
}
