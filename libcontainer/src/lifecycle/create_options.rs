//! What creating a container takes besides its id.

use crate::process::Stdio;
use crate::rootless::Rootless;
use oci_spec::runtime::Spec;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// How a container is created.
///
/// ```
/// use libcontainer::{CreateOptions, Stdio};
///
/// let options = CreateOptions::new("/srv/web")
///     .stdio(Stdio::null()?)
///     .pid_file("/run/web.pid");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CreateOptions {
    /// The bundle directory: what a relative `root.path` is relative to.
    pub bundle: PathBuf,
    /// Where the configuration comes from.
    pub config: Config,
    /// Written with the process's pid, without a newline, whole when it appears.
    pub pid_file: Option<PathBuf>,
    /// A listening unix socket that gets the terminal's other end.
    pub console_socket: Option<PathBuf>,
    /// [`crate::Runtime::run`] returns the terminal's other end; without this a terminal needs a console socket.
    pub take_terminal: bool,
    /// A listening unix socket that gets a pidfd of the container's process, when it is ready to be started.
    pub pidfd_socket: Option<PathBuf>,
    /// Move the root over `/` instead of pivoting (initramfs).
    pub no_pivot: bool,
    /// Keep the caller's session keyring.
    pub no_new_keyring: bool,
    /// What is not said here of standard input, output and error is the caller's own.
    pub stdio: Stdio,
    /// How many of the caller's descriptors from 3 on are sockets of sd_listen_fds(3), before those of `preserve_fds`;
    /// the process inherits them and is told so.
    pub listen_fds: u32,
    /// LISTEN_FDNAMES of sd_listen_fds_with_names(3).
    pub listen_fd_names: Option<String>,
    /// NOTIFY_SOCKET of sd_notify(3): the service manager's socket. The process gets one of its own instead, and
    /// [`crate::Runtime::run`] or [`crate::Container::start_with`] say when it is ready.
    pub notify_socket: Option<OsString>,
    /// How many of the caller's descriptors from 3 on the process inherits under the same numbers; all of them have
    /// to be open and not close-on-exec. In a program with threads use `files`: their numbers are nobody else's.
    pub preserve_fds: u32,
    /// Open files that the process gets, under the numbers that follow those of `preserve_fds`: from 3 on without any.
    pub files: Vec<Arc<OwnedFd>>,
    /// Let systemd make the cgroup, as a scope unit; `linux.cgroupsPath` is `slice:prefix:name` then.
    pub systemd_cgroup: bool,
    /// Make no cgroup: the container stays in the caller's.
    pub no_cgroups: bool,
    /// Do without cgroups that the caller may not make.
    pub rootless: Rootless,
}

/// Where a container's configuration comes from.
#[derive(Debug, Clone, Default)]
pub enum Config {
    /// `config.json` in the bundle.
    #[default]
    Bundle,
    /// This file.
    File(PathBuf),
    /// This value; what [`mod@crate::spec`] notices while it reads a file is not looked for, nor taken as its version means
    /// it (`linux.resources.pids.limit` 0 is a limit of 0).
    Spec(Box<Spec>),
}

impl CreateOptions {
    /// From `config.json` in this directory.
    pub fn new(bundle: impl Into<PathBuf>) -> Self {
        CreateOptions { bundle: bundle.into(), ..CreateOptions::default() }
    }

    /// Takes the configuration from this value instead of the bundle's file.
    #[must_use]
    pub fn spec(mut self, spec: Spec) -> Self {
        self.config = Config::Spec(Box::new(spec));
        self
    }

    /// Takes the configuration from this file instead of the bundle's.
    #[must_use]
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Config::File(file.into());
        self
    }

    /// Sets [`Self::pid_file`].
    #[must_use]
    pub fn pid_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.pid_file = Some(file.into());
        self
    }

    /// Sets [`Self::console_socket`].
    #[must_use]
    pub fn console_socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.console_socket = Some(socket.into());
        self
    }

    /// Sets [`Self::take_terminal`].
    #[must_use]
    pub fn take_terminal(mut self) -> Self {
        self.take_terminal = true;
        self
    }

    /// Sets [`Self::pidfd_socket`].
    #[must_use]
    pub fn pidfd_socket(mut self, socket: impl Into<PathBuf>) -> Self {
        self.pidfd_socket = Some(socket.into());
        self
    }

    /// Sets [`Self::stdio`].
    #[must_use]
    pub fn stdio(mut self, stdio: Stdio) -> Self {
        self.stdio = stdio;
        self
    }

    /// Adds one of [`Self::files`].
    #[must_use]
    pub fn file(mut self, file: impl Into<OwnedFd>) -> Self {
        self.files.push(Arc::new(file.into()));
        self
    }

    /// Sets [`Self::systemd_cgroup`].
    #[must_use]
    pub fn systemd_cgroup(mut self) -> Self {
        self.systemd_cgroup = true;
        self
    }
}
