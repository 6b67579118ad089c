//! The tests as a user other than root: containers get a user namespace with that user as their root, and the
//! user's ranges of /etc/subuid and /etc/subgid as its other ids.

use std::fs;
use std::path::Path;

use nix::unistd::{Uid, getegid, geteuid};
use serde_json::{Value, json};

use super::{Config, cgroup};

/// Somebody else than root runs the tests.
pub(crate) fn is_rootless() -> bool {
    !geteuid().is_root()
}

/// The first id and the size of this user's first range in a file of subid(5).
pub(crate) fn range(file: &str) -> Option<(u32, u32)> {
    let uid = geteuid();
    let name = user_name(uid)?;
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let first = fields.next()?.parse().ok()?;
        let size = fields.next()?.parse().ok()?;
        (owner == name || owner == uid.to_string()).then_some((first, size))
    })
}

fn user_name(uid: Uid) -> Option<String> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

/// Containers can have more than one user.
pub(crate) fn has_ranges() -> bool {
    range("/etc/subuid").is_some() && range("/etc/subgid").is_some()
}

/// What a list shows as the owner of this user's containers.
pub(crate) fn own_name() -> String {
    user_name(geteuid()).unwrap_or_else(|| format!("#{}", geteuid()))
}

/// The group outside that is this group of a container.
pub(crate) fn host_gid(gid: u32) -> u32 {
    match range("/etc/subgid").filter(|_| is_rootless()) {
        Some((first, _)) => first + gid - 1,
        None => gid,
    }
}

/// Whom what belongs to root of the host belongs to in a container.
pub(crate) fn owner_of_hosts() -> (u32, u32) {
    if is_rootless() { (65534, 65534) } else { (0, 0) }
}

/// This user, and the ranges as the ids from 1 on.
fn maps(own: u32, file: &str) -> Value {
    let own = json!({"containerID": 0, "hostID": own, "size": 1});
    match range(file) {
        Some((first, size)) => {
            json!([own, {"containerID": 1, "hostID": first, "size": size.min(65_536)}])
        }
        None => json!([own]),
    }
}

/// What `spec --rootless` changes of a configuration, but with all ids that this user has.
pub(crate) fn adapt(config: &mut Config) {
    config.push("/linux/namespaces", json!({"type": "user"}));
    config.set("/linux/uidMappings", maps(geteuid().as_raw(), "/etc/subuid"));
    config.set("/linux/gidMappings", maps(getegid().as_raw(), "/etc/subgid"));
    if !cgroup::may_be_made() {
        config.remove("/linux/cgroupsPath");
        config.remove("/linux/resources");
    }
}

/// Where this user's cgroups go: beside the one that the tests run in.
pub(crate) fn cgroup_parent() -> String {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let beside = Path::new(own).parent().unwrap_or(Path::new("/"));
    beside.to_string_lossy().trim_end_matches('/').to_owned()
}
