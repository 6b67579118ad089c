//! Id-mapped mounts: a user namespace with the maps, and a tree of mounts that is given it.

use crate::plan::{IdMaps, MountIds, MountTree, Namespace, OuterSource};
use crate::process::Handed;
use crate::process::launch::{Init, Launch, LaunchError, launch};
use crate::process::wait;
use crate::sys;
use creel_wire::owned::Step;
use std::ffi::CString;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Why an id-mapped mount could not be made ready.
#[derive(Debug)]
pub enum MountTreeError {
    /// Its source.
    Source {
        /// The place in config.json.
        json_path: String,
        /// The path on the host.
        path: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// mount_setattr(2) of its options.
    Options {
        /// The place in config.json.
        json_path: String,
        /// What the kernel says.
        source: io::Error,
    },
    /// The process that holds the user namespace.
    Process {
        /// The place in config.json.
        json_path: String,
        /// Why it could not be started.
        source: LaunchError,
    },
    /// The user namespace with the maps, or the one that is joined.
    Namespace {
        /// The place in config.json.
        json_path: String,
        /// What the kernel says.
        source: io::Error,
    },
    /// mount_setattr(2) with MOUNT_ATTR_IDMAP.
    Map {
        /// The place in config.json.
        json_path: String,
        /// What the kernel says.
        source: io::Error,
    },
}

impl MountTreeError {
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            MountTreeError::Source { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("make it on the host, or take the mount out")
            }
            MountTreeError::Map { source, .. } => match source.raw_os_error() {
                Some(libc::EINVAL) => Some(
                    "the file system of the source, or one mounted below it, cannot be id-mapped",
                ),
                Some(libc::ENOSYS) => Some("id-mapped mounts need Linux 5.12"),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for MountTreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MountTreeError::Source { json_path, path, .. } => {
                write!(f, "{json_path}: source {}", path.display())
            }
            MountTreeError::Options { json_path, .. } => {
                write!(f, "{json_path}: setting its options")
            }
            MountTreeError::Process { json_path, .. }
            | MountTreeError::Namespace { json_path, .. } => {
                write!(f, "{json_path}: a user namespace with its mappings")
            }
            MountTreeError::Map { json_path, .. } => write!(f, "{json_path}: mapping its ids"),
        }
    }
}

impl std::error::Error for MountTreeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            MountTreeError::Process { source, .. } => source,
            MountTreeError::Source { source, .. }
            | MountTreeError::Options { source, .. }
            | MountTreeError::Namespace { source, .. }
            | MountTreeError::Map { source, .. } => source,
        })
    }
}

/// The detached tree, ready to be attached by creel-init.
pub(crate) fn make(wanted: &MountTree) -> Result<OwnedFd, MountTreeError> {
    let json_path = || wanted.origin.clone();
    let namespace = match &wanted.ids {
        MountIds::Maps(maps) => user_namespace(maps, &wanted.origin)?,
        MountIds::Joined(join) => File::open(&join.path)
            .map(OwnedFd::from)
            .map_err(|source| MountTreeError::Namespace { json_path: json_path(), source })?,
    };
    let unusable = |source| {
        let path = wanted.source.clone();
        MountTreeError::Source { json_path: json_path(), path, source }
    };
    let path =
        CString::new(wanted.source.as_os_str().as_bytes()).map_err(|nul| unusable(nul.into()))?;
    let tree = sys::mount::clone_tree(&path, wanted.recursive).map_err(unusable)?;
    sys::mount::set_attributes(tree.as_fd(), wanted.own, false)
        .and_then(|()| sys::mount::set_attributes(tree.as_fd(), wanted.below, true))
        .map_err(|source| MountTreeError::Options { json_path: json_path(), source })?;
    sys::mount::map_ids(tree.as_fd(), namespace.as_fd(), wanted.ids_below)
        .map_err(|source| MountTreeError::Map { json_path: json_path(), source })?;
    Ok(tree)
}

/// The source of a bind, as the caller sees it.
pub(crate) fn open(wanted: &OuterSource) -> Result<OwnedFd, MountTreeError> {
    let unusable = |source| MountTreeError::Source {
        json_path: wanted.origin.clone(),
        path: wanted.source.clone(),
        source,
    };
    let path =
        CString::new(wanted.source.as_os_str().as_bytes()).map_err(|nul| unusable(nul.into()))?;
    sys::mount::clone_tree(&path, wanted.recursive).map_err(unusable)
}

/// A user namespace lives as long as a descriptor of it; but only a process inside can be given maps. It is
/// creel-init with nothing to do but wait.
fn user_namespace(maps: &IdMaps, origin: &str) -> Result<OwnedFd, MountTreeError> {
    let json_path = || origin.to_owned();
    let holder = launch(&Launch {
        steps: &[Step::Ready {}],
        descriptors: &[],
        handed: Handed::nothing(),
        namespaces: u64::from(Namespace::User.flag()),
        entrance: None,
        cgroup: None,
        vfork: true,
    })
    .map_err(|source| MountTreeError::Process { json_path: json_path(), source })?;
    let namespace = write_maps(&holder, maps)
        .map_err(|source| MountTreeError::Namespace { json_path: json_path(), source });
    // ESRCH: it has ended by itself.
    let _ = sys::send_signal(holder.pidfd.as_fd(), libc::SIGKILL);
    wait::reap(holder.pidfd.as_fd());
    namespace
}

fn write_maps(holder: &Init, maps: &IdMaps) -> io::Result<OwnedFd> {
    let directory = PathBuf::from(format!("/proc/{}", holder.pid));
    fs::write(directory.join("uid_map"), IdMaps::text(&maps.users))?;
    fs::write(directory.join("gid_map"), IdMaps::text(&maps.groups))?;
    Ok(File::open(directory.join("ns/user"))?.into())
}
