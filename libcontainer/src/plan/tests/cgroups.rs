//! Cgroups: how they are entered, and what a mount of type cgroup shows.

use super::harness::{config, hybrid, map_ids, planned, request, share, v1, v2};
use super::text::steps;
use crate::cgroups::OwnCgroups;
use crate::plan::{Host, plan};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// The steps of a cgroup mount, the only mount there is.
fn mount(host: &Host, options: &[&str], namespace: bool) -> String {
    let edit = |config: &mut Value| {
        let mount = json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "options": options});
        config["mounts"] = json!([mount]);
        if !namespace {
            share(config, "cgroup");
        }
    };
    let mut plan = planned(edit, &request(), host);
    plan.inside.retain(|planned| planned.origin.starts_with("mounts["));
    steps(&plan.inside)
}

#[test]
fn mount_on_v2() {
    assert_snapshot!(mount(&v2(), &["nosuid", "ro"], true), @"mounts[0]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup/web set=0x3");
    assert_snapshot!(mount(&v2(), &["nosuid", "ro"], false), @"mounts[0]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup set=0x3");
}

#[test]
fn mount_on_hybrid() {
    assert_snapshot!(mount(&hybrid(), &["nosuid", "ro"], true), @r#"
    mounts[0]: mountFilesystem target=sys/fs/cgroup fstype=tmpfs source=tmpfs parameters=["mode=755"] attributes=0xe
    mounts[0]: mountBind target=sys/fs/cgroup/cpu,cpuacct source=/sys/fs/cgroup/cpu,cpuacct/web set=0x3
    mounts[0]: symlink path=sys/fs/cgroup/cpu target=cpu,cpuacct replace=true
    mounts[0]: symlink path=sys/fs/cgroup/cpuacct target=cpu,cpuacct replace=true
    mounts[0]: mountBind target=sys/fs/cgroup/memory source=/sys/fs/cgroup/memory/web set=0x3
    mounts[0]: mountBind target=sys/fs/cgroup/devices source=/sys/fs/cgroup/devices/web set=0x3
    mounts[0]: mountBind target=sys/fs/cgroup/systemd source=/sys/fs/cgroup/systemd/web set=0x3
    mounts[0]: mountAttributes target=sys/fs/cgroup set=0x1
    "#);
}

/// Without a namespace of its own the container still sees only its own cgroups.
#[test]
fn mount_on_hybrid_without_namespace() {
    assert_snapshot!(mount(&hybrid(), &["nosuid", "ro"], false), @r#"
    mounts[0]: mountFilesystem target=sys/fs/cgroup fstype=tmpfs source=tmpfs parameters=["mode=755"] attributes=0xe
    mounts[0]: mountBind target=sys/fs/cgroup/cpu,cpuacct source=/sys/fs/cgroup/cpu,cpuacct/web set=0x3
    mounts[0]: symlink path=sys/fs/cgroup/cpu target=cpu,cpuacct replace=true
    mounts[0]: symlink path=sys/fs/cgroup/cpuacct target=cpu,cpuacct replace=true
    mounts[0]: mountBind target=sys/fs/cgroup/memory source=/sys/fs/cgroup/memory/web set=0x3
    mounts[0]: mountBind target=sys/fs/cgroup/devices source=/sys/fs/cgroup/devices/web set=0x3
    mounts[0]: mountBind target=sys/fs/cgroup/systemd source=/sys/fs/cgroup/systemd/web set=0x3
    mounts[0]: mountAttributes target=sys/fs/cgroup set=0x1
    "#);
}

#[test]
fn writable_mount_on_v1() {
    assert_snapshot!(mount(&v1(), &["rw"], true), @r#"
    mounts[0]: mountFilesystem target=sys/fs/cgroup fstype=tmpfs source=tmpfs parameters=["mode=755"] attributes=0xe
    mounts[0]: mountBind target=sys/fs/cgroup/cpu,cpuacct source=/sys/fs/cgroup/cpu,cpuacct/web clear=0x1
    mounts[0]: symlink path=sys/fs/cgroup/cpu target=cpu,cpuacct replace=true
    mounts[0]: symlink path=sys/fs/cgroup/cpuacct target=cpu,cpuacct replace=true
    mounts[0]: mountBind target=sys/fs/cgroup/memory source=/sys/fs/cgroup/memory/web clear=0x1
    mounts[0]: mountBind target=sys/fs/cgroup/devices source=/sys/fs/cgroup/devices/web clear=0x1
    mounts[0]: mountBind target=sys/fs/cgroup/systemd source=/sys/fs/cgroup/systemd/web clear=0x1
    "#);
}

/// The clone goes straight into a cgroup of version 2; any other is entered before creel-init goes on.
#[test]
fn the_clone_enters_only_v2() {
    let of = |host: &Host| planned(|_| {}, &request(), host).clone_into_cgroup;
    assert_eq!([&v2(), &hybrid(), &v1()].map(of), [true, false, false]);
}

#[test]
fn a_path_is_below_every_hierarchy() {
    let edit = |config: &mut Value| config["linux"]["cgroupsPath"] = "/pods/web".into();
    for host in [v2(), hybrid(), v1()] {
        for directory in planned(edit, &request(), &host).cgroup.directories {
            assert_eq!(directory.path(), directory.mount.join("pods/web"));
        }
    }
}

#[test]
fn without_a_path_it_is_the_id_beside_the_callers() {
    let mut host = v2();
    host.own_cgroups = OwnCgroups::parse("0::/user.slice/shell\n");
    let plan = plan(&config(|_| {}), &request(), &host).unwrap();
    let path = plan.cgroup.directories[0].path();
    assert_eq!(path.to_str(), Some("/sys/fs/cgroup/user.slice/web"));
}

/// Who gets the cgroup of a container with a writable cgroup mount, and with `edit` done to it.
fn owner(host: &Host, edit: impl FnOnce(&mut Value)) -> Option<u32> {
    let edit = |config: &mut Value| {
        config["mounts"] = json!([{"destination": "/sys/fs/cgroup", "type": "cgroup"}]);
        edit(config);
    };
    planned(edit, &request(), host).cgroup_owner
}

#[test]
fn the_cgroup_is_given_to_the_user_inside() {
    let user = |config: &mut Value| {
        map_ids(config);
        config["process"]["user"] = json!({"uid": 7, "gid": 8});
    };
    assert_eq!(owner(&v2(), map_ids), Some(100_000));
    assert_eq!(owner(&v2(), user), Some(100_007));
    assert_eq!(owner(&v2(), |config| config["process"]["user"]["uid"] = 7.into()), Some(7));
}

#[test]
fn the_cgroup_stays_with_root_without_a_namespace_or_a_writable_mount() {
    assert_eq!(owner(&v2(), |_| {}), None, "root");
    assert_eq!(owner(&hybrid(), map_ids), None, "version 1");
    let without_namespace = |config: &mut Value| {
        map_ids(config);
        share(config, "cgroup");
    };
    assert_eq!(owner(&v2(), without_namespace), None);
    let read_only = |config: &mut Value| {
        map_ids(config);
        config["mounts"][0]["options"] = json!(["nosuid", "ro"]);
    };
    assert_eq!(owner(&v2(), read_only), None);
}
