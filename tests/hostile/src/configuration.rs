//! A random configuration. Its paths lead anywhere in the root file system; what it names of the host is there for it.

use serde_json::{Value, json};

use crate::names::{PLACES, path};
use crate::random::Random;
use crate::tree::PROGRAM;

/// What binds show: made anew for every round.
pub(crate) const VOLUMES: &str = "/scratch/round/volumes";

/// What is asked of the runtime.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Configuration {
    pub(crate) json: Value,
    pub(crate) no_pivot: bool,
    pub(crate) has_terminal: bool,
}

impl Configuration {
    /// `cgroup` is the path of the container's.
    pub(crate) fn arbitrary(random: &mut Random, cgroup: &str) -> Configuration {
        let has_terminal = random.percent(12);
        let has_users = random.percent(25);
        let mut linux = json!({
            "cgroupsPath": cgroup,
            "resources": {"devices": [{"allow": false, "access": "rwm"}], "pids": {"limit": 50}},
            "namespaces": namespaces(random, has_users),
            "maskedPaths": paths(random, &["/proc/kcore", "/proc/keys", "/sys/firmware", "/mask/file", "/mask/dir"]),
            "readonlyPaths": paths(random, &["/proc/sys", "/proc/bus", "/ro/file", "/ro/dir"]),
            "devices": devices(random),
        });
        if has_users {
            let map = json!([{"containerID": 0, "hostID": 100_000, "size": 65_536}]);
            linux["uidMappings"] = map.clone();
            linux["gidMappings"] = map;
        }
        if random.percent(40) {
            let all = [
                "shared",
                "rshared",
                "slave",
                "rslave",
                "private",
                "rprivate",
                "unbindable",
                "runbindable",
            ];
            linux["rootfsPropagation"] = random.one_of(&all).into();
        }
        let has_network = linux["namespaces"]
            .as_array()
            .is_some_and(|all| all.contains(&json!({"type": "network"})));
        if has_network && random.percent(15) {
            linux["sysctl"] = json!({"net.ipv4.ip_forward": "1"});
        }
        if random.percent(10) {
            linux["seccomp"] = json!({
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{"names": ["mount", "openat2"], "action": "SCMP_ACT_ERRNO"}],
            });
        }
        let mut mounts = mounts(random);
        let propagation = linux["rootfsPropagation"].as_str();
        if propagation.is_some_and(|word| word.ends_with("shared")) {
            mounts.iter_mut().for_each(unshare);
        }
        let json = json!({
            "ociVersion": "1.2.0",
            "process": process(random, has_terminal),
            "root": {"path": "rootfs", "readonly": random.percent(50)},
            "hostname": "hostile",
            "mounts": mounts,
            "linux": linux,
        });
        Configuration { json, no_pivot: random.percent(5), has_terminal }
    }
}

/// What is mounted below a bind that the host shares, in a root that is shared, is the host's too: as asked for.
fn unshare(mount: &mut Value) {
    if let Some(options) = mount["options"].as_array_mut() {
        options.retain(|option| option != "shared");
    }
}

fn process(random: &mut Random, has_terminal: bool) -> Value {
    let program = format!("/{PROGRAM}");
    let arguments = match random.below(12) {
        0 => vec![path(random)],
        1 => vec!["busybox".to_owned(), "true".to_owned()],
        2 => vec![program, "sleep".to_owned(), "0.02".to_owned()],
        _ => vec![program, "sleep".to_owned(), "100".to_owned()],
    };
    let cwd = if random.percent(80) { "/".to_owned() } else { path(random) };
    let capabilities = ["CAP_KILL", "CAP_CHOWN", "CAP_NET_BIND_SERVICE"];
    let mut process = json!({
        "user": {"uid": random.one_of(&[0, 0, 0, 1000, 65_534]), "gid": random.one_of(&[0, 0, 1000])},
        "args": arguments,
        "env": [format!("PATH={}", random.one_of(&["/bin", "bin:/usr/bin", "", "/proc/self/cwd:/bin"]))],
        "cwd": cwd,
        "noNewPrivileges": random.percent(60),
        "terminal": has_terminal,
    });
    if random.percent(70) {
        process["capabilities"] =
            json!({"bounding": capabilities, "effective": capabilities, "permitted": capabilities});
    }
    process
}

