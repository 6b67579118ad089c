//! Which namespaces are made, which are joined, and when.

use super::{Descriptor, Script};
use creel_wire::owned::Step;
use oci_spec::runtime::{LinuxNamespaceType, Spec};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A kind of namespace, as config.json calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Namespace {
    Mount,
    Cgroup,
    Uts,
    Ipc,
    User,
    Pid,
    Network,
    Time,
}

impl Namespace {
    /// CLONE_NEW*, clone(2).
    pub fn flag(self) -> u32 {
        match self {
            Namespace::Mount => 0x0002_0000,
            Namespace::Cgroup => 0x0200_0000,
            Namespace::Uts => 0x0400_0000,
            Namespace::Ipc => 0x0800_0000,
            Namespace::User => 0x1000_0000,
            Namespace::Pid => 0x2000_0000,
            Namespace::Network => 0x4000_0000,
            Namespace::Time => 0x0000_0080,
        }
    }

    /// The name of its file in /proc/PID/ns.
    pub fn file(self) -> &'static str {
        match self {
            Namespace::Mount => "mnt",
            Namespace::Cgroup => "cgroup",
            Namespace::Uts => "uts",
            Namespace::Ipc => "ipc",
            Namespace::User => "user",
            Namespace::Pid => "pid",
            Namespace::Network => "net",
            Namespace::Time => "time",
        }
    }

    /// Whether creel-init always makes it itself, with a step of its own.
    fn is_late(self) -> bool {
        matches!(self, Namespace::Cgroup | Namespace::Time)
    }

    fn of(kind: LinuxNamespaceType) -> Self {
        match kind {
            LinuxNamespaceType::Mount => Namespace::Mount,
            LinuxNamespaceType::Cgroup => Namespace::Cgroup,
            LinuxNamespaceType::Uts => Namespace::Uts,
            LinuxNamespaceType::Ipc => Namespace::Ipc,
            LinuxNamespaceType::User => Namespace::User,
            LinuxNamespaceType::Pid => Namespace::Pid,
            LinuxNamespaceType::Network => Namespace::Network,
            LinuxNamespaceType::Time => Namespace::Time,
        }
    }
}

/// A namespace that exists already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Join {
    /// Its kind.
    pub namespace: Namespace,
    /// A file that names it, such as /proc/1/ns/net.
    pub path: PathBuf,
    /// The place in config.json.
    pub origin: String,
}

/// What config.json asks for.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    pub(super) new: Vec<Namespace>,
    pub(super) joined: Vec<Join>,
}

impl Namespaces {
    pub(super) fn of(spec: &Spec) -> Self {
        let mut namespaces = Namespaces::default();
        let listed = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
        for (index, listed) in listed.into_iter().flatten().enumerate() {
            let namespace = Namespace::of(listed.typ());
            match listed.path().as_ref().filter(|path| !path.as_os_str().is_empty()) {
                Some(path) => {
                    let origin = format!("linux.namespaces[{index}]");
                    namespaces.joined.push(Join { namespace, path: path.clone(), origin });
                }
                None => namespaces.new.push(namespace),
            }
        }
        namespaces
    }

    pub(super) fn has(&self, namespace: Namespace) -> bool {
        self.is_new(namespace) || self.joins(namespace)
    }

    pub(super) fn is_new(&self, namespace: Namespace) -> bool {
        self.new.contains(&namespace)
    }

    pub(super) fn joins(&self, namespace: Namespace) -> bool {
        self.joined.iter().any(|join| join.namespace == namespace)
    }

    /// Those that the clone makes. The cgroup namespace shows the cgroup that its maker is in, so it is made
    /// only after the container's own was entered; the offsets of a time namespace have to be written before
    /// anything is in it; and what is to belong to a joined user namespace is made
    /// only after that was joined.
    pub(super) fn cloned(&self) -> Vec<Namespace> {
        if self.joins(Namespace::User) || self.makes_user_late() {
            return Vec::new();
        }
        self.new.iter().copied().filter(|namespace| !namespace.is_late()).collect()
    }

    /// Those of [`Self::cloned`] that are made beforehand, while the rest is planned: a network namespace, which takes
    /// longer than all else. It belongs to the caller's user namespace then.
    pub(super) fn ahead(&self) -> Option<Namespace> {
        let apart = self.is_new(Namespace::Network) && !self.has(Namespace::User);
        apart.then_some(Namespace::Network)
    }

    /// Whether creel-init itself makes the user namespace. What is joined beside it mostly belongs to the
    /// caller's, and cannot be joined any more from inside a new one.
    pub(super) fn makes_user_late(&self) -> bool {
        self.is_new(Namespace::User) && !self.joined.is_empty()
    }

    /// Whether creel-init makes a new namespace with unshare(2), after it has joined others.
    pub(super) fn makes_late(&self, namespace: Namespace) -> bool {
        self.is_new(namespace) && (self.joins(Namespace::User) || self.makes_user_late())
    }

    /// Whether creel-init goes on in a child: a pid namespace that is joined, or made by unshare(2), takes in
    /// only children.
    pub(super) fn needs_second_process(&self) -> bool {
        let unshared = self.joins(Namespace::User) || self.makes_user_late();
        self.joins(Namespace::Pid) || (unshared && self.is_new(Namespace::Pid))
    }

    /// The steps that enter what exists. The user namespace is the last: until then this process has the
    /// rights over the others that its caller has. A caller without rights has only those that the user
    /// namespace gives, and enters that first.
    pub(super) fn join(&self, script: &mut Script, privileged: bool, net_devices: bool) {
        let is_user = |join: &&Join| join.namespace == Namespace::User;
        let (user, others): (Vec<&Join>, Vec<&Join>) = self.joined.iter().partition(is_user);
        let (first, last) = if privileged { (others, user) } else { (user, others) };
        for join in first.into_iter().chain(last) {
            let namespace = script.slot(Descriptor::Namespace(join.clone()));
            let kind = join.namespace.flag();
            script.push(format!("{}.path", join.origin), Step::JoinNamespace { namespace, kind });
            if join.namespace == Namespace::User {
                script.stay_non_dumpable();
            }
        }
        if self.joins(Namespace::User) || self.makes_user_late() {
            let late = self.new.iter().filter(|namespace| !namespace.is_late());
            let flags = late.fold(0, |flags, namespace| flags | namespace.flag());
            script.push("linux.namespaces", Step::Unshare { flags });
        }
        if self.makes_user_late() {
            script.push("linux.uidMappings", Step::AwaitIdMaps {});
        } else if net_devices && self.makes_late(Namespace::Network) {
            script.push("linux.netDevices", Step::AwaitIdMaps {});
        }
        if self.needs_second_process() {
            script.push("", Step::EnterPidNamespace { at_once: false });
        }
        if self.has(Namespace::User) {
            script.push("linux.namespaces", Step::UserNamespaceRoot {});
            script.stay_non_dumpable();
        }
    }
}
