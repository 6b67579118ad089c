//! What can go wrong with cgroups.

use std::path::PathBuf;
use std::{fmt, io};

use super::systemd::SystemdError;

/// A failure of probing, planning or carrying out cgroups. Its text never repeats its source's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file that tells the layout cannot be read.
    Probe {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The host has no cgroup file system mounted.
    NoCgroups,
    /// A limit for a container that is to have no cgroup.
    NeedsCgroup {
        /// The setting.
        json_path: String,
    },
    /// `linux.cgroupsPath` names the root of the hierarchy.
    RootCgroup {
        /// The path as given.
        given: PathBuf,
    },
    /// A limit needs a controller that the host does not have.
    MissingController {
        /// The controller.
        controller: String,
        /// The setting that needs it.
        json_path: String,
    },
    /// `linux.resources.unified` on a host of version 1.
    UnifiedOnV1,
    /// A value that cannot be.
    Invalid {
        /// Where it is.
        json_path: String,
        /// What is there.
        found: String,
        /// What may be there.
        allowed: &'static str,
    },
    /// A device rule that takes back a part of a wider one, which version 1 cannot express.
    DeviceHole {
        /// The rule.
        rule: String,
        /// Where it is.
        json_path: String,
        /// Where the wider rule is.
        wider: String,
    },
    /// The device rules make a program that the kernel does not take.
    TooManyDeviceRules {
        /// How many there are.
        count: usize,
    },
    /// systemd, where it makes the cgroup.
    Systemd(SystemdError),
    /// A directory cannot be made.
    Make {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory or a file of a cgroup cannot be opened or read.
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The processors and memory nodes of the parents cannot be handed down (version 1).
    Cpuset {
        /// The file that was to be written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The cgroup is there already and has processes.
    Occupied {
        /// Its directory.
        path: PathBuf,
        /// Their ids, in this pid namespace.
        pids: Vec<i32>,
    },
    /// The cgroup, or one above it, is frozen.
    Frozen {
        /// The container's directory.
        path: PathBuf,
    },
    /// The cgroup is there already and gives controllers to cgroups below it.
    Divided {
        /// The container's directory.
        path: PathBuf,
    },
    /// A limit that does not work in a threaded cgroup, which the container's is.
    Threaded {
        /// The container's directory.
        path: PathBuf,
        /// The setting.
        json_path: String,
    },
    /// Some process did not freeze in time.
    NotFrozen {
        /// The container's directory.
        path: PathBuf,
    },
    /// A limit of memory below what is in use, where `checkBeforeUpdate` asks to see to that.
    BelowUsage {
        /// `limit`, or `swap` for memory and swap together.
        member: &'static str,
        /// The limit, in bytes.
        limit: u64,
        /// What is in use, in bytes.
        usage: u64,
    },
    /// A cgroup below the container's that cannot be.
    SubCgroup {
        /// What was given.
        given: String,
        /// Why not.
        reason: &'static str,
    },
    /// No hierarchy of the host can freeze.
    NoFreezer,
    /// A limit cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// What was written.
        value: String,
        /// The setting.
        json_path: String,
        /// Why not.
        source: io::Error,
    },
    /// The controller of a limit is not enabled for the cgroup (version 2).
    NotEnabled {
        /// The controller.
        controller: String,
        /// The container's directory.
        path: PathBuf,
        /// The setting.
        json_path: String,
    },
    /// The controller is there and the kernel has no such file.
    NoSuchFile {
        /// The file.
        path: PathBuf,
        /// The setting.
        json_path: String,
    },
    /// The caller may make no cgroup for a limit.
    LimitDenied {
        /// The directory that would have been made.
        path: PathBuf,
        /// The setting.
        json_path: String,
    },
    /// The container was left in the cgroup of its runtime, where nothing can be done to it alone.
    NoneOfItsOwn,
    /// The device filter cannot be set up.
    DeviceFilter {
        /// `load` or `attach`.
        step: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The cgroup that a process is to enter has been removed.
    Gone {
        /// The directory.
        path: PathBuf,
    },
    /// A process cannot be moved into the cgroup.
    Enter {
        /// The directory.
        path: PathBuf,
        /// The process.
        pid: i32,
        /// Why not.
        source: io::Error,
    },
    /// The process to be moved has exited.
    ProcessGone {
        /// The process.
        pid: i32,
    },
    /// A process of the cgroup cannot be signalled.
    Signal {
        /// The process.
        pid: i32,
        /// The signal.
        signal: i32,
        /// Why not.
        source: io::Error,
    },
    /// The cgroup cannot be frozen, thawed or killed.
    Control {
        /// The file that was written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The cgroup cannot be given to the container's user.
    GiveAway {
        /// The directory or file.
        path: PathBuf,
        /// The user's id on the host.
        owner: u32,
        /// Why not.
        source: io::Error,
    },
    /// A directory cannot be removed.
    Remove {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory is still in use when the time is over.
    Busy {
        /// The directory.
        path: PathBuf,
        /// The processes in it, in this pid namespace.
        pids: Vec<i32>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Probe { path, .. } => write!(f, "read {} to find the cgroups", path.display()),
            Error::NoCgroups => {
                write!(f, "no cgroup file system is mounted: mount cgroup2 at /sys/fs/cgroup")
            }
            Error::NeedsCgroup { json_path } => write!(
                f,
                "{json_path}: a limit needs a cgroup, and the container is to have none \
                 (--cgroup-manager disabled); take one of both out"
            ),
            Error::RootCgroup { given } => {
                write!(f, "linux.cgroupsPath: {given:?} is the root cgroup; name a cgroup below it")
            }
            Error::MissingController { controller, json_path } => {
                write!(f, "{json_path}: this host has no cgroup controller {controller}")
            }
            Error::UnifiedOnV1 => write!(
                f,
                "linux.resources.unified: this host's controllers are in cgroup version 1, \
                 where it means nothing"
            ),
            Error::Invalid { json_path, found, allowed } => {
                write!(f, "{json_path}: found {found}, allowed is {allowed}")
            }
            Error::DeviceHole { rule, json_path, wider } => write!(
                f,
                "{json_path}: {rule:?} takes back a part of {wider}, \
                 which cgroup version 1 cannot express"
            ),
            Error::TooManyDeviceRules { count } => {
                write!(f, "linux.resources.devices: {count} rules are too many for one filter")
            }
            Error::Systemd(error) => error.fmt(f),
            Error::Make { path, .. } => write!(f, "make cgroup {}", path.display()),
            Error::Read { path, .. } => write!(f, "read {}", path.display()),
            Error::Cpuset { path, .. } => {
                write!(f, "hand the parent's cpuset down to {}", path.display())
            }
            Error::Occupied { path, pids } => write!(
                f,
                "cgroup {} is in use by {}; choose another linux.cgroupsPath",
                path.display(),
                Processes(pids)
            ),
            Error::Frozen { path } => {
                write!(f, "cgroup {} is frozen; thaw it or its parent first", path.display())
            }
            Error::Divided { path } => write!(
                f,
                "cgroup {} gives controllers to child cgroups, so it takes no processes; \
                 choose another linux.cgroupsPath",
                path.display()
            ),
            Error::Threaded { path, json_path } => write!(
                f,
                "{json_path}: cgroup {} is threaded, as one above it is, and such a one cannot have this limit; \
                 choose another linux.cgroupsPath",
                path.display()
            ),
            Error::NotFrozen { path } => write!(
                f,
                "not every process of cgroup {} froze in time, so they were thawed; \
                 one may hang in the kernel",
                path.display()
            ),
            Error::BelowUsage { member, limit, usage } => write!(
                f,
                "linux.resources.memory.{member}: {limit} is below the {usage} bytes in use, \
                 and checkBeforeUpdate is true"
            ),
            Error::SubCgroup { given, reason } => write!(
                f,
                "{given:?} is not a sub cgroup path: {reason}; \
                 allowed is [controller[,controller]:]path below the container's cgroup"
            ),
            Error::NoFreezer => write!(f, "this host has no cgroup controller freezer"),
            Error::Write { path, value, json_path, source } => {
                write!(f, "{json_path}: write {value:?} to {}", path.display())?;
                let is_memory = json_path.starts_with("linux.resources.memory.");
                match source.raw_os_error() {
                    Some(libc::EBUSY) if is_memory => {
                        write!(f, " (more is in use and cannot be freed)")
                    }
                    Some(libc::EINVAL) if is_memory => {
                        write!(f, " (memory and swap together may not be less than memory)")
                    }
                    _ => Ok(()),
                }
            }
            Error::NotEnabled { controller, path, json_path } => write!(
                f,
                "{json_path}: cgroup controller {controller} is not available in {}; \
                 it must be enabled in cgroup.subtree_control of every cgroup above",
                path.display()
            ),
            Error::NoSuchFile { path, json_path } => {
                write!(f, "{json_path}: this kernel has no {}", path.display())
            }
            Error::LimitDenied { path, json_path } => write!(
                f,
                "{json_path}: cgroup {} may not be made by this user, so no limit can be set",
                path.display()
            ),
            Error::NoneOfItsOwn => f.write_str(
                "the container has no cgroup of its own: its user may make none, or asked for none",
            ),
            Error::DeviceFilter { step, .. } => write!(f, "{step} the BPF device filter"),
            Error::Gone { path } => write!(f, "cgroup {} is gone", path.display()),
            Error::Enter { path, pid, source } => {
                write!(f, "move process {pid} into cgroup {}", path.display())?;
                match source.raw_os_error() {
                    Some(libc::EBUSY) => {
                        write!(f, " (it gives controllers to child cgroups, so it takes none)")
                    }
                    Some(libc::EOPNOTSUPP) => write!(f, " (it, or its parent, is threaded)"),
                    Some(libc::ENOSPC) => write!(f, " (its cpuset is empty)"),
                    _ => Ok(()),
                }
            }
            Error::ProcessGone { pid } => {
                write!(f, "process {pid} exited before it was in its cgroup")
            }
            Error::Signal { pid, signal, .. } => {
                write!(f, "send signal {signal} to process {pid}")
            }
            Error::Control { path, .. } => write!(f, "write {}", path.display()),
            Error::GiveAway { path, owner, .. } => {
                write!(f, "give {} to the container's user {owner}", path.display())
            }
            Error::Remove { path, .. } => write!(f, "remove cgroup {}", path.display()),
            Error::Busy { path, pids } => {
                write!(f, "cgroup {} is still in use by {}", path.display(), Processes(pids))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Probe { source, .. }
            | Error::Make { source, .. }
            | Error::Read { source, .. }
            | Error::Cpuset { source, .. }
            | Error::Write { source, .. }
            | Error::DeviceFilter { source, .. }
            | Error::Enter { source, .. }
            | Error::Signal { source, .. }
            | Error::Control { source, .. }
            | Error::GiveAway { source, .. }
            | Error::Remove { source, .. } => Some(source),
            Error::Systemd(error) => error.source(),
            Error::NoCgroups
            | Error::NeedsCgroup { .. }
            | Error::RootCgroup { .. }
            | Error::MissingController { .. }
            | Error::UnifiedOnV1
            | Error::Invalid { .. }
            | Error::DeviceHole { .. }
            | Error::TooManyDeviceRules { .. }
            | Error::Occupied { .. }
            | Error::Frozen { .. }
            | Error::Divided { .. }
            | Error::Threaded { .. }
            | Error::NotFrozen { .. }
            | Error::NoFreezer
            | Error::SubCgroup { .. }
            | Error::BelowUsage { .. }
            | Error::NotEnabled { .. }
            | Error::NoSuchFile { .. }
            | Error::LimitDenied { .. }
            | Error::NoneOfItsOwn
            | Error::Gone { .. }
            | Error::ProcessGone { .. }
            | Error::Busy { .. } => None,
        }
    }
}

impl Error {
    /// What the user can do about it, where the reason alone does not say.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        let denied = |source: &io::Error| {
            matches!(source.raw_os_error(), Some(libc::EACCES | libc::EPERM | libc::EROFS))
        };
        match self {
            Error::LimitDenied { .. } => Some(
                "have a cgroup delegated to you (systemd-run --user --scope --property Delegate=yes), or take \
                 linux.resources out",
            ),
            Error::NoneOfItsOwn => Some(
                "create it where a cgroup is delegated to you (systemd-run --user --scope --property Delegate=yes)",
            ),
            Error::Make { source, .. } if denied(source) => Some(
                "let linux.cgroupsPath name a cgroup that is delegated to you; without a path and limits creel does \
                 without a cgroup",
            ),
            Error::Enter { source, .. } if denied(source) => Some(
                "creel has to be started in a cgroup that is delegated to you \
                 (systemd-run --user --scope --property Delegate=yes)",
            ),
            Error::Busy { .. } => Some("see what keeps them from ending, and delete it again"),
            _ => None,
        }
    }

    /// A cgroup was removed while it was read.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Error::Read { source, .. } if super::dir::is_gone(source))
    }
}

impl From<SystemdError> for Error {
    fn from(error: SystemdError) -> Error {
        Error::Systemd(error)
    }
}

/// A few process ids, and how many more there are.
struct Processes<'a>(&'a [i32]);

impl fmt::Display for Processes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        if self.0.is_empty() {
            return write!(f, "child cgroups, or processes of another pid namespace");
        }
        write!(f, "process")?;
        for pid in self.0.iter().take(SHOWN) {
            write!(f, " {pid}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
