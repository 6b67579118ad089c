//! What an exec takes besides the container.

use crate::process::Stdio;
use oci_spec::runtime::Process;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

/// What [`crate::Container::exec`] is given.
///
/// ```
/// use libcontainer::{ExecOptions, Stdio};
///
/// let options = ExecOptions::command(["ps", "-o", "pid"])
///     .env("LANG=C")
///     .user(1000, None)
///     .stdio(Stdio::null()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExecOptions {
    /// What to run.
    pub process: ExecProcess,
    /// Where to write its pid.
    pub pid_file: Option<PathBuf>,
    /// A listening unix socket that gets the terminal's other end.
    pub console_socket: Option<PathBuf>,
    /// [`crate::Container::exec`] returns the terminal's other end; without this a terminal needs a console socket.
    pub take_terminal: bool,
    /// A listening unix socket that gets a pidfd of the process.
    pub pidfd_socket: Option<PathBuf>,
    /// What is not said here of standard input, output and error is the caller's own.
    pub stdio: Stdio,
    /// How many of the caller's descriptors from 3 on the process inherits under the same numbers; all of them have
    /// to be open and not close-on-exec. In a program with threads use `files`: their numbers are nobody else's.
    pub preserve_fds: u32,
    /// Open files that the process gets, under the numbers that follow those of `preserve_fds`: from 3 on without any.
    pub files: Vec<Arc<OwnedFd>>,
    /// Go ahead although the container is paused.
    pub ignore_paused: bool,
    /// Cgroups below the container's, which have to exist: `[CONTROLLER[,CONTROLLER...]:]PATH` each.
    pub sub_cgroups: Vec<String>,
    /// For [`crate::Container::exec_in_foreground`]: see [`crate::Foreground::when_quiet`].
    pub when_quiet: Option<fn()>,
}

/// The process of an exec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecProcess {
    /// All of it, from a process file.
    Given(Box<Process>),
    /// The container's own process with these settings put over it.
    Over(ProcessOverrides),
}

/// What an exec changes of the container's own process; `None`, `false` and empty change nothing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ProcessOverrides {
    /// The program and its arguments; never the container's own.
    pub args: Vec<String>,
    /// The working directory in the container.
    pub cwd: Option<PathBuf>,
    /// `NAME=value`, added after the container's own.
    pub env: Vec<String>,
    /// The uid, and the gid if it was given.
    pub user: Option<(u32, Option<u32>)>,
    /// Additional gids, added to the container's own.
    pub additional_gids: Vec<u32>,
    /// Capabilities to add, by their names.
    pub caps: Vec<String>,
    /// Set no_new_privs.
    pub no_new_privs: bool,
    /// Give it a terminal.
    pub tty: bool,
    /// The SELinux label.
    pub process_label: Option<String>,
    /// The AppArmor profile.
    pub apparmor: Option<String>,
}

impl ExecOptions {
    /// This process.
    pub fn new(process: ExecProcess) -> Self {
        ExecOptions {
            process,
            pid_file: None,
            console_socket: None,
            take_terminal: false,
            pidfd_socket: None,
            stdio: Stdio::default(),
            preserve_fds: 0,
            files: Vec::new(),
            ignore_paused: false,
            sub_cgroups: Vec::new(),
            when_quiet: None,
        }
    }

    /// This program and its arguments, with the container's own process settings.
    pub fn command<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self::new(ExecProcess::Over(ProcessOverrides { args, ..ProcessOverrides::default() }))
    }

    /// Changes a setting of the process. A whole process that was given says all of its settings itself and is
    /// left as it is.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ProcessOverrides)) -> Self {
        if let ExecProcess::Over(overrides) = &mut self.process {
            change(overrides);
        }
        self
    }

    /// The working directory in the container.
    #[must_use]
    pub fn cwd(self, directory: impl Into<PathBuf>) -> Self {
        self.with(|process| process.cwd = Some(directory.into()))
    }

    /// Adds a variable, `NAME=value`.
    #[must_use]
    pub fn env(self, variable: impl Into<String>) -> Self {
        self.with(|process| process.env.push(variable.into()))
    }

    /// The uid, and the gid unless the container's own is wanted.
    #[must_use]
    pub fn user(self, uid: u32, gid: Option<u32>) -> Self {
        self.with(|process| process.user = Some((uid, gid)))
    }

    /// Gives it a terminal, whose other end is returned.
    #[must_use]
    pub fn tty(mut self) -> Self {
        self.take_terminal = true;
        self.with(|process| process.tty = true)
    }

    /// Sets [`Self::pid_file`].
    #[must_use]
    pub fn pid_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.pid_file = Some(file.into());
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
}
