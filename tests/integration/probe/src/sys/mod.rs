//! The system calls that no safe wrapper has.
#![allow(unsafe_code)]

/// The name of the session keyring that was joined, `None` when there is only the default one of
/// the user (`_uid_ses.<uid>`) or none; keyctl_describe(3).
pub(crate) fn session_keyring_name() -> Option<String> {
    let mut buffer = [0_u8; 256];
    // SAFETY: KEYCTL_DESCRIBE writes at most `buffer.len()` bytes to `buffer`, which lives through
    // the call; the other arguments are numbers.
    let length = unsafe {
        libc::syscall(
            libc::SYS_keyctl,
            libc::KEYCTL_DESCRIBE,
            libc::KEY_SPEC_SESSION_KEYRING,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    let text = buffer.get(..usize::try_from(length).ok()?)?;
    // type;uid;gid;permissions;description
    let text = String::from_utf8_lossy(text);
    let name = text.trim_end_matches('\0').splitn(5, ';').nth(4)?.to_owned();
    (!name.starts_with("_uid_ses.")).then_some(name)
}