/// Always its own mounts; of the others as it comes.
fn namespaces(random: &mut Random, has_users: bool) -> Value {
    let mut all = vec![json!({"type": "mount"})];
    for (kind, chance) in
        [("pid", 92), ("network", 85), ("ipc", 80), ("uts", 99), ("cgroup", 50), ("time", 10)]
    {
        if random.percent(chance) {
            all.push(json!({"type": kind}));
        }
    }
    if has_users {
        all.push(json!({"type": "user"}));
    }
    all.into()
}

/// Some of those that engines give, and others.
fn paths(random: &mut Random, usual: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = random.some_of(usual, 70).into_iter().map(str::to_owned).collect();
    for _ in 0..random.below(4) / 2 {
        all.push(path(random));
    }
    all
}

fn devices(random: &mut Random) -> Value {
    let mut all = Vec::new();
    for _ in 0..random.below(6) / 3 {
        let minor = 1 + random.below(200);
        let mut device = match random.below(5) {
            0 => json!({"type": "c", "major": 1, "minor": 3}),
            1 => json!({"type": "p"}),
            2 => json!({"type": "b", "major": 240, "minor": minor}),
            3 => json!({"type": "c", "major": 1, "minor": 5}),
            _ => json!({"type": "c", "major": 240, "minor": minor}),
        };
        device["path"] = if random.percent(50) {
            path(random).into()
        } else {
            format!("/dev/{}", "d/".repeat(random.below(4)) + "made").into()
        };
        if random.percent(50) {
            device["fileMode"] = [0o666, 0o600, 0o7777][random.below(3)].into();
            device["uid"] = [0, 1000][random.below(2)].into();
            device["gid"] = [0, 5][random.below(2)].into();
        }
        all.push(device);
    }
    all.into()
}

fn mounts(random: &mut Random) -> Vec<Value> {
    let mut all = usual_mounts();
    all.retain(|_| random.percent(85));
    for _ in 0..random.one_of(&[0, 0, 0, 1, 2, 4]) {
        let place = random.below(all.len() + 1);
        all.insert(place, mount(random));
    }
    all
}

fn usual_mounts() -> Vec<Value> {
    let mount = |destination: &str, fstype: &str, options: &[&str]| json!({"destination": destination, "type": fstype, "source": fstype, "options": options});
    vec![
        mount("/proc", "proc", &[]),
        mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=64k"]),
        mount(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        ),
        mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=64k"]),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
}

const OPTIONS: [&str; 14] = [
    "ro",
    "nosuid",
    "noexec",
    "nodev",
    "noatime",
    "rw",
    "private",
    "rslave",
    "shared",
    "unbindable",
    "rro",
    "nosymfollow",
    "strictatime",
    "dirsync",
];

fn mount(random: &mut Random) -> Value {
    let mut options: Vec<String> =
        random.some_of(&OPTIONS, 8).into_iter().map(str::to_owned).collect();
    let destination = path(random);
    let (fstype, source) = match random.below(12) {
        // What a copy takes is bounded by the size.
        0..=3 => {
            options.extend(["size=512k".to_owned(), "nr_inodes=400".to_owned()]);
            options.extend(
                random
                    .some_of(&["tmpcopyup", "mode=0700", "mode=0"], 40)
                    .into_iter()
                    .map(str::to_owned),
            );
            ("tmpfs", "tmpfs".to_owned())
        }
        4..=7 => {
            options.push(random.one_of(&["bind", "rbind"]).to_owned());
            (
                "none",
                format!(
                    "{VOLUMES}/{}",
                    random.one_of(&["dir", "file", "fifo", "link", "dir/dir", "missing"])
                ),
            )
        }
        8 => ("proc", "proc".to_owned()),
        9 => ("sysfs", "sysfs".to_owned()),
        10 => ("cgroup", "cgroup".to_owned()),
        _ => {
            options.push("remount".to_owned());
            ("tmpfs", format!("/{}", random.one_of(PLACES)))
        }
    };
    json!({"destination": destination, "type": fstype, "source": source, "options": options})
}
