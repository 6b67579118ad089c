//! Who makes the containers' cgroups: the runtime, or systemd with `CREEL_TEST_SYSTEMD_CGROUP` set.

use std::process::Command;

use super::{cgroup, is_runc, orphans};

/// systemd makes them.
pub(crate) fn is_systemd() -> bool {
    std::env::var_os("CREEL_TEST_SYSTEMD_CGROUP").is_some()
}

/// The global options that say so.
pub(crate) fn options() -> &'static [&'static str] {
    if is_systemd() { &["--systemd-cgroup"] } else { &[] }
}

/// `linux.cgroupsPath` for a container of this name.
pub(crate) fn cgroups_path(name: &str) -> String {
    match is_systemd() {
        true => format!("system.slice:creel:{name}"),
        false => format!("{}/{name}", cgroup::parent()),
    }
}

/// Where the cgroup is that this path names.
pub(crate) fn cgroup_of(name: &str) -> String {
    match is_systemd() {
        true => format!("/system.slice/creel-{name}.scope"),
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
    let mut list = Command::new("systemctl");
    list.args(["list-units", "--all", "--plain", "--no-legend", &format!("*{text}*")]);
    let output = orphans::run(&mut list).expect("systemctl");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// The limit of processes of a container that asks for none.
pub(crate) fn default_pids_max() -> String {
    if !is_systemd() {
        return "max".to_owned();
    }
    let mut show = Command::new("systemctl");
    show.args(["show", "--property", "DefaultTasksMax", "--value"]);
    let output = orphans::run(&mut show).expect("systemctl");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
