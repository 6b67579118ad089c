//! `--pidfd-socket`: a pidfd of the process for whoever listens.

use super::hand_over::hand_over;
use crate::error::Error;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// What runc says beside the pidfd of a container's first process.
pub(super) const FIRST: &[u8] = b"standard";
/// What runc says beside the pidfd of an exec.
pub(super) const EXEC: &[u8] = b"setns";

pub(super) fn send(socket: &Path, pidfd: BorrowedFd<'_>, kind: &[u8]) -> Result<(), Error> {
    hand_over(pidfd, kind, socket)
        .map_err(|source| Error::io("send the pidfd to pidfd socket", socket, source))
}
