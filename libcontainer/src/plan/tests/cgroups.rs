//! Cgroups: how they are entered, and what a mount of type cgroup shows.

use super::harness::{config, hybrid, planned, request, share, v1, v2};
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

/// Only a container that sees nothing but its own cgroup, and may change it, gets it.
#[test]
fn the_cgroup_is_given_to_the_containers_user() {
    let owner = |host: &Host, options: &[&str], uid: u32, edit: &dyn Fn(&mut Value)| {
        let edit = |config: &mut Value| {
            let mount =
                json!({"destination": "/sys/fs/cgroup", "type": "cgroup", "options": options});
            config["mounts"] = json!([mount]);
            config["process"]["user"]["uid"] = uid.into();
            edit(config);
        };
        planned(edit, &request(), host).cgroup.owner
    };
    let mapped = |config: &mut Value| {
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.push(json!({"type": "user"}));
        let map = |inside: u32, outside: u32| json!({"containerID": inside, "hostID": outside, "size": 10});
        config["linux"]["uidMappings"] = json!([map(0, 5000), map(100, 7000)]);
        config["linux"]["gidMappings"] = json!([map(0, 5000)]);
    };
    let unmapped = |_: &mut Value| {};
    let shared = |config: &mut Value| share(config, "cgroup");
    assert_eq!(owner(&v2(), &["rw"], 0, &mapped), Some(5000));
    assert_eq!(owner(&v2(), &[], 103, &mapped), Some(7003));
    assert_eq!(owner(&v2(), &["rw"], 33, &unmapped), Some(33));
    assert_eq!(owner(&v2(), &["ro"], 0, &mapped), None);
    assert_eq!(owner(&v2(), &["rw"], 33, &shared), None);
    assert_eq!(owner(&hybrid(), &["rw"], 0, &mapped), None);
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
