//! Where the state of containers is kept when `--root` does not say.

use std::{
    env,
    ffi::OsString,
    fs::{self, DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use crate::failure::Failure;

const OF_ROOT: &str = "/run/creel";

/// The given directory, or the default for who is calling. One below XDG_RUNTIME_DIR is made at once, with the sticky
/// bit: without it the directory could be tidied away after some hours (XDG Base Directory Specification).
///
/// # Errors
/// [`Failure::StateRoot`].
pub(crate) fn directory(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(directory) = given.filter(|directory| !directory.as_os_str().is_empty()) {
        return Ok(directory.to_path_buf());
    }
    let directory = default_directory(env::var_os("XDG_RUNTIME_DIR"), is_really_root);
    if directory != Path::new(OF_ROOT) {
        make_sticky(&directory)
            .map_err(|source| Failure::StateRoot { path: directory.clone(), source })?;
    }
    Ok(directory)
}

fn make_sticky(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o1700))
}

/// `is_root` is asked only when the answer depends on it.
fn default_directory(runtime_dir: Option<OsString>, is_root: impl FnOnce() -> bool) -> PathBuf {
    match runtime_dir.filter(|directory| !directory.is_empty()) {
        Some(directory) if !is_root() => PathBuf::from(directory).join("creel"),
        _ => PathBuf::from(OF_ROOT),
    }
}

/// Root in a user namespace, as rootless Podman runs us, cannot write to root's directories. A
/// login as root inside one (a container with an init of its own) can.
fn is_really_root() -> bool {
    geteuid().is_root()
        && (env::var_os("USER").is_some_and(|user| user == "root") || !in_user_namespace())
}

/// Only the first user namespace maps every id to itself, user_namespaces(7).
fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_directory_counts() {
        assert_eq!(directory(Some(Path::new("/x"))).unwrap(), Path::new("/x"));
    }

    #[test]
    fn users_have_a_directory_of_their_own() {
        let runtime_dir = || Some(OsString::from("/run/user/1000"));
        assert_eq!(default_directory(runtime_dir(), || false), Path::new("/run/user/1000/creel"));
        assert_eq!(default_directory(runtime_dir(), || true), Path::new(OF_ROOT));
        assert_eq!(default_directory(None, || false), Path::new(OF_ROOT));
        assert_eq!(default_directory(Some(OsString::new()), || false), Path::new(OF_ROOT));
    }
}
