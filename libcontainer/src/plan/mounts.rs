//! The mounts of config.json, in their order.

use super::mount_options::{Options, attr};
use super::{PlanError, Request, Script, devices, inside_path, text};
use crate::cgroups;
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

pub(super) fn plan(
    script: &mut Script,
    spec: &Spec,
    request: &Request,
    cgroup: &cgroups::Plan,
    cgroup_namespace: bool,
) -> Result<(), PlanError> {
    for (index, mount) in spec.mounts().iter().flatten().enumerate() {
        let one = One::of(format!("mounts[{index}]"), mount, &request.bundle)?;
        match one.fstype.as_str() {
            _ if one.options.bind => one.bind(script)?,
            "cgroup" | "cgroup2" => one.cgroup(script, cgroup, cgroup_namespace)?,
            _ => one.filesystem(script)?,
        }
    }
    Ok(())
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
        if let Some(found) = &options.unsupported {
            return Err(PlanError::Unsupported {
                json_path: format!("{origin}.options"),
                found: found.clone(),
                allowed: "this version of creel cannot do it yet: leave the option out",
            });
        }
        let destination = mount.destination().to_string_lossy();
        let target = inside_path(&format!("{origin}.destination"), &destination)?;
        let source = mount.source().as_deref().unwrap_or(Path::new(""));
        // A bind's source is a path, and relative to the bundle; any other is only a name.
        let source = if options.bind { bundle.join(source) } else { source.to_owned() };
        let fstype = mount.typ().clone().unwrap_or_default();
        Ok(One { origin, target, fstype, source: source.to_string_lossy().into_owned(), options })
    }

    fn source(&self) -> Result<Text, PlanError> {
        text(&format!("{}.source", self.origin), self.source.as_str())
    }

    fn bind(&self, script: &mut Script) -> Result<(), PlanError> {
        let Options { own, below, propagation, recursive, .. } = self.options;
        let step = Step::MountBind {
            target: self.target.clone(),
            source: self.source()?,
            recursive,
            set: own.set,
            clear: own.clear & !own.set | atime_field(own.set),
            recursive_set: below.set,
            recursive_clear: below.clear & !below.set | atime_field(below.set),
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

    fn filesystem(&self, script: &mut Script) -> Result<(), PlanError> {
        let mut flags = self.proc_flags();
        if matches!(self.fstype.as_str(), "proc" | "sysfs") {
            // A link there would put them, and what is written through them, elsewhere (CVE-2019-19921).
            flags |= mount_flags::NO_SYMLINKS;
        }
        let mut parameters = self.options.parameters.clone();
        if self.options.copy_up {
            self.check_copy_up()?;
            flags |= mount_flags::COPY_UP;
        } else if self.options.own.set & attr::RDONLY != 0 {
            parameters.push("ro".to_owned());
        }
        if self.fstype == "tmpfs" && !parameters.iter().any(|p| p.starts_with("mode=")) {
            flags |= mount_flags::MODE_OF_TARGET;
        }
        let origin = format!("{}.options", self.origin);
        let step = Step::MountFilesystem {
            target: self.target.clone(),
            fstype: text(&format!("{}.type", self.origin), self.fstype.as_str())?,
            source: self.source()?,
            parameters: super::process::texts(&origin, parameters.iter())?,
            attributes: self.options.own.set | self.options.below.set,
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
        let read_only = self.options.own.set & attr::RDONLY;
        let hierarchies = shown.iter().any(|mount| !mount.name.is_empty());
        if hierarchies {
            self.cgroup_directory(script)?;
        }
        for mount in &shown {
            let target = format!("{}/{}", self.target.display(), mount.name);
            let step = Step::MountBind {
                target: inside_path(&self.origin, &target)?,
                source: text(
                    &self.origin,
                    mount.source.clone().into_os_string().into_encoded_bytes(),
                )?,
                recursive: false,
                set: self.options.own.set,
                clear: self.options.own.clear,
                recursive_set: 0,
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
        let target = self.target.display();
        if COVERABLE.contains(&target.as_str()) { mount_flags::IN_PROC } else { 0 }
    }
}

/// A mode of access times is a number in a field of bits that has to be cleared to be set.
fn atime_field(set: u64) -> u64 {
    if set & (attr::NOATIME | attr::STRICTATIME) != 0 { attr::ATIME } else { 0 }
}
