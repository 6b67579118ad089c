//! The shape of the lifecycle as the command line calls it; every call fails until the lifecycle
//! takes this file's place.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use oci_spec::runtime::Process;
use serde::Serialize;

/// Why a step of the lifecycle failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No container has this id.
    NotFound,
    /// The step does not exist yet.
    NotYet {
        /// The step.
        step: &'static str,
    },
}

impl Error {
    /// Whether the reason is that there is no such container; `delete --force` accepts that.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("container does not exist"),
            Self::NotYet { step } => write!(f, "{step} is not built yet"),
        }
    }
}

impl std::error::Error for Error {}

/// What `create` is given besides the id.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// The bundle directory; relative to the current directory.
    pub bundle: PathBuf,
    /// Where to write the pid of the container's init.
    pub pid_file: Option<PathBuf>,
    /// The unix socket that receives the console's file descriptor.
    pub console_socket: Option<PathBuf>,
    /// Do not use pivot_root(2); for a rootfs on a ramdisk.
    pub no_pivot: bool,
    /// Stay in the caller's session keyring.
    pub no_new_keyring: bool,
    /// How many file descriptors after stderr the container inherits.
    pub preserve_fds: u32,
}

/// What `run` is given besides what `create` is given.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Return once the container runs.
    pub detach: bool,
    /// Do not delete the container when it has exited.
    pub keep: bool,
    /// Do not become the reaper of the container's orphans.
    pub no_subreaper: bool,
}

/// What `exec` is given besides the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOptions {
    /// What to run.
    pub process: ExecProcess,
    /// Return once the process runs.
    pub detach: bool,
    /// Where to write its pid.
    pub pid_file: Option<PathBuf>,
    /// The unix socket that receives the console's file descriptor.
    pub console_socket: Option<PathBuf>,
    /// How many file descriptors after stderr the process inherits.
    pub preserve_fds: u32,
    /// Go ahead although the container is paused.
    pub ignore_paused: bool,
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

/// The state of a container (runtime.md, State) and what runc adds to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The version of runtime-spec the state follows.
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// The pid of its init, 0 when it is stopped.
    pub pid: i32,
    /// `creating`, `created`, `running`, `paused` or `stopped`.
    pub status: String,
    /// The absolute path of its bundle.
    pub bundle: PathBuf,
    /// The absolute path of its root file system.
    pub rootfs: PathBuf,
    /// When it was created, RFC 3339 with nanoseconds.
    pub created: String,
    /// The annotations of its configuration.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Who made it: a user's name in a list, empty in the state of one container.
    pub owner: String,
}

/// All containers below one state directory.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// The state directory.
    pub root: PathBuf,
}

/// One container.
#[derive(Debug)]
pub struct Container {}

impl Runtime {
    /// Names the state directory; nothing is read or made yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes a container, which then waits for [`Container::start`].
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn create(&self, _id: &str, _options: CreateOptions) -> Result<Container, Error> {
        Err(Error::NotYet { step: "create" })
    }

    /// Makes and starts a container; returns its exit status, or 0 when detached.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn run(&self, _id: &str, _: CreateOptions, _: RunOptions) -> Result<i32, Error> {
        Err(Error::NotYet { step: "run" })
    }

    /// Finds a container.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn load(&self, id: &str) -> Result<Container, Error> {
        match self.root.join(id).exists() {
            true => Err(Error::NotYet { step: "load" }),
            false => Err(Error::NotFound),
        }
    }

    /// The states of all containers, by id.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn list(&self) -> Result<Vec<State>, Error> {
        Err(Error::NotYet { step: "list" })
    }
}

impl Container {
    /// Lets the created container run its program.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn start(&self) -> Result<(), Error> {
        Err(Error::NotYet { step: "start" })
    }

    /// The container's state.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn state(&self) -> Result<State, Error> {
        Err(Error::NotYet { step: "state" })
    }

    /// Sends a signal to the init, or to every process.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn kill(&self, _signal: i32, _all: bool) -> Result<(), Error> {
        Err(Error::NotYet { step: "kill" })
    }

    /// Removes a stopped container, with `force` any.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn delete(&self, _force: bool) -> Result<(), Error> {
        Err(Error::NotYet { step: "delete" })
    }

    /// Runs a further process; returns its exit status, or 0 when detached.
    ///
    /// # Errors
    /// [`Error`], always as yet.
    pub fn exec(&self, _options: ExecOptions) -> Result<i32, Error> {
        Err(Error::NotYet { step: "exec" })
    }
}
