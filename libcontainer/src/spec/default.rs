//! The configuration to start from: what the `spec` command writes.
//!
//! The content is what runc writes, hostname included, so that scripts which edit the file find
//! what they expect. The types here exist for the order of the properties: a file that people
//! edit begins with what they want to edit.

use super::parse::parse_spec;
use oci_spec::runtime::Spec;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The version of runtime-spec that this library follows.
pub const OCI_VERSION: &str = "1.3.0";

const CAPABILITIES: [&str; 3] = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

const MASKED_PATHS: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
];

const READONLY_PATHS: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What the written configuration is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DefaultConfig {
    /// The uid and gid that are to be root inside, for a container made without root's rights:
    /// a user namespace, the host's network, no cgroup rules.
    pub rootless: Option<(u32, u32)>,
    /// Whether the container gets a cgroup namespace; right where cgroup v2 is all there is.
    pub cgroup_namespace: bool,
}

impl DefaultConfig {
    /// The text of `config.json`, indented by tabs, without a newline at its end.
    pub fn to_json(self) -> String {
        let mut text = Vec::with_capacity(4096);
        let mut writer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
        let written = self.config().serialize(&mut writer);
        // Neither a write to memory nor the serializing of strings and numbers can fail.
        written.expect("plain values serialize");
        String::from_utf8(text).expect("JSON is UTF-8")
    }

    /// The same as a value, for a program that makes its configurations itself.
    pub fn spec(self) -> Spec {
        let (spec, _) = parse_spec(self.to_json().as_bytes()).expect("it is a configuration");
        *spec
    }

    fn config(self) -> Config {
        Config {
            oci_version: OCI_VERSION,
            process: process(),
            root: Root { path: "rootfs", readonly: true },
            hostname: "runc",
            mounts: mounts(self.rootless.is_some()),
            linux: self.linux(),
        }
    }

    fn linux(self) -> Linux {
        let map = |host_id| vec![IdMapping { container_id: 0, host_id, size: 1 }];
        let everything = DeviceRule { allow: false, access: "rwm" };
        let rooted = self.rootless.is_none();
        Linux {
            uid_mappings: self.rootless.map(|(uid, _)| map(uid)),
            gid_mappings: self.rootless.map(|(_, gid)| map(gid)),
            resources: rooted.then(|| Resources { devices: vec![everything] }),
            namespaces: self.namespaces(),
            masked_paths: &MASKED_PATHS,
            readonly_paths: &READONLY_PATHS,
        }
    }

    fn namespaces(self) -> Vec<Namespace> {
        let rootless = self.rootless.is_some();
        let wanted = [
            ("pid", true),
            ("network", !rootless),
            ("ipc", true),
            ("uts", true),
            ("mount", true),
            ("cgroup", self.cgroup_namespace),
            ("user", rootless),
        ];
        wanted.iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| Namespace { kind }).collect()
    }
}

