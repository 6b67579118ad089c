//! Who makes the containers' cgroups: the runtime, or systemd with `CREEL_TEST_SYSTEMD_CGROUP` set.

use std::process::Command;
use std::sync::OnceLock;

use super::rootless::is_rootless;
use super::{cgroup, is_runc, orphans};

/// systemd makes them.
pub(crate) fn is_systemd() -> bool {
    std::env::var_os("CREEL_TEST_SYSTEMD_CGROUP").is_some()
}

/// The global options that say so.
pub(crate) fn options() -> &'static [&'static str] {
    if is_systemd() { &["--systemd-cgroup"] } else { &[] }
}

/// The option of systemd's programs for the systemd that makes them: a user other than root has one of its own.
pub(crate) fn whose() -> &'static str {
    if is_rootless() { "--user" } else { "--system" }
}

fn systemctl(words: &[&str]) -> String {
    let mut command = Command::new("systemctl");
    let output = orphans::run(command.arg(whose()).args(words)).expect("systemctl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where containers are without a slice of their own.
pub(crate) fn default_slice() -> &'static str {
    if is_rootless() { "user.slice" } else { "system.slice" }
}

/// The cgroup that all units are below; empty for the system's.
fn above_units() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| match is_rootless() {
        true => systemctl(&["show", "--property", "ControlGroup", "--value"]),
        false => String::new(),
    })
}

/// `linux.cgroupsPath` for a container of this name.
pub(crate) fn cgroups_path(name: &str) -> String {
    match is_systemd() {
        true => format!("{}:creel:{name}", default_slice()),
        false => format!("{}/{name}", cgroup::parent()),
    }
}

/// The cgroup of the slice that containers are in.
pub(crate) fn cgroup_of_slice() -> String {
    format!("{}/{}", above_units(), default_slice())
}

/// Where the cgroup is that this path names.
pub(crate) fn cgroup_of(name: &str) -> String {
    match is_systemd() {
        true => format!("{}/creel-{name}.scope", cgroup_of_slice()),
        false => format!("{}/{name}", cgroup::parent()),
    }
}

/// The last part of the cgroup of a container without a path of its own.
pub(crate) fn default_name(id: &str) -> String {
    match (is_systemd(), is_runc()) {
        (false, _) => id.to_owned(),
        (true, true) => format!("runc-{id}.scope"),
        (true, false) => format!("creel-{id}.scope"),
    }
}

/// systemd's units whose names have this text in them.
pub(crate) fn units(text: &str) -> Vec<String> {
    if !is_systemd() {
        return Vec::new();
    }
    let list = systemctl(&["list-units", "--all", "--plain", "--no-legend", &format!("*{text}*")]);
    list.lines().map(str::to_owned).collect()
}

/// The limit of processes of a container that asks for none.
pub(crate) fn default_pids_max() -> String {
    if !is_systemd() {
        return "max".to_owned();
    }
    systemctl(&["show", "--property", "DefaultTasksMax", "--value"])
}
