//! Looking around: puts the report together.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::parent_id;
use std::{env, fs};

use creel_probe::{Interface, Node, Report, Try};
use nix::net::if_::InterfaceFlags;

use crate::{procfs, sys, tries};

/// Everything there is to see, and what came of the `words` to try.
pub(crate) fn report(words: &[&str]) -> io::Result<Report> {
    let status = procfs::Status::read()?;
    let uname = nix::sys::utsname::uname()?;
    Ok(Report {
        args: args(),
        env: self::env(),
        cwd: env::current_dir()?.display().to_string(),
        pid: std::process::id(),
        ppid: parent_id(),
        ids: status.ids()?,
        capabilities: status.capabilities()?,
        rlimits: procfs::rlimits()?,
        no_new_privs: status.field("NoNewPrivs")? == "1",
        seccomp: status.number("Seccomp", 10)? as u32,
        umask: status.number("Umask", 8)? as u32,
        signals: status.signals()?,
        cpus: status.field("Cpus_allowed_list")?.to_owned(),
        oom_score_adj: procfs::number("/proc/self/oom_score_adj")?,
        namespaces: procfs::namespaces()?,
        cgroups: fs::read_to_string("/proc/self/cgroup")?.lines().map(str::to_owned).collect(),
        mounts: procfs::mounts()?,
        fds: procfs::fds()?,
        hostname: uname.nodename().to_string_lossy().into_owned(),
        domainname: uname.domainname().to_string_lossy().into_owned(),
        session_keyring: sys::session_keyring_name(),
        interfaces: interfaces()?,
        stdin_is_terminal: io::stdin().is_terminal(),
        dev: dev(),
        tries: words.iter().map(|w| ((*w).to_owned(), tries::run(w))).collect(),
    })
}

/// The argument vector as text.
pub(crate) fn args() -> Vec<String> {
    env::args_os().map(|a| a.to_string_lossy().into_owned()).collect()
}

/// The environment as the kernel passed it. `std::env` would lose a duplicate or odd entry.
pub(crate) fn env() -> Vec<String> {
    match fs::read("/proc/self/environ") {
        Ok(bytes) => bytes
            .split(|b| *b == 0)
            .filter(|entry| !entry.is_empty())
            .map(|entry| String::from_utf8_lossy(entry).into_owned())
            .collect(),
        Err(_) => env::vars_os()
            .map(|(k, v)| {
                String::from_utf8_lossy(&[&k.into_vec()[..], b"=", &v.into_vec()].concat())
                    .into_owned()
            })
            .collect(),
    }
}

/// getifaddrs(3) has an entry for every interface, one with an address or not.
fn interfaces() -> io::Result<Vec<Interface>> {
    let mut up = BTreeMap::new();
    for entry in nix::ifaddrs::getifaddrs()? {
        up.insert(entry.interface_name, entry.flags.contains(InterfaceFlags::IFF_UP));
    }
    Ok(up.into_iter().map(|(name, up)| Interface { name, up }).collect())
}

fn dev() -> Vec<Node> {
    let Ok(list) = fs::read_dir("/dev") else { return Vec::new() };
    let mut nodes: Vec<Node> = list
        .flatten()
        .filter_map(|entry| {
            match tries::node(&entry.path(), &entry.file_name().to_string_lossy()) {
                Try::Node(node) => Some(node),
                _ => None,
            }
        })
        .collect();
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}
