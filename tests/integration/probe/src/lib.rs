//! What the probe reports: the types its JSON is made of.
//!
//! The probe program writes one [`Report`] to its standard output, the integration tests parse it
//! back into the same type. Numbers are as the kernel gives them, names as in the man pages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub mod calls;
pub mod capabilities;

/// Everything the probe sees of the process it is and of the container around it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The argument vector, `args[0]` included.
    pub args: Vec<String>,
    /// The environment as `NAME=value`, in its order.
    pub env: Vec<String>,
    /// `getcwd(2)`.
    pub cwd: String,
    /// The process id as seen inside.
    pub pid: u32,
    /// The parent's process id as seen inside; 0 when the parent is outside.
    pub ppid: u32,
    /// User and group ids.
    pub ids: Ids,
    /// The five capability sets.
    pub capabilities: Capabilities,
    /// Soft and hard limit by name (`RLIMIT_NOFILE`); `None` is unlimited.
    pub rlimits: Rlimits,
    /// `no_new_privs` is set.
    pub no_new_privs: bool,
    /// The seccomp mode: 0 none, 1 strict, 2 filter.
    pub seccomp: u32,
    /// The file mode creation mask.
    pub umask: u32,
    /// Signal sets.
    pub signals: Signals,
    /// The CPUs the process may run on, as a list (`0-3,5`).
    pub cpus: String,
    /// `/proc/self/oom_score_adj`.
    pub oom_score_adj: i32,
    /// The inode of each namespace by its name in `/proc/self/ns`.
    pub namespaces: BTreeMap<String, u64>,
    /// The lines of `/proc/self/cgroup`.
    pub cgroups: Vec<String>,
    /// The mount table in its order.
    pub mounts: Vec<Mount>,
    /// Open file descriptors and what they point at.
    pub fds: BTreeMap<i32, String>,
    /// The node name of the UTS namespace.
    pub hostname: String,
    /// The NIS domain name of the UTS namespace.
    pub domainname: String,
    /// The name of the session keyring, if there is one.
    pub session_keyring: Option<String>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// The entries of `/dev`.
    pub dev: Vec<Node>,
    /// What trying the paths on the command line gave, by the word given.
    pub tries: BTreeMap<String, Try>,
}

/// Soft and hard limit by name; `None` is unlimited.
pub type Rlimits = BTreeMap<String, (Option<u64>, Option<u64>)>;

/// User and group ids: real, effective, saved, file system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ids {
    /// The four user ids.
    pub uid: [u32; 4],
    /// The four group ids.
    pub gid: [u32; 4],
    /// Supplementary groups, sorted.
    pub groups: Vec<u32>,
}

/// The five capability sets, by name (`CAP_KILL`), in the kernel's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Capabilities {
    pub bounding: Vec<String>,
    pub effective: Vec<String>,
    pub inheritable: Vec<String>,
    pub permitted: Vec<String>,
    pub ambient: Vec<String>,
}

/// Sets of signals: bit 0 is signal 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Signals {
    pub blocked: u64,
    pub ignored: u64,
}

/// One line of `/proc/self/mountinfo`, see proc_pid_mountinfo(5).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mount {
    /// The path in the file system that is the root of this mount.
    pub root: String,
    /// Where it is mounted.
    pub target: String,
    /// Options of this mount (`ro`, `nosuid`).
    pub options: Vec<String>,
    /// Optional fields: propagation (`shared:1`, `master:1`, `unbindable`).
    pub propagation: Vec<String>,
    /// The file system's type.
    pub fstype: String,
    /// Its source.
    pub source: String,
    /// Options of the file system (`size=64k`).
    pub super_options: Vec<String>,
}

impl Mount {
    /// Whether the mount itself has this option.
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|o| o == option)
    }

    /// Whether the file system has this option.
    #[must_use]
    pub fn super_has(&self, option: &str) -> bool {
        self.super_options.iter().any(|o| o == option)
    }
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Interface {
    pub name: String,
    pub up: bool,
}

/// A file system node, not followed when it is a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The name in its directory, or the path that was asked for.
    pub name: String,
    /// `file`, `dir`, `link`, `char`, `block`, `fifo` or `socket`.
    pub kind: String,
    /// The device's major number, 0 when it is no device.
    pub major: u64,
    /// The device's minor number, 0 when it is no device.
    pub minor: u64,
    /// The permission bits with set-id and sticky bits.
    pub mode: u32,
    /// Owning user.
    pub uid: u32,
    /// Owning group.
    pub gid: u32,
    /// Where the link points.
    pub link: Option<String>,
}

/// What came of trying one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Try {
    /// It worked; with what was read, the entries of a directory one a line, or what a program
    /// printed.
    Worked(String),
    /// The step failed with this error (`EROFS`).
    Failed(String),
    /// The node as `lstat(2)` shows it.
    Node(Node),
}

impl Report {
    /// The uppermost mount at a path.
    #[must_use]
    pub fn mount(&self, target: &str) -> Option<&Mount> {
        self.mounts.iter().rev().find(|m| m.target == target)
    }

    /// The entry of `/dev` with this name.
    #[must_use]
    pub fn dev(&self, name: &str) -> Option<&Node> {
        self.dev.iter().find(|n| n.name == name)
    }

    /// The value of an environment variable; the first one when there are several.
    #[must_use]
    pub fn env(&self, name: &str) -> Option<&str> {
        self.env.iter().find_map(|e| e.strip_prefix(name)?.strip_prefix('='))
    }
}
