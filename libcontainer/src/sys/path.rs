//! realpath(3) into memory of ours.

use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// As [`std::fs::canonicalize`], which has libc take the memory for the answer: in a program with an allocator of its own
/// that sets up libc's for a single path.
pub(crate) fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut answer: Vec<u8> = Vec::with_capacity(libc::PATH_MAX as usize);
    // SAFETY: the path ends with a NUL, and no more than PATH_MAX bytes are written.
    let found = unsafe { libc::realpath(path.as_ptr(), answer.as_mut_ptr().cast()) };
    if found.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: what was found ends with a NUL, and was written to the answer.
    unsafe { answer.set_len(CStr::from_ptr(found).count_bytes()) };
    answer.shrink_to_fit();
    Ok(OsString::from_vec(answer).into())
}
