//! What a configuration asks for, next to what the probe saw.

use std::collections::BTreeSet;
use std::fs;

use creel_probe::{Mount, Report, Try};
use serde_json::Value;

/// What the probe has to look at for this.
pub(super) const WORDS: [&str; 9] = [
    "read:/proc/self/personality",
    "read:/proc/self/stat",
    "read:/proc/self/timens_offsets",
    "read:/proc/version",
    "read:/proc/sys/net/core/somaxconn",
    "read:/proc/sys/net/ipv4/ip_forward",
    "read:/proc/sys/kernel/shm_rmid_forced",
    "read:/sys/fs/cgroup/pids/pids.max",
    "read:/sys/fs/cgroup/pids.max",
];

/// Collects where the two differ.
struct Differences<'a> {
    config: &'a Value,
    report: &'a Report,
    found: Vec<String>,
}

/// Where the report differs from the configuration: a line each, with the JSON path.
pub(super) fn differences(config: &Value, report: &Report) -> Vec<String> {
    let mut all = Differences { config, report, found: Vec::new() };
    all.process();
    all.rights();
    all.scheduling();
    all.names();
    all.namespaces();
    all.mounts();
    all.paths();
    all.devices();
    all.values();
    all.found
}

impl Differences<'_> {
    fn at(&self, pointer: &str) -> &Value {
        self.config.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn number(&self, pointer: &str, default: u64) -> u64 {
        self.at(pointer).as_u64().unwrap_or(default)
    }

    fn list(&self, pointer: &str) -> Vec<Value> {
        self.at(pointer).as_array().cloned().unwrap_or_default()
    }

    fn equal<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, wanted: T, seen: T) {
        if wanted != seen {
            self.found.push(format!("{what}: asked for {wanted:?}, seen {seen:?}"));
        }
    }

    /// What a word of the probe read.
    fn read(&self, path: &str) -> Option<&str> {
        match self.report.tries.get(&format!("read:{path}"))? {
            Try::Worked(text) => Some(text.trim()),
            _ => None,
        }
    }

    fn process(&mut self) {
        let cwd = self.at("/process/cwd").as_str().unwrap_or("").replace("bin/../", "");
        self.equal("process.cwd", cwd, self.report.cwd.clone());
        let uid = self.number("/process/user/uid", 0) as u32;
        let gid = self.number("/process/user/gid", 0) as u32;
        self.equal("process.user.uid", [uid; 4], self.report.ids.uid);
        self.equal("process.user.gid", [gid; 4], self.report.ids.gid);
        let groups = self.list("/process/user/additionalGids").into_iter();
        let mut groups: Vec<u32> = groups.filter_map(|gid| Some(gid.as_u64()? as u32)).collect();
        groups.sort_unstable();
        self.equal("process.user.additionalGids", groups, self.report.ids.groups.clone());
        let umask = self.number("/process/user/umask", 0o022) as u32;
        self.equal("process.user.umask", umask, self.report.umask);
        self.environment();
        for limit in self.list("/process/rlimits") {
            let kind = limit["type"].as_str().unwrap_or("").to_owned();
            let wanted = (limit["soft"].as_u64(), limit["hard"].as_u64());
            let seen = self.report.rlimits.get(&kind).copied().unwrap_or_default();
            self.equal(&format!("process.rlimits {kind}"), wanted, seen);
        }
        if let Some(score) = self.at("/process/oomScoreAdj").as_i64() {
            self.equal("process.oomScoreAdj", score, i64::from(self.report.oom_score_adj));
        }
    }

    /// Of a variable that is given twice the last counts; HOME comes along when it is missing or empty.
    fn environment(&mut self) {
        let mut wanted: Vec<(String, String)> = Vec::new();
        for variable in self.list("/process/env") {
            let (name, value) = variable.as_str().unwrap_or("").split_once('=').unwrap_or(("", ""));
            match wanted.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = value.to_owned(),
                None => wanted.push((name.to_owned(), value.to_owned())),
            }
        }
        wanted.retain(|(name, value)| name != "HOME" || !value.is_empty());
        if !wanted.iter().any(|(name, _)| name == "HOME") {
            wanted.push(("HOME".to_owned(), "/".to_owned()));
        }
        let wanted: Vec<String> = wanted.iter().map(|(n, v)| format!("{n}={v}")).collect();
        self.equal("process.env", wanted, self.report.env.clone());
    }

    /// capabilities(7), "Transformation of capabilities during execve()".
    fn rights(&mut self) {
        let set = |name: &str| -> BTreeSet<String> {
            let list = self.list(&format!("/process/capabilities/{name}")).into_iter();
            list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
        };
        let (bounding, permitted) = (set("bounding"), set("permitted"));
        let inheritable: BTreeSet<String> =
            set("inheritable").intersection(&bounding).cloned().collect();
        let ambient: BTreeSet<String> = set("ambient")
            .into_iter()
            .filter(|c| permitted.contains(c) && inheritable.contains(c))
            .collect();
        let no_new = self.at("/process/noNewPrivileges").as_bool().unwrap_or(false);
        let mut gained = ambient.clone();
        if self.number("/process/user/uid", 0) == 0 {
            let of_root = bounding.union(&inheritable).cloned();
            gained.extend(of_root.filter(|c| !no_new || permitted.contains(c)));
        }
        let seen = &self.report.capabilities;
        let sets = [
            ("bounding", bounding, seen.bounding.clone()),
            ("inheritable", inheritable, seen.inheritable.clone()),
            ("ambient", ambient, seen.ambient.clone()),
            ("permitted", gained.clone(), seen.permitted.clone()),
            ("effective", gained, seen.effective.clone()),
        ];
        for (name, wanted, seen) in sets {
            let seen: BTreeSet<String> = seen.into_iter().collect();
            self.equal(&format!("process.capabilities.{name}"), wanted, seen);
        }
        self.equal("process.noNewPrivileges", no_new, self.report.no_new_privs);
        let filter = if self.at("/linux/seccomp").is_object() { 2 } else { 0 };
        self.equal("linux.seccomp", filter, self.report.seccomp);
    }

    fn scheduling(&mut self) {
        let wanted = match self.at("/linux/personality/domain").as_str() {
            Some("LINUX32") => "00000008",
            _ => "00000000",
        };
        let seen = self.read("/proc/self/personality").unwrap_or("").to_owned();
        self.equal("linux.personality", wanted.to_owned(), seen);
        let Some(policy) = self.at("/process/scheduler/policy").as_str() else { return };
        let number = if policy == "SCHED_BATCH" { "3" } else { "0" };
        let wanted = (number.to_owned(), self.at("/process/scheduler/nice").to_string());
        let stat = self.read("/proc/self/stat").and_then(|stat| stat.rsplit_once(") "));
        let fields: Vec<&str> = stat.map_or("", |(_, rest)| rest).split(' ').collect();
        let field = |n: usize| fields.get(n).copied().unwrap_or("").to_owned();
        // Fields 41 and 19; the first of these is field 3.
        self.equal("process.scheduler", wanted, (field(38), field(16)));
    }

    fn names(&mut self) {
        for (name, seen) in [
            ("hostname", self.report.hostname.clone()),
            ("domainname", self.report.domainname.clone()),
        ] {
            if let Some(wanted) = self.at(&format!("/{name}")).as_str() {
                self.equal(name, wanted.to_owned(), seen);
            }
        }
    }

    fn namespaces(&mut self) {
        let listed = self.list("/linux/namespaces");
        let kinds = [
            ("mount", "mnt"),
            ("uts", "uts"),
            ("ipc", "ipc"),
            ("pid", "pid"),
            ("network", "net"),
            ("cgroup", "cgroup"),
            ("time", "time"),
        ];
        for (kind, file) in kinds {
            let wanted = listed.iter().any(|namespace| namespace["type"] == kind);
            let seen = self.report.namespaces.get(file).copied();
            let own = fs::read_link(format!("/proc/self/ns/{file}")).unwrap_or_default();
            let is_new =
                seen.is_some_and(|inode| !own.to_string_lossy().contains(&inode.to_string()));
            self.equal(&format!("linux.namespaces {kind}"), wanted, is_new);
        }
    }

    fn mounts(&mut self) {
        let readonly = self.at("/root/readonly").as_bool().unwrap_or(false);
        let root = self.report.mount("/").is_some_and(|mount| mount.has("ro"));
        self.equal("root.readonly", readonly, root);
        let shared =
            self.at("/linux/rootfsPropagation").as_str().is_some_and(|p| p.ends_with("shared"));
        let root = self.report.mount("/").cloned();
        self.equal("linux.rootfsPropagation", Some(shared), root.map(|root| is_shared(&root)));
        // With this word it is the propagation of all mounts.
        let all_shared = self.at("/linux/rootfsPropagation") == "rshared";
        for mount in self.list("/mounts") {
            let target = mount["destination"].as_str().unwrap_or("").to_owned();
            if !target.starts_with("/m") {
                continue;
            }
            let Some(seen) = self.report.mount(&target).cloned() else {
                self.found.push(format!("mounts: nothing at {target}"));
                continue;
            };
            let source = mount["source"].as_str().unwrap_or("").to_owned();
            self.equal(&format!("source of {target}"), source, seen.source.clone());
            let words: Vec<&str> = mount["options"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let shown = shown(&words);
            let flags = seen.options.iter().filter(|option| *option != "rw").cloned().collect();
            self.equal(&format!("options of {target}"), shown, flags);
            let propagation =
                words.iter().rev().find(|w| ["shared", "private", "unbindable"].contains(*w));
            let wanted = propagation.copied().filter(|word| *word != "private").unwrap_or("");
            let seen =
                seen.propagation.first().map_or("", |field| field.split(':').next().unwrap_or(""));
            let wanted = if all_shared { Some("shared") } else { propagation.map(|_| wanted) };
            if let Some(wanted) = wanted {
                self.equal(&format!("propagation of {target}"), wanted.to_owned(), seen.to_owned());
            }
        }
    }

    fn paths(&mut self) {
        let masked = self.list("/linux/maskedPaths").iter().any(|path| path == "/proc/version");
        let empty = self.read("/proc/version") == Some("");
        self.equal("linux.maskedPaths", masked, empty);
        for path in self.list("/linux/readonlyPaths") {
            let path = path.as_str().unwrap_or("").to_owned();
            let seen = self.report.mount(&path).is_some_and(|mount| mount.has("ro"));
            self.equal(&format!("linux.readonlyPaths {path}"), path != "/none", seen);
        }
    }

    fn devices(&mut self) {
        for device in self.list("/linux/devices") {
            let path = device["path"].as_str().unwrap_or("").to_owned();
            let Some(node) = self.report.dev(path.trim_start_matches("/dev/")).cloned() else {
                self.found.push(format!("linux.devices: no {path}"));
                continue;
            };
            let fifo = device["type"] == "p";
            let number = |name: &str| if fifo { 0 } else { device[name].as_u64().unwrap_or(0) };
            let kind = match device["type"].as_str() {
                Some("b") => "block",
                Some("c") => "char",
                _ => "fifo",
            };
            let mode = device["fileMode"].as_u64().unwrap_or(0o666) as u32;
            let id = |name: &str| device[name].as_u64().unwrap_or(0) as u32;
            let wanted =
                (kind.to_owned(), number("major"), number("minor"), mode, id("uid"), id("gid"));
            let seen = (node.kind, node.major, node.minor, node.mode, node.uid, node.gid);
            self.equal(&format!("linux.devices {path}"), wanted, seen);
        }
    }

    /// Values of the kernel that are read back as they were written.
    fn values(&mut self) {
        let sysctls = self.at("/linux/sysctl").as_object().cloned().unwrap_or_default();
        for (key, value) in sysctls {
            let path = format!("/proc/sys/{}", key.replace('.', "/"));
            let seen = self.read(&path).map(str::to_owned);
            self.equal(&format!("linux.sysctl {key}"), value.as_str().map(str::to_owned), seen);
        }
        if let Some(limit) = self.at("/linux/resources/pids/limit").as_u64() {
            let v1 = self.read("/sys/fs/cgroup/pids/pids.max");
            let seen = v1.or_else(|| self.read("/sys/fs/cgroup/pids.max")).map(str::to_owned);
            // A private view of cgroup2 has hardly any controller.
            if seen.is_some() || crate::harness::cgroup::has("pids") {
                self.equal("linux.resources.pids.limit", Some(limit.to_string()), seen);
            }
        }
        let offsets = self.at("/linux/timeOffsets").as_object().cloned().unwrap_or_default();
        for (clock, offset) in offsets {
            let wanted =
                (offset["secs"].as_i64().unwrap_or(0), offset["nanosecs"].as_i64().unwrap_or(0));
            let lines = self.read("/proc/self/timens_offsets").unwrap_or("");
            let line = lines.lines().find(|line| line.starts_with(&clock)).unwrap_or("");
            let words: Vec<i64> = line.split_whitespace().filter_map(|w| w.parse().ok()).collect();
            let seen = (words.first().copied().unwrap_or(0), words.get(1).copied().unwrap_or(0));
            self.equal(&format!("linux.timeOffsets {clock}"), wanted, seen);
        }
    }
}

fn is_shared(mount: &Mount) -> bool {
    mount.propagation.iter().any(|field| field.starts_with("shared:"))
}

/// The options that the mount table shows for words of config.json, sorted as it sorts them.
fn shown(words: &[&str]) -> Vec<String> {
    let last = |set: &str, clear: &str| {
        words.iter().rev().find(|word| **word == set || **word == clear) == Some(&set)
    };
    let pairs = [("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec")];
    let mut shown: Vec<&str> =
        pairs.into_iter().filter(|(set, clear)| last(set, clear)).map(|(set, _)| set).collect();
    let time = words.iter().rev().find(|w| ["noatime", "relatime", "strictatime"].contains(*w));
    match time.copied() {
        Some("strictatime") => {}
        other => shown.push(other.unwrap_or("relatime")),
    }
    if last("nodiratime", "diratime") {
        let at = shown.iter().position(|word| *word == "relatime").unwrap_or(shown.len());
        shown.insert(at, "nodiratime");
    }
    shown.into_iter().map(str::to_owned).collect()
}
