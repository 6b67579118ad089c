//! Starting creel-init with a plan.

use super::conversation::Conversation;
use super::image;
use crate::plan::Namespace;
use crate::sys::{self, Child, CloneRequest};
use creel_wire::owned;
use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// What creel-init is started with.
pub(crate) struct Launch<'a> {
    pub(crate) steps: &'a [owned::Step],
    /// The descriptors of slots 1 and on; slot 0 is the socket.
    pub(crate) descriptors: &'a [BorrowedFd<'a>],
    /// Descriptors 3 and on that stay open for the container's process.
    pub(crate) preserved: u32,
    /// CLONE_NEW* flags.
    pub(crate) namespaces: u64,
    pub(crate) cgroup: Option<BorrowedFd<'a>>,
    pub(crate) vfork: bool,
}

/// A running creel-init.
pub(crate) struct Init {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) conversation: Conversation,
}

/// Why creel-init could not be started.
#[derive(Debug)]
pub enum LaunchError {
    /// Making the sealed copy of creel-init or the plan.
    Memfd(io::Error),
    /// The plan is larger than creel-init accepts.
    TooLarge,
    /// Making the socket to talk over.
    Socket(io::Error),
    /// clone3(2).
    Clone(io::Error),
    /// clone3(2) with a new user namespace.
    CloneUser(io::Error),
    /// execveat(2) of creel-init.
    Exec(io::Error),
}

impl LaunchError {
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            LaunchError::CloneUser(source) => super::refusal::advice(source.raw_os_error()),
            _ => None,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchError::Memfd(_) => f.write_str(
                "cannot make a sealed copy of creel-init in memory (see sysctl vm.memfd_noexec)",
            ),
            LaunchError::TooLarge => f.write_str("config.json makes a plan of more than 16 MiB"),
            LaunchError::Socket(_) => f.write_str("cannot make a socket pair"),
            LaunchError::Clone(source) if source.raw_os_error() == Some(libc::EPERM) => {
                f.write_str("cannot make the container's namespaces; run as root")
            }
            LaunchError::Clone(source) if source.raw_os_error() == Some(libc::ENOSPC) => f
                .write_str(
                    "cannot make the container's namespaces; see sysctl user.max_*_namespaces",
                ),
            LaunchError::Clone(source) if source.raw_os_error() == Some(libc::EAGAIN) => f
                .write_str(
                    "cannot start a process: there are too many; see linux.resources.pids.limit, \
                 RLIMIT_NPROC and sysctl kernel.pid_max",
                ),
            LaunchError::CloneUser(_) => f.write_str("cannot make the container's user namespace"),
            LaunchError::Clone(_) => f.write_str("cannot make the container's namespaces"),
            LaunchError::Exec(_) => f.write_str("cannot execute creel-init"),
        }
    }
}

impl std::error::Error for LaunchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LaunchError::Memfd(source)
            | LaunchError::Socket(source)
            | LaunchError::Clone(source)
            | LaunchError::CloneUser(source)
            | LaunchError::Exec(source) => Some(source),
            LaunchError::TooLarge => None,
        }
    }
}

/// Clones creel-init into its namespaces and hands it the plan.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Init, LaunchError> {
    let (conversation, theirs) = Conversation::pair().map_err(LaunchError::Socket)?;
    let program = image::program().map_err(LaunchError::Memfd)?;
    let mut numbers: Vec<RawFd> = vec![theirs.as_raw_fd()];
    numbers.extend(launch.descriptors.iter().map(|descriptor| descriptor.as_raw_fd()));
    let bytes = owned::encode(launch.steps, &numbers).map_err(|_| LaunchError::TooLarge)?;
    let plan = image::sealed(c"creel-plan", &bytes).map_err(LaunchError::Memfd)?;
    let arguments = [plan.as_raw_fd(), theirs.as_raw_fd()].map(decimal);
    numbers.push(plan.as_raw_fd());
    numbers.extend(3..3 + launch.preserved as RawFd);
    let request = CloneRequest {
        namespaces: launch.namespaces,
        cgroup: launch.cgroup,
        vfork: launch.vfork,
        keep_capabilities: launch.namespaces & u64::from(Namespace::User.flag()) != 0,
        program: program.as_fd(),
        arguments: &[c"creel-init", &arguments[0], &arguments[1]],
        inherited: &numbers,
    };
    let Child { pid, pidfd, exec_error } =
        sys::clone_and_exec(&request).map_err(|source| match request.keep_capabilities {
            true if source.raw_os_error() != Some(libc::EAGAIN) => LaunchError::CloneUser(source),
            _ => LaunchError::Clone(source),
        })?;
    if let Some(error) = exec_error {
        super::wait::reap(pidfd.as_fd());
        return Err(LaunchError::Exec(error));
    }
    Ok(Init { pid, pidfd, conversation })
}

fn decimal(number: RawFd) -> CString {
    // Digits hold no NUL.
    CString::new(number.to_string()).unwrap_or_default()
}
