//! What can go wrong with saved state.

use super::record::VERSION;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What can go wrong with saved state.
#[derive(Debug)]
pub enum StoreError {
    /// The id is taken.
    Exists {
        /// The container's directory.
        path: PathBuf,
    },
    /// There is no such container.
    NotFound {
        /// The container's directory.
        path: PathBuf,
    },
    /// The state root cannot be made.
    Root {
        /// The root.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file or directory cannot be used.
    File {
        /// Such as "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A state.json that is none.
    Broken {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// The program of the container's filter is not where it was saved.
    NoFilter {
        /// The file.
        path: PathBuf,
    },
    /// A state.json of another version of creel.
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Exists { path } => write!(
                f,
                "container with given ID already exists ({}); choose another id, or delete that container",
                path.display()
            ),
            StoreError::NotFound { path } => {
                write!(f, "container does not exist (there is no {})", path.display())
            }
            StoreError::Root { path, .. } => {
                write!(f, "cannot make the state root {}", path.display())
            }
            StoreError::File { action, path, .. } => {
                write!(f, "cannot {action} {}", path.display())
            }
            StoreError::Broken { path, .. } => {
                write!(f, "{} is damaged; remove the container with delete --force", path.display())
            }
            StoreError::NoFilter { path } => write!(
                f,
                "the container's seccomp filter was saved as {}, which is missing; without it nothing is executed in the \
                 container: create it anew",
                path.display()
            ),
            StoreError::Version { path, found } => write!(
                f,
                "{} has version {found}, this creel knows {VERSION}; use the creel that created it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Root { source, .. } | StoreError::File { source, .. } => Some(source),
            StoreError::Broken { source, .. } => Some(source),
            StoreError::Exists { .. }
            | StoreError::NotFound { .. }
            | StoreError::NoFilter { .. }
            | StoreError::Version { .. } => None,
        }
    }
}
