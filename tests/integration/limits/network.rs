//! Network classes and priorities: version 1 alone, and seldom mounted, so the tests mount them in a private view.

use serde_json::json;

use crate::harness::{Bundle, Cmd, cgroup, runc_deviates, unless};

/// Runs a command where all hierarchies of the host are, and that of `net_cls` and `net_prio`.
const WITH_NETWORK: &str = r#"
set -e
mount --make-rprivate /
view=$1; shift
mount -t tmpfs -o mode=755 view "$view"
for hierarchy in /sys/fs/cgroup/*; do
    test -L "$hierarchy" && continue
    mkdir "$view/${hierarchy##*/}"
    mount --bind "$hierarchy" "$view/${hierarchy##*/}"
done
mkdir "$view/net_cls,net_prio"
mount -t cgroup -o net_cls,net_prio cgroup "$view/net_cls,net_prio"
mount --move "$view" /sys/fs/cgroup
exec "$@""#;

/// The runtime's command line in that view.
fn there(bundle: &Bundle, words: &[&str]) -> Cmd {
    let view = bundle.outside("view");
    let view = view.to_str().expect("UTF-8");
    bundle.wrapped(&["unshare", "--mount", "sh", "-c", WITH_NETWORK, "sh", view], words)
}

#[test]
fn a_class_and_priorities_are_in_the_kernel() {
    runc_deviates!("update leaves the network alone");
    unless!(!cgroup::is_v2(), "cgroup2 has no network classes");
    unless!(!cgroup::has("net_cls"), "net_cls is mounted already, by itself or with others");
    let bundle = Bundle::new("network").config(|c| {
        let network = json!({"classID": 0x10_0001, "priorities": [{"name": "lo", "priority": 3}]});
        c.set("/linux/resources/network", network);
        c.probe(&["sleep", "600"]);
    });
    let view = bundle.outside("view");
    let probe =
        ["unshare", "--mount", "sh", "-c", WITH_NETWORK, "sh", view.to_str().expect("UTF-8")];
    let mounted = bundle.plain(&[&probe[..], &["true"]].concat()).output();
    unless!(mounted.code() == 0, "net_cls and net_prio cannot be mounted: {}", mounted.stderr());

    let path = bundle.bundle_path();
    there(&bundle, &["create", "--bundle", &path, &bundle.id]).ok();
    let directory = format!("/sys/fs/cgroup/net_cls,net_prio{}", bundle.cgroup());
    let read = |file: &str| {
        let file = format!("{directory}/{file}");
        bundle.plain(&[&probe[..], &["cat", &file]].concat()).ok().stdout()
    };
    assert_eq!(read("net_cls.classid").trim(), 0x10_0001.to_string());
    assert!(read("net_prio.ifpriomap").lines().any(|line| line == "lo 3"));
    assert_eq!(read("cgroup.procs").trim(), bundle.pid().to_string());
    let update = there(&bundle, &["update", "-r", "-", &bundle.id]);
    update.stdin(r#"{"network": {"classID": 1048578}}"#).ok();
    assert_eq!(read("net_cls.classid").trim(), "1048578");
    assert!(read("net_prio.ifpriomap").lines().any(|line| line == "lo 3"));
    there(&bundle, &["delete", "--force", &bundle.id]).ok();
    let parent = format!("/sys/fs/cgroup/net_cls,net_prio{}", cgroup::parent());
    // The hierarchy goes with its last cgroup.
    bundle.plain(&[&probe[..], &["rmdir", &parent]].concat()).ok();
}
