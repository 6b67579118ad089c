//! A config.json as a test wants it: runc's default with the probe as the program.

use serde_json::{Value, json};

use super::rootless;

/// The configuration of a bundle; paths are JSON pointers (`/process/cwd`).
#[derive(Debug, Clone)]
pub(crate) struct Config(pub(crate) Value);

impl Config {
    pub(crate) fn new(cgroups_path: &str) -> Config {
        Config(json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": ["/bin/probe", "report"],
                "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
                "cwd": "/",
                "capabilities": {
                    "bounding": DEFAULT_CAPABILITIES,
                    "effective": DEFAULT_CAPABILITIES,
                    "permitted": DEFAULT_CAPABILITIES,
                },
                "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
                "noNewPrivileges": true,
            },
            "root": {"path": "rootfs", "readonly": true},
            "hostname": "creel-test",
            "mounts": default_mounts(),
            "linux": {
                "cgroupsPath": cgroups_path,
                "resources": {"devices": [{"allow": false, "access": "rwm"}]},
                "namespaces": [
                    {"type": "pid"},
                    {"type": "network"},
                    {"type": "ipc"},
                    {"type": "uts"},
                    {"type": "mount"},
                ],
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/acpi", "/sys/firmware"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
            },
        }))
    }

    /// Sets a value; objects on the way are made.
    pub(crate) fn set(&mut self, pointer: &str, value: impl Into<Value>) {
        *self.at(pointer) = value.into();
    }

    /// Appends to an array, which is made when it is missing.
    pub(crate) fn push(&mut self, pointer: &str, value: impl Into<Value>) {
        let slot = self.at(pointer);
        if slot.is_null() {
            *slot = json!([]);
        }
        slot.as_array_mut().expect("an array").push(value.into());
    }

    /// Takes a property out; it has to be there.
    pub(crate) fn remove(&mut self, pointer: &str) {
        let (parent, name) = pointer.rsplit_once('/').expect("a JSON pointer");
        let removed = self.at(parent).as_object_mut().expect("an object").remove(name);
        assert!(removed.is_some(), "the default config has no {pointer}");
    }

    fn at(&mut self, pointer: &str) -> &mut Value {
        let mut slot = &mut self.0;
        for name in pointer.split('/').skip(1) {
            slot = match slot {
                Value::Array(list) => &mut list[name.parse::<usize>().expect("an index")],
                other => &mut other[name],
            };
        }
        slot
    }

    /// The program with its arguments.
    pub(crate) fn args(&mut self, words: &[&str]) {
        self.set("/process/args", words);
    }

    /// The probe with these arguments.
    pub(crate) fn probe(&mut self, words: &[&str]) {
        self.args(&[&["/bin/probe"], words].concat());
    }

    pub(crate) fn mount(&mut self, source: &str, target: &str, fstype: &str, options: &[&str]) {
        self.push(
            "/mounts",
            json!({"source": source, "destination": target, "type": fstype, "options": options}),
        );
    }

    pub(crate) fn bind(&mut self, source: &str, target: &str, options: &[&str]) {
        self.mount(source, target, "bind", &[&["bind"], options].concat());
    }

    pub(crate) fn without_mount(&mut self, target: &str) {
        let mounts = self.at("/mounts").as_array_mut().expect("an array");
        mounts.retain(|m| m["destination"] != target);
    }

    /// All capability sets but the ambient and inheritable ones.
    pub(crate) fn capabilities(&mut self, names: &[&str]) {
        for set in ["bounding", "effective", "permitted"] {
            self.set(&format!("/process/capabilities/{set}"), names);
        }
    }

    fn drop_namespace(&mut self, kind: &str) {
        let namespaces = self.at("/linux/namespaces").as_array_mut().expect("an array");
        namespaces.retain(|n| n["type"] != kind);
    }

    pub(crate) fn without_namespace(&mut self, kind: &str) {
        self.drop_namespace(kind);
        // Only root can mount a procfs without a pid namespace to go with it.
        if kind == "pid" && rootless::is_rootless() {
            for mount in self.at("/mounts").as_array_mut().expect("an array") {
                if mount["type"] == "proc" {
                    let options = ["rbind", "nosuid", "noexec", "nodev"];
                    *mount = json!({"destination": "/proc", "type": "none", "source": "/proc", "options": options});
                }
            }
        }
    }

    /// Joins an existing namespace, in the place of a new one.
    pub(crate) fn join_namespace(&mut self, kind: &str, path: &str) {
        self.drop_namespace(kind);
        self.push("/linux/namespaces", json!({"type": kind, "path": path}));
        // What belongs to another container's user namespace can be joined by others than root only with that.
        let of_process = path.strip_prefix("/proc/").and_then(|rest| rest.split_once("/ns/"));
        let of_container = of_process.filter(|(pid, _)| *pid != "self" && kind != "user");
        if let Some((pid, _)) = of_container.filter(|_| rootless::is_rootless()) {
            self.join_namespace("user", &format!("/proc/{pid}/ns/user"));
        }
    }

    /// A hook that is `args[0]`.
    pub(crate) fn hook(&mut self, kind: &str, args: &[&str]) {
        self.push(&format!("/hooks/{kind}"), json!({"path": args[0], "args": args}));
    }
}

pub(crate) const DEFAULT_CAPABILITIES: [&str; 3] =
    ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

fn default_mounts() -> Value {
    json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
         "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs",
         "options": ["nosuid", "noexec", "nodev", "ro"]},
        {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
         "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]},
    ])
}
