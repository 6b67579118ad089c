//! What this runtime can do, for engines that ask before they write a config.json (runtime spec,
//! "Features Structure"). It does not depend on the host.

use std::collections::HashMap;

use oci_spec::OciSpecError;
use oci_spec::runtime::{
    ApparmorBuilder, Arch, CgroupBuilder, Features, FeaturesBuilder, IDMapBuilder, IntelRdtBuilder,
    LinuxFeature, LinuxFeatureBuilder, LinuxNamespaceType, MemoryPolicyBuilder,
    MountExtensionsBuilder, NetDevicesBuilder, Seccomp, SeccompBuilder, SelinuxBuilder,
};

/// The oldest and the newest version of the runtime spec whose config.json is understood.
const VERSIONS: (&str, &str) = ("1.0.0", NEWEST);
pub(crate) const NEWEST: &str = "1.3.0";

const HOOKS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Those that mean something to creel itself; any other goes to the file system.
const MOUNT_OPTIONS: [&str; 60] = [
    "async",
    "atime",
    "bind",
    "defaults",
    "dev",
    "diratime",
    "dirsync",
    "exec",
    "idmap",
    "lazytime",
    "loud",
    "mand",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "nolazytime",
    "nomand",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "private",
    "ratime",
    "rbind",
    "rdev",
    "rdiratime",
    "relatime",
    "remount",
    "rexec",
    "ridmap",
    "rnoatime",
    "rnodev",
    "rnodiratime",
    "rnoexec",
    "rnorelatime",
    "rnostrictatime",
    "rnosuid",
    "rnosymfollow",
    "ro",
    "rprivate",
    "rrelatime",
    "rro",
    "rrw",
    "rshared",
    "rslave",
    "rstrictatime",
    "rsuid",
    "rsymfollow",
    "runbindable",
    "rw",
    "shared",
    "silent",
    "slave",
    "strictatime",
    "suid",
    "symfollow",
    "sync",
    "tmpcopyup",
    "unbindable",
];

const MEMORY_MODES: [&str; 7] = [
    "MPOL_DEFAULT",
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED",
    "MPOL_PREFERRED_MANY",
    "MPOL_LOCAL",
];

const MEMORY_FLAGS: [&str; 3] =
    ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];

const SECCOMP_OPERATORS: [&str; 7] = [
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_LE",
    "SCMP_CMP_LT",
    "SCMP_CMP_MASKED_EQ",
    "SCMP_CMP_NE",
];

const SECCOMP_FLAGS: [&str; 4] = [
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
];

const SECCOMP_ARCHITECTURES: [Arch; 23] = [
    Arch::ScmpArchAarch64,
    Arch::ScmpArchArm,
    Arch::ScmpArchLoongarch64,
    Arch::ScmpArchM68k,
    Arch::ScmpArchMips,
    Arch::ScmpArchMips64,
    Arch::ScmpArchMips64n32,
    Arch::ScmpArchMipsel,
    Arch::ScmpArchMipsel64,
    Arch::ScmpArchMipsel64n32,
    Arch::ScmpArchParisc,
    Arch::ScmpArchParisc64,
    Arch::ScmpArchPpc,
    Arch::ScmpArchPpc64,
    Arch::ScmpArchPpc64le,
    Arch::ScmpArchRiscv64,
    Arch::ScmpArchS390,
    Arch::ScmpArchS390x,
    Arch::ScmpArchSh,
    Arch::ScmpArchSheb,
    Arch::ScmpArchX32,
    Arch::ScmpArchX86,
    Arch::ScmpArchX86_64,
];

/// Annotations of config.json that change what is done, so that engines do not take them from just anybody; one that
/// ends in a dot stands for all that begin so.
const UNSAFE_ANNOTATIONS: [&str; 1] = ["org.systemd.property."];

/// The features structure of runtime spec 1.3.
pub fn features() -> Features {
    // Building fails only when a mandatory part is missing, and none of these has one.
    build().unwrap_or_default()
}

fn build() -> Result<Features, OciSpecError> {
    FeaturesBuilder::default()
        .oci_version_min(VERSIONS.0)
        .oci_version_max(VERSIONS.1)
        .hooks(owned(&HOOKS))
        .mount_options(owned(&MOUNT_OPTIONS))
        .linux(linux()?)
        .annotations(annotations())
        .potentially_unsafe_config_annotations(owned(&UNSAFE_ANNOTATIONS))
        .build()
}

