//! Why a container could not get its class of service.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What was tried with the resctrl file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Doing {
    Find,
    UseClass,
    MakeClass,
    MakeMonitor,
    Read,
    Write,
    Enter,
    Remove,
}

/// Why a container could not get its class of service.
#[derive(Debug)]
pub enum RdtError {
    /// A call that failed.
    Io {
        /// What was tried.
        doing: Doing,
        /// The file or directory.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// A class that exists is not as it is asked for.
    Differs {
        /// Its `schemata` file.
        path: PathBuf,
        /// The line that is asked for.
        wanted: String,
    },
}

impl RdtError {
    pub(crate) fn new(doing: Doing, path: &Path, source: io::Error) -> Self {
        RdtError::Io { doing, path: path.to_owned(), source }
    }

    /// The process that was to be entered has ended.
    pub(crate) fn is_of_gone_process(&self) -> bool {
        matches!(self, RdtError::Io { doing: Doing::Enter, source, .. }
            if source.raw_os_error() == Some(libc::ESRCH))
    }

    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            RdtError::Io { doing: Doing::Find, .. } => {
                Some("mount it (mount -t resctrl resctrl /sys/fs/resctrl), or leave intelRdt out")
            }
            RdtError::Io { doing: Doing::UseClass, .. } => {
                Some("make the class first, or say what it shall be like")
            }
            RdtError::Io { doing: Doing::MakeClass, source, .. }
                if source.raw_os_error() == Some(libc::ENOSPC) =>
            {
                Some("the processor has no class of service left")
            }
            RdtError::Io { doing: Doing::Write, .. } => {
                Some("info/last_cmd_status in the resctrl file system says why")
            }
            RdtError::Io { .. } | RdtError::Differs { .. } => None,
        }
    }
}

impl fmt::Display for RdtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("linux.intelRdt")?;
        match self {
            RdtError::Differs { path, wanted } => write!(
                f,
                ".closID: the class exists, and {} differs from what is asked for, {wanted:?}",
                path.display()
            ),
            RdtError::Io { doing, path, .. } => {
                let path = path.display();
                match doing {
                    Doing::Find => write!(f, ": resctrl is not mounted at {path}"),
                    Doing::UseClass => write!(f, ".closID: class {path}"),
                    Doing::MakeClass => write!(f, ": making class {path}"),
                    Doing::MakeMonitor => {
                        write!(f, ".enableMonitoring: making monitoring group {path}")
                    }
                    Doing::Read => write!(f, ": reading {path}"),
                    Doing::Write => write!(f, ": writing {path}"),
                    Doing::Enter => write!(f, ": entering {path}"),
                    Doing::Remove => write!(f, ": removing {path}"),
                }
            }
        }
    }
}

impl std::error::Error for RdtError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RdtError::Io { source, .. } => Some(source),
            RdtError::Differs { .. } => None,
        }
    }
}
