//! The mounts of config.json, in their order.

use super::mount_options::{Change, MS_SHARED, Options, attr};
use super::mount_tree::{MountIds, MountTree};
use super::namespaces::{Namespace, Namespaces};
use super::{
    Descriptor, Host, OuterSource, PlanError, Planned, Request, Script, devices, inside_path,
    inside_path_at, item, labels, text, text_at,
};
use crate::cgroups;
use caps::Capability;
use creel_wire::Slot;
use creel_wire::owned::{Step, Text};
use creel_wire::step::mount_flags;
use oci_spec::runtime::{Mount, Spec};
use std::path::Path;

/// The files of procfs that may be covered by a bind, as lxcfs does; nothing else there may.
const COVERABLE: [&str; 11] = [
    "proc/cpuinfo",
    "proc/diskstats",
    "proc/loadavg",
    "proc/meminfo",
    "proc/net/dev",
    "proc/slabinfo",
    "proc/stat",
    "proc/swaps",
    "proc/uptime",
    "proc/sys/kernel/ns_last_pid",
    "proc/sys/crypto/fips_enabled",
];

/// File systems that open no device, whatever is called their source.
const DEVICELESS: [&str; 9] =
    ["tmpfs", "proc", "sysfs", "mqueue", "devpts", "overlay", "cgroup", "cgroup2", "bpf"];

/// What mounts depend on besides config.json.
pub(super) struct Surroundings<'a> {
    pub(super) request: &'a Request,
    pub(super) cgroup: &'a cgroups::Plan,
    pub(super) namespaces: &'a Namespaces,
    pub(super) host: &'a Host,
}

