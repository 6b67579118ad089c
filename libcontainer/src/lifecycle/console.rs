//! The outer end of a container's terminal, as it comes from creel-init: looked at, and handed to a console socket.

use super::hand_over::hand_over;
use crate::error::Error;
use nix::sys::statfs::fstatfs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// DEVPTS_SUPER_MAGIC, statfs(2).
const DEVPTS: i64 = 0x1cd1;

/// Takes the end that creel-init sent, which comes from the container and is looked at first.
pub(super) fn take(
    terminal: OwnedFd,
    console_socket: Option<&Path>,
) -> Result<Option<OwnedFd>, Error> {
    let found =
        fstatfs(&terminal).map_err(|errno| Error::io("look at the terminal", "", errno.into()))?;
    if found.filesystem_type().0 as i64 != DEVPTS {
        return Err(Error::Terminal {
            problem: "the container's terminal does not come from a devpts",
        });
    }
    let Some(path) = console_socket else { return Ok(Some(terminal)) };
    hand_over(terminal.as_fd(), b"/dev/ptmx", path)
        .map_err(|source| Error::io("send the terminal to console socket", path, source))?;
    Ok(None)
}
