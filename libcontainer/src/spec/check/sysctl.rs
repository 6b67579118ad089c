//! `linux.sysctl`: only what belongs to a namespace of the container may be set, anything else
//! would be set for the whole host.

use oci_spec::runtime::Spec;

use super::{CheckError, namespaces, text};
use crate::spec::json_path::member;

const IPC: [&str; 8] = [
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
];

const ALLOWED: &str = "kernel.msgmax, msgmnb, msgmni, sem, shmall, shmmax, shmmni, \
                       shm_rmid_forced, domainname, and what begins with fs.mqueue. or net.";

pub(super) fn check(spec: &Spec) -> Result<(), CheckError> {
    let given = spec.linux().as_ref().and_then(|linux| linux.sysctl().as_ref());
    for (key, value) in given.into_iter().flatten() {
        let path = member("linux.sysctl", key);
        let file = file(key).ok_or_else(|| CheckError::unsupported(&path, key, ALLOWED))?;
        if file == "kernel/hostname" {
            let with = "the property hostname, which sets it; use that one";
            return Err(CheckError::conflict(path, value, with));
        }
        let namespace = owner(&file).ok_or_else(|| CheckError::unsupported(&path, key, ALLOWED))?;
        namespaces::require(spec, namespace, &path, value)?;
        text::no_nul(&path, value)?;
    }
    Ok(())
}

/// The file below /proc/sys that a key names, `None` if it cannot name one.
///
/// A key has either dots between its parts or slashes; whichever comes first separates, and the
/// other one stands for itself (`net/ipv4/conf/eno1.100/rp_filter`,
/// `net.ipv4.conf.eno1/100.rp_filter`; sysctl.d(5)).
pub fn file(key: &str) -> Option<String> {
    let dotted = key.find(['.', '/']).is_some_and(|at| key.as_bytes()[at] == b'.');
    let swapped = |c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let file: String = if dotted { key.chars().map(swapped).collect() } else { key.to_owned() };
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    file.split('/').all(plain).then_some(file)
}

/// The type of the namespace that a file below /proc/sys belongs to.
fn owner(file: &str) -> Option<&'static str> {
    match file {
        _ if IPC.contains(&file) || file.starts_with("fs/mqueue/") => Some("ipc"),
        _ if file.starts_with("net/") => Some("network"),
        "kernel/domainname" => Some("uts"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_the_same_file() {
        assert_eq!(file("net.ipv4.ip_forward").as_deref(), Some("net/ipv4/ip_forward"));
        assert_eq!(file("net/ipv4/ip_forward").as_deref(), Some("net/ipv4/ip_forward"));
        let vlan = Some("net/ipv4/conf/eno1.100/rp_filter");
        assert_eq!(file("net/ipv4/conf/eno1.100/rp_filter").as_deref(), vlan);
        assert_eq!(file("net.ipv4.conf.eno1/100.rp_filter").as_deref(), vlan);
    }

    #[test]
    fn no_key_leaves_its_directory() {
        for key in ["net/../kernel/panic", "net/ipv4//x", "/kernel/panic", "net./../x", "", "net."]
        {
            assert_eq!(file(key), None, "{key}");
        }
    }
}