/// The mounts; what is returned is for the end, when nothing more is made in them.
pub(super) fn plan(
    script: &mut Script,
    spec: &Spec,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Planned>, PlanError> {
    let Surroundings { request, cgroup, namespaces, host } = *surroundings;
    let in_user_namespace = namespaces.has(Namespace::User) || host.in_user_namespace;
    // Only who has rights outside of the container's user namespace reaches more than that.
    let outer = namespaces.has(Namespace::User) && host.has(Capability::CAP_SYS_ADMIN);
    // In a user namespace all mounts are slaves of the host's.
    let to_host = namespaces.is_new(Namespace::Mount) && !in_user_namespace && is_root_shared(spec);
    let label = spec.linux().as_ref().and_then(|linux| linux.mount_label().as_deref());
    let mounts = spec.mounts().as_deref().unwrap_or_default();
    let (mut all, mut last) = (Vec::new(), Vec::new());
    for (index, mount) in mounts.iter().enumerate() {
        let one = One::of(item("mounts", index), mount, &request.bundle)?;
        let ids = MountIds::of(&one.origin, mount, &one.options, spec, namespaces)?;
        match (one.fstype.as_str(), ids) {
            _ if one.options.remount => one.remount(script)?,
            (_, Some(ids)) => one.id_mapped(script, ids),
            _ if to_host && one.is_shared_bind() => match is_entered(mount, &mounts[index + 1..]) {
                true => one.shared_with_host(script),
                false => last.push(index),
            },
            _ if one.options.bind => one.bind(script, outer)?,
            ("cgroup" | "cgroup2", _) => {
                one.cgroup(script, cgroup, namespaces.has(Namespace::Cgroup))?;
            }
            _ => {
                one.filesystem(script, label, in_user_namespace)?;
                if let Some(label) = labels::of_mount_point(label, &one.fstype) {
                    let target = one.target.clone();
                    script.push("linux.mountLabel", Step::FileLabel { target, label });
                }
            }
        }
        all.push(one);
    }
    // Not before: a link of the image could lead another mount in there, and that would come to the host.
    for index in last {
        all[index].shared_with_host(script);
    }
    Ok(closing(&all))
}

/// Whether a later mount is asked for at the mount's destination, or below.
fn is_entered(mount: &Mount, later: &[Mount]) -> bool {
    later.iter().any(|other| other.destination().starts_with(mount.destination()))
}

/// Whether mounts that are made in the container may come to the host, where a bind is shared too.
fn is_root_shared(spec: &Spec) -> bool {
    let linux = spec.linux().as_ref();
    let asked = linux.and_then(|linux| linux.rootfs_propagation().as_deref());
    matches!(asked, Some("shared" | "rshared"))
}

/// Read-only at last: file systems that other mounts or devices have their places in (Podman's pods have
/// such a /dev).
fn closing(all: &[One]) -> Vec<Planned> {
    let stays = |index: usize, one: &One| {
        let mut later = all[index + 1..].iter().filter(|later| later.target == one.target);
        !later.any(One::covers_or_opens)
    };
    let late =
        all.iter().enumerate().filter(|(index, one)| one.closes_late() && stays(*index, one));
    late.map(|(_, one)| Planned {
        origin: one.origin.clone(),
        step: Step::MountAttributes { target: one.target.clone(), set: attr::RDONLY },
    })
    .collect()
}

/// One entry of `mounts`.
struct One {
    origin: String,
    target: Text,
    fstype: String,
    source: String,
    options: Options,
}

impl One {
    fn of(origin: String, mount: &Mount, bundle: &Path) -> Result<Self, PlanError> {
        let options = Options::parse(mount.options().iter().flatten());
        let destination = mount.destination().to_string_lossy();
        let target = inside_path_at(|| format!("{origin}.destination"), &destination)?;
        let source = mount.source().as_deref().unwrap_or(Path::new(""));
        // A bind's source is a path, and relative to the bundle; any other is only a name.
        let source = if options.bind { bundle.join(source) } else { source.to_owned() };
        let fstype = mount.typ().clone().unwrap_or_default();
        Ok(One { origin, target, fstype, source: source.to_string_lossy().into_owned(), options })
    }

    /// Whether it stays writable until all else is made ([`closing`]).
    fn closes_late(&self) -> bool {
        let is_file_system = !self.options.bind && !self.options.remount;
        let has_places = self.fstype == "tmpfs" || self.target.as_c_str() == c"dev";
        is_file_system && has_places && self.options.own.set & attr::RDONLY != 0
    }

    /// Whether an earlier mount on the same place is out of sight then, or has been made writable by name. A
    /// remount that does not say so leaves it as it was.
    fn covers_or_opens(&self) -> bool {
        let Options { remount, own, below, .. } = self.options;
        !remount || (own.clear | below.clear) & attr::RDONLY != 0
    }

    fn source(&self) -> Result<Text, PlanError> {
        text_at(|| format!("{}.source", self.origin), self.source.as_str())
    }

    /// The source, opened by the library.
    fn outer_source(&self, script: &mut Script) -> Slot {
        script.slot(Descriptor::OuterSource(OuterSource {
            origin: self.origin.clone(),
            source: self.source.clone().into(),
            recursive: self.options.recursive,
        }))
    }

    /// `outer`: the source is opened outside too, for what the container's root may not reach.
    fn bind(&self, script: &mut Script, outer: bool) -> Result<(), PlanError> {
        let Options { own, below, propagation, recursive, .. } = self.options;
        if outer {
            let tree = self.outer_source(script);
            script.push(self.origin.as_str(), Step::OuterSource { tree });
        }
        let step = Step::MountBind {
            target: self.target.clone(),
            source: self.source()?,
            recursive,
            set: own.set,
            clear: cleared(own),
            recursive_set: below.set,
            recursive_clear: cleared(below),
            propagation,
            flags: self.proc_flags(),
        };
        script.push(self.origin.as_str(), step);
        for word in &self.options.parameters {
            script
                .warnings
                .push(format!("{}.options: {word:?} has no effect on a bind", self.origin));
        }
        Ok(())
    }

    fn is_shared_bind(&self) -> bool {
        self.options.bind && self.options.propagation & MS_SHARED != 0
    }

    /// A bind that is a peer of its source (mount_namespaces(7)): what is mounted in it comes to the host too, as
    /// Kubernetes' drivers of volumes want it. The library opens it, since creel-init sees only slaves of the
    /// host's mounts, lest its own go there.
    fn shared_with_host(&self, script: &mut Script) {
        let Options { own, below, propagation, .. } = self.options;
        let tree = self.outer_source(script);
        let step = Step::MountTree {
            target: self.target.clone(),
            tree,
            set: own.set,
            clear: cleared(own),
            recursive_set: below.set,
            recursive_clear: cleared(below),
            propagation,
            flags: self.proc_flags(),
        };
        script.push(self.origin.as_str(), step);
    }

    /// A bind whose tree of mounts the library makes.
    fn id_mapped(&self, script: &mut Script, ids: MountIds) {
        let Options { own, below, propagation, recursive, ids_below, .. } = self.options;
        let tree = script.slot(Descriptor::MountTree(MountTree {
            origin: self.origin.clone(),
            source: self.source.clone().into(),
            recursive,
            own: (own.set, cleared(own)),
            below: (below.set, cleared(below)),
            ids,
            ids_below: ids_below.unwrap_or(false),
        }));
        // Its options are in the tree.
        let step = Step::MountTree {
            target: self.target.clone(),
            tree,
            set: 0,
            clear: 0,
            recursive_set: 0,
            recursive_clear: 0,
            propagation,
            flags: self.proc_flags(),
        };
        script.push(self.origin.as_str(), step);
    }

    /// What is named changes, the rest of the mount stays as it is; without `bind` the file system gets the
    /// words that are for it. It does not become read-only itself: others may have it mounted too.
    fn remount(&self, script: &mut Script) -> Result<(), PlanError> {
        let Options { own, below, propagation, bind, .. } = self.options;
        let parameters = &self.options.parameters;
        let step = Step::Remount {
            target: self.target.clone(),
            parameters: super::process::texts(
                format_args!("{}.options", self.origin),
                parameters.iter(),
            )?,
            reconfigure: !bind && !parameters.is_empty(),
            set: own.set,
            clear: cleared(own),
            recursive_set: below.set,
            recursive_clear: cleared(below),
            propagation,
        };
        script.push(self.origin.as_str(), step);
        Ok(())
    }

    fn filesystem(
        &self,
        script: &mut Script,
        label: Option<&str>,
        in_user_namespace: bool,
    ) -> Result<(), PlanError> {
        let mut flags = self.proc_flags();
        if self.fstype == "sysfs" && in_user_namespace {
            // It belongs to who owns the network namespace; others are shown the host's.
            flags |= mount_flags::OR_HOSTS;
        }
        if matches!(self.fstype.as_str(), "proc" | "sysfs") {
            // A link there would put them, and what is written through them, elsewhere (CVE-2019-19921).
            flags |= mount_flags::NO_SYMLINKS;
        }
        let mut parameters = self.options.parameters.clone();
        let mut attributes = self.options.own.set | self.options.below.set;
        if self.options.copy_up {
            self.check_copy_up()?;
            flags |= mount_flags::COPY_UP;
        }
        if self.closes_late() {
            attributes &= !attr::RDONLY;
        } else if self.options.own.set & attr::RDONLY != 0 {
            parameters.push("ro".to_owned());
        }
        parameters.extend(labels::mount_option(label, &self.fstype, &parameters));
        if self.fstype == "tmpfs" && !parameters.iter().any(|p| p.starts_with("mode=")) {
            flags |= mount_flags::MODE_OF_TARGET;
        }
        // In a user namespace the kernel mounts nothing that takes one.
        let takes_one = !DEVICELESS.contains(&self.fstype.as_str()) && !in_user_namespace;
        script.opens_devices |= takes_one && self.source.starts_with('/');
        let step = Step::MountFilesystem {
            target: self.target.clone(),
            fstype: text_at(|| format!("{}.type", self.origin), self.fstype.as_str())?,
            source: self.source()?,
            parameters: super::process::texts(
                format_args!("{}.options", self.origin),
                parameters.iter(),
            )?,
            attributes,
            propagation: self.options.propagation,
            flags,
        };
        script.push(self.origin.as_str(), step);
        Ok(())
    }

    fn check_copy_up(&self) -> Result<(), PlanError> {
        if self.fstype == "tmpfs" {
            return Ok(());
        }
        Err(PlanError::Unsupported {
            json_path: format!("{}.options", self.origin),
            found: "tmpcopyup".to_owned(),
            allowed: "only a mount of type tmpfs can have it",
        })
    }

    /// The container's own cgroups: existing mounts are bound, for mounting cgroup2 anew from the host's
    /// cgroup namespace can wait for the kernel for 11 ms.
    fn cgroup(
        &self,
        script: &mut Script,
        plan: &cgroups::Plan,
        namespace: bool,
    ) -> Result<(), PlanError> {
        let shown = plan.mounts(namespace);
        let shared = shown.iter().any(|mount| mount.read_only);
        let read_only = self.options.own.set & attr::RDONLY | if shared { attr::RDONLY } else { 0 };
        let hierarchies = shown.iter().any(|mount| !mount.name.is_empty());
        if hierarchies {
            self.cgroup_directory(script)?;
        }
        for mount in &shown {
            let target = format!("{}/{}", self.target.display(), mount.name);
            let forced = if mount.read_only { attr::RDONLY } else { 0 };
            let step = Step::MountBind {
                target: inside_path(&self.origin, &target)?,
                source: text(
                    &self.origin,
                    mount.source.clone().into_os_string().into_encoded_bytes(),
                )?,
                recursive: mount.read_only,
                set: self.options.own.set | forced,
                clear: self.options.own.clear & !forced,
                recursive_set: forced,
                recursive_clear: 0,
                propagation: self.options.propagation,
                flags: 0,
            };
            script.push(self.origin.as_str(), step);
            for link in &mount.links {
                let path = format!("{}/{link}", self.target.display());
                script.push(self.origin.as_str(), devices::link(&path, &mount.name)?);
            }
        }
        if hierarchies && read_only != 0 {
            let target = self.target.clone();
            script.push(self.origin.as_str(), Step::MountAttributes { target, set: read_only });
        }
        Ok(())
    }

    /// On v1 the hierarchies stand side by side in a tmpfs.
    fn cgroup_directory(&self, script: &mut Script) -> Result<(), PlanError> {
        let step = Step::MountFilesystem {
            target: self.target.clone(),
            fstype: super::known_text("tmpfs"),
            source: super::known_text("tmpfs"),
            parameters: vec![super::known_text("mode=755")],
            attributes: attr::NOSUID | attr::NODEV | attr::NOEXEC,
            propagation: 0,
            flags: 0,
        };
        script.push(self.origin.as_str(), step);
        Ok(())
    }

    fn proc_flags(&self) -> u32 {
        let target = self.target.as_c_str().to_bytes();
        let is_coverable = COVERABLE.iter().any(|file| file.as_bytes() == target);
        if is_coverable { mount_flags::IN_PROC } else { 0 }
    }
}

/// What mount_setattr(2) has to clear.
fn cleared(change: Change) -> u64 {
    change.clear & !change.set | atime_field(change.set)
}

/// A mode of access times is a number in a field of bits that has to be cleared to be set.
fn atime_field(set: u64) -> u64 {
    if set & (attr::NOATIME | attr::STRICTATIME) != 0 { attr::ATIME } else { 0 }
}