/// Of this program itself; the key of runc is the one that engines know.
fn annotations() -> HashMap<String, String> {
    let pairs = [
        ("org.creel.version", env!("CARGO_PKG_VERSION")),
        ("org.opencontainers.runc.checkpoint.enabled", "false"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect()
}

fn linux() -> Result<LinuxFeature, OciSpecError> {
    let idmap = IDMapBuilder::default().enabled(true).build()?;
    LinuxFeatureBuilder::default()
        .namespaces([
            LinuxNamespaceType::Cgroup,
            LinuxNamespaceType::Ipc,
            LinuxNamespaceType::Mount,
            LinuxNamespaceType::Network,
            LinuxNamespaceType::Pid,
            LinuxNamespaceType::Time,
            LinuxNamespaceType::User,
            LinuxNamespaceType::Uts,
        ])
        .capabilities(capabilities())
        .cgroup(
            CgroupBuilder::default()
                .v1(true)
                .v2(true)
                .systemd(true)
                .systemd_user(true)
                .rdma(true)
                .build()?,
        )
        .seccomp(seccomp()?)
        .apparmor(ApparmorBuilder::default().enabled(true).build()?)
        .selinux(SelinuxBuilder::default().enabled(true).build()?)
        .intel_rdt(
            IntelRdtBuilder::default().enabled(true).schemata(true).monitoring(true).build()?,
        )
        .memory_policy(
            MemoryPolicyBuilder::default()
                .modes(owned(&MEMORY_MODES))
                .flags(owned(&MEMORY_FLAGS))
                .build()?,
        )
        .mount_extensions(MountExtensionsBuilder::default().idmap(idmap).build()?)
        .net_devices(NetDevicesBuilder::default().enabled(true).build()?)
        .build()
}

/// What the compiler takes.
fn seccomp() -> Result<Seccomp, OciSpecError> {
    use oci_spec::runtime::LinuxSeccompAction as Action;
    SeccompBuilder::default()
        .enabled(true)
        .actions([
            Action::ScmpActAllow,
            Action::ScmpActErrno,
            Action::ScmpActKill,
            Action::ScmpActKillProcess,
            Action::ScmpActKillThread,
            Action::ScmpActLog,
            Action::ScmpActNotify,
            Action::ScmpActTrace,
            Action::ScmpActTrap,
        ])
        .operators(owned(&SECCOMP_OPERATORS))
        .archs(SECCOMP_ARCHITECTURES)
        .known_flags(owned(&SECCOMP_FLAGS))
        .supported_flags(owned(&SECCOMP_FLAGS))
        .build()
}

/// All that the kernel has numbers for, in their order.
fn capabilities() -> Vec<String> {
    let mut all: Vec<caps::Capability> = caps::all().into_iter().collect();
    all.sort_by_key(caps::Capability::index);
    all.iter().map(ToString::to_string).collect()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::seccomp::Filter;
    use oci_spec::runtime::LinuxSeccomp;
    use serde_json::json;

    /// fsconfig(2) takes these for any file system.
    const OF_EVERY_FILE_SYSTEM: [&str; 7] =
        ["async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"];

    #[test]
    fn every_mount_option_that_is_listed_means_something() {
        for option in MOUNT_OPTIONS {
            let known = plan::knows_mount_option(option);
            assert!(known || OF_EVERY_FILE_SYSTEM.contains(&option), "{option}");
        }
        assert!(!plan::knows_mount_option("size=1k"));
    }

    /// A profile with the action is compiled exactly when the action is listed.
    #[test]
    fn seccomp_actions_are_those_that_are_compiled() {
        let listed = features().linux().clone().and_then(|linux| linux.seccomp().clone());
        let listed = listed.and_then(|seccomp| seccomp.actions().clone()).unwrap();
        for name in [
            "ALLOW",
            "ERRNO",
            "KILL",
            "KILL_PROCESS",
            "KILL_THREAD",
            "LOG",
            "NOTIFY",
            "TRACE",
            "TRAP",
        ] {
            let entry = json!({"names": ["mkdir"], "action": format!("SCMP_ACT_{name}")});
            let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry],
                                 "listenerPath": "/run/agent.sock"});
            let profile: LinuxSeccomp = serde_json::from_value(profile).unwrap();
            let compiled = Filter::compile(&profile).is_ok();
            let action = profile.syscalls().as_ref().unwrap()[0].action();
            assert_eq!(compiled, listed.contains(&action), "{name}");
        }
    }

    #[test]
    fn engines_find_what_they_look_for() {
        let features = serde_json::to_value(features()).unwrap();
        assert_eq!(features["ociVersionMax"], "1.3.0");
        let listed = |pointer: &str, word: &str| {
            let list = features.pointer(pointer).and_then(|list| list.as_array());
            list.is_some_and(|list| list.contains(&json!(word)))
        };
        assert!(listed("/mountOptions", "rro"));
        assert!(listed("/linux/namespaces", "user"));
        assert!(listed("/linux/capabilities", "CAP_CHECKPOINT_RESTORE"));
        assert!(listed("/linux/seccomp/actions", "SCMP_ACT_ERRNO"));
        assert!(listed("/linux/seccomp/archs", "SCMP_ARCH_X86_64"));
        assert_eq!(features["linux"]["mountExtensions"]["idmap"]["enabled"], true);
    }
}
