//! The owner of the container's cgroup: its user where it may divide the cgroup further, else root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use serde_json::json;

use crate::harness::{Bundle, Config, cgroup, needs_root, runc_deviates, unless};

const NO_V2: &str = "cgroup2 is not alone here";

/// A bundle with ids from 100000 on, a cgroup namespace, and a cgroup mount with these options.
fn bundle(name: &str, options: &[&str]) -> Bundle {
    let bundle = Bundle::new(name).busybox().config(|c| {
        map(c);
        c.push("/linux/namespaces", json!({"type": "cgroup"}));
        c.without_mount("/sys/fs/cgroup");
        c.mount("cgroup", "/sys/fs/cgroup", "cgroup", options);
    });
    for path in [bundle.path(".."), bundle.path(""), bundle.rootfs("")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    bundle
}

fn map(c: &mut Config) {
    c.push("/linux/namespaces", json!({"type": "user"}));
    let mappings = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
    c.set("/linux/uidMappings", mappings.clone());
    c.set("/linux/gidMappings", mappings);
}

fn directory(bundle: &Bundle) -> PathBuf {
    PathBuf::from("/sys/fs/cgroup").join(bundle.cgroup().trim_start_matches('/'))
}

/// The owners of the directory, of a file that may be handed over, and of one that must not.
fn owners(bundle: &Bundle) -> [u32; 3] {
    let directory = directory(bundle);
    let owner = |path: PathBuf| fs::metadata(path).expect("an owner").uid();
    [directory.clone(), directory.join("cgroup.procs"), directory.join("cgroup.freeze")].map(owner)
}

#[test]
fn the_user_inside_gets_a_cgroup_that_it_can_write_to() {
    unless!(cgroup::is_v2(), "{NO_V2}");
    needs_root!("the cgroup is this user's in any case");
    runc_deviates!("with cgroupfs it stays root's");
    let bundle = bundle("delegated", &["rw"]).config(|c| {
        let divide =
            "cd /sys/fs/cgroup && mkdir own && echo 1 >own/cgroup.procs && cat /proc/1/cgroup";
        c.args(&["/bin/sh", "-c", &format!("{divide}; sleep 600")]);
    });
    let output = bundle.create();
    assert_eq!(owners(&bundle), [100_000, 100_000, 0]);
    bundle.start();
    crate::harness::wait_until("its word", || output.stdout().contains("/own"));
    assert!(output.stdout().contains("0::/own"), "{}", output.stdout());
    let listed = fs::read_to_string("/sys/kernel/cgroup/delegate").expect("the kernel's list");
    for entry in fs::read_dir(directory(&bundle)).expect("a list").flatten() {
        let name = entry.file_name().into_string().expect("UTF-8");
        let is_own = entry.file_type().expect("a type").is_dir();
        let expected = if is_own || listed.lines().any(|l| l == name) { 100_000 } else { 0 };
        assert_eq!(entry.metadata().expect("an owner").uid(), expected, "{name}");
    }
}

#[test]
fn a_cgroup_that_is_not_to_be_written_to_stays_with_root() {
    unless!(cgroup::is_v2(), "{NO_V2}");
    needs_root!("the cgroup is this user's in any case");
    let bundle = bundle("notdelegated", &["ro"]);
    bundle.create();
    assert_eq!(owners(&bundle), [0; 3]);
}

#[test]
fn without_a_cgroup_namespace_it_stays_with_root() {
    unless!(cgroup::is_v2(), "{NO_V2}");
    needs_root!("the cgroup is this user's in any case");
    let bundle = bundle("shared", &["rw"]).config(|c| c.without_namespace("cgroup"));
    bundle.create();
    assert_eq!(owners(&bundle), [0; 3]);
}
