//! What the operations of the library can fail with.

use crate::cgroups;
use crate::hooks::HookError;
use crate::lifecycle::ListenerError;
use crate::lsm::LsmError;
use crate::mount_tree::MountTreeError;
use crate::netlink::NetDeviceError;
use crate::plan::PlanError;
use crate::process::{IdMapError, LaunchError, StepError};
use crate::rdt::RdtError;
use crate::spec::{CheckError, IdError, LoadError};
use crate::state::{Status, StoreError};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why an operation failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The container's id.
    Id(IdError),
    /// Reading config.json or a process file.
    Load(LoadError),
    /// Something in config.json that cannot be.
    Check(CheckError),
    /// Planning.
    Plan(PlanError),
    /// The saved state.
    Store(StoreError),
    /// The cgroups.
    Cgroup(cgroups::Error),
    /// Starting creel-init.
    Launch(LaunchError),
    /// Mapping the ids of the container's user namespace.
    IdMap(IdMapError),
    /// Only root can make a container without a user namespace.
    NeedsUserNamespace,
    /// A step inside the container.
    Step(Box<StepError>),
    /// A hook in the runtime's namespaces.
    Hook(HookError),
    /// A label for a security module that is off.
    Lsm(LsmError),
    /// An id-mapped mount.
    MountTree(MountTreeError),
    /// A network device of the host.
    NetDevice(NetDeviceError),
    /// The class of service in the resctrl file system.
    Rdt(RdtError),
    /// The agent of a seccomp filter.
    Listener(ListenerError),
    /// The directory that root.path names.
    RootFilesystem {
        /// The directory.
        path: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// A namespace to join.
    Namespace {
        /// The place in config.json.
        json_path: String,
        /// The file that names it.
        path: PathBuf,
        /// Why it cannot be joined.
        source: io::Error,
    },
    /// A namespace of another kind than config.json says.
    NamespaceKind {
        /// The place in config.json.
        json_path: String,
        /// The file that names it.
        path: PathBuf,
        /// The kind it should be, as in /proc/PID/ns.
        wanted: &'static str,
    },
    /// creel-init ended without a word, as when it is killed.
    Died {
        /// What it had to do.
        during: &'static str,
        /// How it ended, as far as it is known.
        how: String,
    },
    /// The container was deleted by force while it was being created.
    Unwanted,
    /// The container is in another part of its life than the operation needs.
    Status {
        /// What was to be done.
        action: &'static str,
        /// The container's id.
        id: String,
        /// Where it is.
        status: Status,
    },
    /// The container's process did not end after SIGKILL.
    StillRunning {
        /// The container's id.
        id: String,
        /// Its process.
        pid: i32,
    },
    /// A process has ended, and how is not known: it is no child of this program, or somebody else reaped it.
    ExitUnknown {
        /// The process.
        pid: i32,
    },
    /// A descriptor that the process is to inherit is not there to be inherited.
    PreservedDescriptor {
        /// Its number.
        number: i32,
        /// How many were asked for.
        count: u32,
    },
    /// The terminal settings contradict one another.
    Terminal {
        /// What to do about it.
        problem: &'static str,
    },
    /// The score for the OOM killer.
    OomScore {
        /// What was asked for.
        score: i32,
        /// Why not.
        source: io::Error,
    },
    /// A limit that is set from outside.
    Limit {
        /// The place in config.json.
        json_path: String,
        /// Why not.
        source: io::Error,
    },
    /// Something else of the host.
    Io {
        /// Such as "write the pid file".
        action: &'static str,
        /// The file, if it is one.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl Error {
    /// Whether the reason is that there is no such container.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Store(StoreError::NotFound { .. }))
    }

    /// What the user can do about it, where the reason alone does not say.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Error::Step(step) => step.advice(),
            Error::IdMap(error) => error.advice(),
            Error::Launch(error) => error.advice(),
            Error::Cgroup(error) | Error::Plan(PlanError::Cgroup(error)) => error.advice(),
            Error::OomScore { source, .. } if source.raw_os_error() == Some(libc::EACCES) => {
                Some("less than creel's own score takes CAP_SYS_RESOURCE")
            }
            Error::Limit { source, .. } if source.raw_os_error() == Some(libc::EPERM) => {
                Some("a hard limit above creel's own takes CAP_SYS_RESOURCE")
            }
            Error::NeedsUserNamespace => Some(
                "give linux.namespaces one of type user, with mappings, as creel spec --rootless does; or run creel \
                 as root",
            ),
            Error::MountTree(error) => error.advice(),
            Error::NetDevice(error) => error.advice(),
            Error::Rdt(error) => error.advice(),
            Error::Listener(error) => error.advice(),
            Error::Store(StoreError::Root { .. }) => Some(
                "make it writable, set XDG_RUNTIME_DIR, or choose another state root with --root",
            ),
            Error::RootFilesystem { .. } => {
                Some("unpack a root file system there, or let root.path name another directory")
            }
            _ => None,
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Error::Io { action, path: path.into(), source }
    }

    /// The error that this one only passes on.
    fn inner(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let inner: &(dyn std::error::Error + 'static) = match self {
            Error::Id(inner) => inner,
            Error::Load(inner) => inner,
            Error::Check(inner) => inner,
            Error::Plan(inner) => inner,
            Error::Store(inner) => inner,
            Error::Cgroup(inner) => inner,
            Error::Launch(inner) => inner,
            Error::IdMap(inner) => inner,
            Error::Step(inner) => inner.as_ref(),
            Error::Hook(inner) => inner,
            Error::Lsm(inner) => inner,
            Error::MountTree(inner) => inner,
            Error::NetDevice(inner) => inner,
            Error::Rdt(inner) => inner,
            Error::Listener(inner) => inner,
            _ => return None,
        };
        Some(inner)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(inner) = self.inner() {
            return fmt::Display::fmt(inner, f);
        }
        match self {
            Error::RootFilesystem { path, .. } => {
                write!(f, "root.path: cannot use {} as the root file system", path.display())
            }
            Error::Namespace { json_path, path, .. } => {
                write!(f, "{json_path}: namespace {} cannot be joined", path.display())
            }
            Error::NamespaceKind { json_path, path, wanted } => {
                write!(f, "{json_path}: {} is not a {wanted} namespace", path.display())
            }
            Error::Died { during, how } => {
                write!(f, "the container's process ended while {during} ({how})")
            }
            Error::Unwanted => {
                f.write_str("the container was deleted by force while it was being created")
            }
            Error::Status { action, id, status } => match (*action, status) {
                ("kill" | "pause" | "update" | "measure", _) => {
                    write!(f, "container not running: {id} is {status}")
                }
                ("start", Status::Stopped) => {
                    write!(f, "cannot start a container that has stopped: {id}")
                }
                ("start", Status::Paused) => {
                    write!(f, "cannot start a paused container: {id}; resume it first")
                }
                ("resume", _) => write!(f, "container not paused: {id} is {status}"),
                ("start", _) => {
                    write!(f, "cannot start an already running container: {id} is {status}")
                }
                ("delete", _) => write!(
                    f,
                    "cannot delete container {id} that is not stopped: {status}; kill it first, or use --force"
                ),
                ("exec", Status::Paused) => write!(
                    f,
                    "cannot exec in a paused container (use --ignore-paused to override): {id}"
                ),
                ("exec", _) => write!(f, "cannot exec in a {status} container: {id}"),
                (action, status) => {
                    write!(f, "cannot {action} container {id} while it is {status}")
                }
            },
            Error::StillRunning { id, pid } => write!(
                f,
                "container {id}: process {pid} did not end after SIGKILL; it may hang in the kernel, try again"
            ),
            Error::ExitUnknown { pid } => write!(
                f,
                "process {pid} has ended, but only its parent knows how; before Linux 6.15 nobody else can ask"
            ),
            Error::PreservedDescriptor { number, count } => write!(
                f,
                "--preserve-fds {count}: descriptor {number} is not open, or is closed at exec; \
                 open all from 3 to {}, or ask for fewer",
                u64::from(*count) + 2
            ),
            Error::OomScore { score, .. } => {
                write!(f, "process.oomScoreAdj: {score} cannot be set")
            }
            Error::Limit { json_path, .. } => write!(f, "{json_path}: cannot be set"),
            Error::NeedsUserNamespace => {
                f.write_str("a container that is not made by root needs a user namespace")
            }
            Error::Terminal { problem } => f.write_str(problem),
            Error::Io { action, path, .. } if path.as_os_str().is_empty() => {
                write!(f, "cannot {action}")
            }
            Error::Io { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Namespace { source, .. }
            | Error::RootFilesystem { source, .. }
            | Error::OomScore { source, .. }
            | Error::Limit { source, .. }
            | Error::Io { source, .. } => Some(source),
            _ => self.inner().and_then(std::error::Error::source),
        }
    }
}

macro_rules! from {
    ($($variant:ident($error:ty)),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::$variant(error)
            }
        }
    )*};
}
from!(
    Id(IdError),
    Load(LoadError),
    Check(CheckError),
    Plan(PlanError),
    Store(StoreError),
    Cgroup(cgroups::Error),
    Launch(LaunchError),
    IdMap(IdMapError),
    Hook(HookError),
    Lsm(LsmError),
    MountTree(MountTreeError),
    NetDevice(NetDeviceError),
    Rdt(RdtError),
    Listener(ListenerError),
);
