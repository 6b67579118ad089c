//! Strings and paths that reach the kernel.

use std::{os::unix::ffi::OsStrExt, path::Path};

use super::CheckError;

/// The kernel ends a string at the first NUL, so one inside would silently cut it.
pub(super) fn no_nul(path: &str, text: &str) -> Result<(), CheckError> {
    no_nul_at(|| path.to_owned(), text)
}

/// As [`no_nul`], with the JSON path made only when it is needed.
pub(super) fn no_nul_at(path: impl FnOnce() -> String, text: &str) -> Result<(), CheckError> {
    match text.as_bytes().contains(&0) {
        true => Err(CheckError::unsupported(path(), text, "text without a NUL character")),
        false => Ok(()),
    }
}

/// As [`no_nul`], for a path.
pub(super) fn no_nul_path(path: &str, text: &Path) -> Result<(), CheckError> {
    no_nul_path_at(|| path.to_owned(), text)
}

/// As [`no_nul_at`], for a path.
pub(super) fn no_nul_path_at(path: impl FnOnce() -> String, text: &Path) -> Result<(), CheckError> {
    match text.as_os_str().as_bytes().contains(&0) {
        true => {
            Err(CheckError::unsupported(path(), text.display(), "a path without a NUL character"))
        }
        false => Ok(()),
    }
}

/// A path that begins with `/` and has no NUL.
pub(super) fn absolute(path: impl FnOnce() -> String, given: &Path) -> Result<(), CheckError> {
    if given.is_absolute() && !given.as_os_str().as_bytes().contains(&0) {
        return Ok(());
    }
    Err(CheckError::unsupported(path(), given.display(), "an absolute path"))
}
