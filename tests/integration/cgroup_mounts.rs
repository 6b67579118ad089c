//! What a container sees of its cgroups, what it may do there, and to whom they belong.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, cgroup, needs_cgroup, needs_root, runc_deviates, unless};

/// With a cgroup namespace or without, and with this option of the mount.
fn bundle(name: &str, namespace: bool, option: &str) -> Bundle {
    Bundle::new(name).config(|c| {
        if namespace {
            c.push("/linux/namespaces", json!({"type": "cgroup"}));
        }
        c.without_mount("/sys/fs/cgroup");
        c.mount("cgroup", "/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", option]);
    })
}

/// Ids of the container are 100000 and on of the host.
fn mapped(bundle: Bundle) -> Bundle {
    let bundle = bundle.config(|c| {
        c.push("/linux/namespaces", json!({"type": "user"}));
        let map = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
        c.set("/linux/uidMappings", map.clone());
        c.set("/linux/gidMappings", map);
    });
    for path in [bundle.path(".."), bundle.path(""), bundle.rootfs("")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    bundle
}

/// The container's own cgroup as it sees it with a namespace.
fn own() -> &'static str {
    if cgroup::is_v2() { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/memory" }
}

#[test]
fn a_writable_mount_is_writable_and_a_read_only_one_is_not() {
    needs_cgroup!();
    for namespace in [true, false] {
        // Without a namespace cgroup2 is shown whole, so it is not made in here.
        let below = match (cgroup::is_v2(), namespace) {
            (true, false) => None,
            _ => Some(String::new()),
        };
        for (option, expected) in
            [("rw", Try::Worked(String::new())), ("ro", Try::Failed("EROFS".to_owned()))]
        {
            let mut bundle = bundle("writable", namespace, option);
            let below = below.clone().unwrap_or_else(|| bundle.cgroup());
            let made = bundle.try_inside(&format!("mkdir:{}{below}/sub", own()));
            assert_eq!(made, expected, "{option}, namespace: {namespace}");
            bundle.assert_nothing_left();
        }
    }
}

#[test]
fn a_namespace_shows_the_containers_cgroup_as_the_root() {
    let mut bundle = bundle("root", true, "ro");
    let report = bundle.report();
    assert_eq!(report.mount(own()).expect("a mount").root, "/");
    assert!(report.cgroups.iter().all(|line| line.ends_with(":/")), "{:?}", report.cgroups);
    let procs = bundle.try_inside(&format!("read:{}/cgroup.procs", own()));
    assert_eq!(procs, Try::Worked("1\n".to_owned()));
}

#[test]
fn without_a_namespace_the_path_is_the_hosts() {
    needs_cgroup!();
    let mut bundle = bundle("host", false, "ro");
    let path = bundle.cgroup();
    let report = bundle.report();
    assert!(report.cgroups.iter().any(|line| line.ends_with(&path)), "{:?}", report.cgroups);
    let below = if cgroup::is_v2() { path.as_str() } else { "" };
    let procs = bundle.try_inside(&format!("read:{}{below}/cgroup.procs", own()));
    assert_eq!(procs, Try::Worked("1\n".to_owned()));
}

/// The container's directory, in any hierarchy.
fn directory(bundle: &Bundle) -> PathBuf {
    cgroup::dirs(&bundle.cgroup()).pop().expect("a directory")
}

/// The owner of each of these in the container's directory.
fn owners(bundle: &Bundle, files: &[&str]) -> Vec<u32> {
    let directory = directory(bundle);
    let owner =
        |path: PathBuf| fs::metadata(&path).unwrap_or_else(|e| panic!("{path:?}: {e}")).uid();
    files.iter().map(|file| owner(directory.join(file))).collect()
}

/// Of all that is in the container's directory only what the kernel lists as delegated, and what the container made.
#[track_caller]
fn assert_only_the_delegated_is_its(bundle: &Bundle) {
    let listed = fs::read_to_string("/sys/kernel/cgroup/delegate").expect("the kernel's list");
    for entry in fs::read_dir(directory(bundle)).expect("a list").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        let is_own = entry.file_type().expect("a type").is_dir();
        let expected = if is_own || listed.lines().any(|line| line == name) { 100_000 } else { 0 };
        assert_eq!(entry.metadata().expect("an owner").uid(), expected, "{name}");
    }
}

const DELEGATED: [&str; 4] = ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];
const KEPT: [&str; 3] = ["cgroup.max.depth", "cgroup.freeze", "cgroup.type"];

#[test]
fn a_mapped_root_gets_its_cgroup_and_can_divide_it() {
    needs_root!("it maps ids that are not the user's");
    runc_deviates!("only with systemd does it give the cgroup away");
    unless!(cgroup::is_v2(), "version 1 is not delegated");
    let script = "cd /sys/fs/cgroup && mkdir sub && echo $$ >sub/cgroup.procs && cat /proc/self/cgroup && exec sleep 600";
    let bundle = mapped(bundle("delegated", true, "rw")).busybox();
    let bundle = bundle.config(|c| c.args(&["/bin/sh", "-c", script]));
    let output = bundle.create();
    assert_eq!(owners(&bundle, &DELEGATED), [100_000; 4]);
    assert_eq!(owners(&bundle, &KEPT), [0; 3]);
    bundle.start();
    crate::harness::wait_until("the move", || {
        assert_eq!(output.stderr(), "");
        output.stdout().lines().any(|line| line == "0::/sub")
    });
    assert_only_the_delegated_is_its(&bundle);
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn a_cgroup_that_the_container_may_not_write_stays_roots() {
    needs_root!("it maps ids that are not the user's");
    for bundle in [
        mapped(bundle("readonly", true, "ro")),
        mapped(bundle("shared", false, "rw")),
        bundle("unmapped", true, "rw"),
    ] {
        bundle.create();
        let files = if cgroup::is_v2() { &DELEGATED[..] } else { &DELEGATED[..2] };
        assert!(owners(&bundle, files).iter().all(|owner| *owner == 0));
    }
    if !cgroup::is_v2() {
        let bundle = mapped(bundle("writable1", true, "rw"));
        bundle.create();
        assert_eq!(owners(&bundle, &["", "cgroup.procs"]), [0; 2]);
    }
}