fn process() -> Process {
    Process {
        terminal: true,
        user: User { uid: 0, gid: 0 },
        args: ["sh"],
        env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        cwd: "/",
        capabilities: CapabilitySets {
            bounding: CAPABILITIES,
            effective: CAPABILITIES,
            permitted: CAPABILITIES,
            ambient: CAPABILITIES,
        },
        rlimits: [Rlimit { kind: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
        no_new_privileges: true,
    }
}

fn mounts(rootless: bool) -> Vec<Mount> {
    let mount = |destination, kind, source, options: &[&'static str]| Mount {
        destination,
        kind,
        source,
        options: options.to_vec(),
    };
    let mut pts = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if !rootless {
        // Group 5 is not mapped there.
        pts.push("gid=5");
    }
    // A sysfs can only be mounted by who owns the network namespace.
    let sys = match rootless {
        false => mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        true => mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"]),
    };
    vec![
        mount("/proc", "proc", "proc", &[]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", "devpts", &pts),
        mount(
            "/dev/shm",
            "tmpfs",
            "shm",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        sys,
        mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &["nosuid", "noexec", "nodev", "relatime", "ro"],
        ),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    oci_version: &'static str,
    process: Process,
    root: Root,
    hostname: &'static str,
    mounts: Vec<Mount>,
    linux: Linux,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    terminal: bool,
    user: User,
    args: [&'static str; 1],
    env: [&'static str; 2],
    cwd: &'static str,
    capabilities: CapabilitySets,
    rlimits: [Rlimit; 1],
    no_new_privileges: bool,
}

#[derive(Serialize)]
struct User {
    uid: u32,
    gid: u32,
}

#[derive(Serialize)]
struct CapabilitySets {
    bounding: [&'static str; 3],
    effective: [&'static str; 3],
    permitted: [&'static str; 3],
    ambient: [&'static str; 3],
}

#[derive(Serialize)]
struct Rlimit {
    #[serde(rename = "type")]
    kind: &'static str,
    hard: u64,
    soft: u64,
}

#[derive(Serialize)]
struct Root {
    path: &'static str,
    readonly: bool,
}

#[derive(Serialize)]
struct Mount {
    destination: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    source: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    options: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Linux {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid_mappings: Option<Vec<IdMapping>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid_mappings: Option<Vec<IdMapping>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Resources>,
    namespaces: Vec<Namespace>,
    masked_paths: &'static [&'static str],
    readonly_paths: &'static [&'static str],
}

#[derive(Serialize)]
struct IdMapping {
    #[serde(rename = "containerID")]
    container_id: u32,
    #[serde(rename = "hostID")]
    host_id: u32,
    size: u32,
}

#[derive(Serialize)]
struct Resources {
    devices: Vec<DeviceRule>,
}

#[derive(Serialize)]
struct DeviceRule {
    allow: bool,
    access: &'static str,
}

#[derive(Serialize)]
struct Namespace {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::spec::{check, parse_spec};

    fn written(config: DefaultConfig) -> Value {
        serde_json::from_str(&config.to_json()).unwrap()
    }

    fn options(config: &Value, destination: &str) -> Vec<String> {
        let mounts = config["mounts"].as_array().unwrap();
        let mount = mounts.iter().find(|mount| mount["destination"] == destination).unwrap();
        let options = mount["options"].as_array().unwrap();
        options.iter().map(|option| option.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn both_forms_load_and_pass_the_check_without_warning() {
        for rootless in [None, Some((1000, 100))] {
            for cgroup_namespace in [false, true] {
                let config = DefaultConfig { rootless, cgroup_namespace };
                let (spec, warnings) = parse_spec(config.to_json().as_bytes()).unwrap();
                assert_eq!(warnings, []);
                assert_eq!(check(&spec).unwrap(), []);
            }
        }
    }

    #[test]
    fn rootless_maps_the_caller_and_leaves_the_network_and_cgroup_alone() {
        let config = written(DefaultConfig { rootless: Some((1000, 100)), ..Default::default() });
        let linux = &config["linux"];
        assert_eq!(linux["uidMappings"][0]["hostID"], 1000);
        assert_eq!(linux["gidMappings"][0]["hostID"], 100);
        assert!(linux.get("resources").is_none());
        let kinds: Vec<_> = linux["namespaces"].as_array().unwrap().iter().collect();
        let kinds: Vec<_> = kinds.iter().map(|kind| kind["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["pid", "ipc", "uts", "mount", "user"]);
        assert!(!options(&config, "/dev/pts").contains(&"gid=5".to_owned()));
        assert!(options(&config, "/sys").contains(&"rbind".to_owned()));
    }

    #[test]
    fn a_container_of_root_gets_a_network_and_a_device_filter() {
        let config = written(DefaultConfig::default());
        assert_eq!(config["linux"]["resources"]["devices"][0]["allow"], false);
        assert_eq!(config["linux"]["namespaces"][1]["type"], "network");
        assert!(options(&config, "/dev/pts").contains(&"gid=5".to_owned()));
        assert!(config["linux"].get("uidMappings").is_none());
    }

    #[test]
    fn the_process_comes_first_in_the_text() {
        let text = DefaultConfig::default().to_json();
        let at = |name: &str| text.find(&format!("\"{name}\"")).unwrap();
        assert!(at("ociVersion") < at("process") && at("process") < at("mounts"), "{text}");
    }
}
