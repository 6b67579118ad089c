//! Actions as the kernel returns them.

use super::error::Error;
use oci_spec::runtime::LinuxSeccompAction as Action;

/// SECCOMP_RET_KILL_THREAD: what a call of an architecture gets that the profile does not list.
pub(super) const KILL_THREAD: u32 = 0;

/// SECCOMP_RET_ERRNO with ENOSYS.
pub(super) const NO_SUCH_CALL: u32 = 0x5_0000 | libc::ENOSYS as u32;

/// SECCOMP_RET_* with its data; errors and traces carry EPERM when nothing is given.
pub(super) fn value(
    action: Action,
    number: Option<u32>,
    json_path: impl FnOnce() -> String,
) -> Result<u32, Error> {
    let data = match number {
        None => libc::EPERM as u32,
        Some(number) if number <= u32::from(u16::MAX) => number,
        Some(found) => return Err(Error::Errno { json_path: json_path(), found }),
    };
    Ok(match action {
        Action::ScmpActKill | Action::ScmpActKillThread => KILL_THREAD,
        Action::ScmpActKillProcess => 0x8000_0000,
        Action::ScmpActTrap => 0x0003_0000,
        Action::ScmpActErrno => 0x0005_0000 | data,
        Action::ScmpActNotify => 0x7fc0_0000,
        Action::ScmpActTrace => 0x7ff0_0000 | data,
        Action::ScmpActLog => 0x7ffc_0000,
        Action::ScmpActAllow => 0x7fff_0000,
    })
}

/// Whether calls newer than the profile get its default: it lets them through, or leaves them to a tracer
/// that has to see them.
pub(super) fn is_permissive(action: Action) -> bool {
    matches!(action, Action::ScmpActAllow | Action::ScmpActLog | Action::ScmpActTrace)
}
