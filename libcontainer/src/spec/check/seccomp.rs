//! `linux.seccomp`: the contradictions that show without compiling it.

use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompAction};

use super::CheckError;

pub(super) fn check(seccomp: &LinuxSeccomp) -> Result<(), CheckError> {
    let at = "linux.seccomp";
    errno(seccomp.default_action(), seccomp.default_errno_ret(), || {
        format!("{at}.defaultErrnoRet")
    })?;
    for (index, syscall) in seccomp.syscalls().iter().flatten().enumerate() {
        let path = || format!("{at}.syscalls[{index}]");
        errno(syscall.action(), syscall.errno_ret(), || path() + ".errnoRet")?;
        if syscall.names().is_empty() {
            return Err(CheckError::missing(path() + ".names", "at least one system call"));
        }
        for (number, arg) in syscall.args().iter().flatten().enumerate() {
            if arg.index() > 5 {
                let path = format!("{}.args[{number}].index", path());
                return Err(CheckError::unsupported(path, arg.index(), "a number from 0 to 5"));
            }
        }
    }
    // Engines written in Go may leave an empty one in.
    let metadata = seccomp.listener_metadata().as_deref().is_some_and(|text| !text.is_empty());
    let path = seccomp.listener_path().as_ref().is_some_and(|path| !path.as_os_str().is_empty());
    if metadata && !path {
        let expected = "given, because linux.seccomp.listenerMetadata is";
        return Err(CheckError::missing(format!("{at}.listenerPath"), expected));
    }
    Ok(())
}

/// Only these two actions carry a number (config-linux.md, `errnoRet`).
fn errno(
    action: LinuxSeccompAction,
    given: Option<u32>,
    path: impl FnOnce() -> String,
) -> Result<(), CheckError> {
    use LinuxSeccompAction::{ScmpActErrno, ScmpActTrace};
    match given {
        Some(number) if !matches!(action, ScmpActErrno | ScmpActTrace) => {
            let with = format!("the action {action}, which returns no error number");
            Err(CheckError::conflict(path(), number, with))
        }
        _ => Ok(()),
    }
}
