//! User namespaces: who may map what, and what a caller without root's rights does otherwise.

use super::harness::{config, join, map_ids, plan_of, planned, request, share, v2};
use super::text::names;
use crate::cgroups::{Access, OwnCgroups};
use crate::plan::{Descriptor, Host, MapWriter, Namespace, Request};
use creel_wire::owned::Step;
use serde_json::{Value, json};

/// A user other than root, of the group with the same number.
fn user() -> Host {
    Host { capabilities: 0, user: (1000, 1000), ..v2() }
}

fn map_only(config: &mut Value, users: u32, groups: u32) {
    map_ids(config);
    let map = |host: u32| json!([{"containerID": 0, "hostID": host, "size": 1}]);
    config["linux"]["uidMappings"] = map(users);
    config["linux"]["gidMappings"] = map(groups);
    let mounts = config["mounts"].as_array_mut().unwrap();
    mounts.retain(|mount| mount["type"] != "devpts");
}

/// user_namespaces(7): without CAP_SETUID and CAP_SETGID only one's own id, and that of a group only without setgroups(2).
#[test]
fn who_writes_the_maps() {
    let writers = |host: &Host, edit: &dyn Fn(&mut Value)| {
        let writers = planned(edit, &request(), host).map_writers;
        (writers.users, writers.groups)
    };
    let alone = |config: &mut Value| map_only(config, 1000, 1000);
    assert_eq!(writers(&user(), &alone), (MapWriter::Caller, MapWriter::CallerWithoutGroups));
    let other_group = |config: &mut Value| map_only(config, 1000, 1001);
    assert_eq!(writers(&user(), &other_group), (MapWriter::Caller, MapWriter::Helper));
    assert_eq!(writers(&user(), &map_ids), (MapWriter::Helper, MapWriter::Helper));
    assert_eq!(writers(&v2(), &map_ids), (MapWriter::Caller, MapWriter::Caller));
    assert_eq!(writers(&v2(), &alone), (MapWriter::Caller, MapWriter::Caller));
}

#[test]
fn groups_need_setgroups() {
    let edit = |config: &mut Value| {
        map_only(config, 1000, 1000);
        config["process"]["user"]["additionalGids"] = json!([0]);
    };
    let refused = crate::plan::plan(&config(edit), &request(), &user()).unwrap_err().to_string();
    assert!(refused.starts_with("process.user.additionalGids: [0] "), "{refused}");
    assert!(planned(edit, &request(), &v2()).map_writers.is_default(), "root may");
}

#[test]
fn ids_have_to_be_mapped() {
    let refused = |edit: &dyn Fn(&mut Value)| {
        let edit = |config: &mut Value| {
            map_ids(config);
            edit(config);
        };
        crate::plan::plan(&config(edit), &request(), &v2()).unwrap_err().to_string()
    };
    let message = refused(&|config| config["process"]["user"]["uid"] = 65_536.into());
    assert_eq!(
        message,
        "process.user.uid: 65536 is not an id of the container; map it in linux.uidMappings"
    );
    let message =
        refused(&|config| config["process"]["user"]["additionalGids"] = json!([5, 70_000]));
    assert!(message.starts_with("process.user.additionalGids[1]: 70000 "), "{message}");
    let message = refused(&|config| config["mounts"][1]["options"] = json!(["uid=70000"]));
    assert!(message.starts_with("mounts[1].options: 70000 "), "{message}");
}

/// What is joined mostly belongs to the caller's user namespace, and only from there it can be joined.
#[test]
fn a_user_namespace_is_made_after_others_were_joined() {
    let plan = plan_of(|config| {
        map_ids(config);
        join(config, "network", "/proc/7/ns/net");
    });
    assert!(plan.late_maps && plan.second_process);
    assert_eq!(plan.cloned_namespaces, []);
    let expected = [
        "nonDumpable",
        "joinNamespace",
        "unshare",
        "awaitIdMaps",
        "enterPidNamespace",
        "userNamespaceRoot",
    ];
    assert_eq!(names(&plan.inside)[2..8], expected);
}

/// Its rights over the others come with it.
#[test]
fn without_rights_the_user_namespace_is_joined_first() {
    let edit = |config: &mut Value| {
        map_ids(config);
        join(config, "user", "/proc/7/ns/user");
        join(config, "network", "/proc/7/ns/net");
    };
    let plan = planned(edit, &request(), &user());
    let join = |step: &crate::plan::Planned| match &step.step {
        Step::JoinNamespace { kind, .. } => Some(*kind),
        _ => None,
    };
    let kinds: Vec<u32> = plan.inside.iter().filter_map(join).collect();
    assert_eq!(kinds, [Namespace::User, Namespace::Network].map(Namespace::flag));
}

/// A user namespace of the container's own has them all, whatever its maker has.
#[test]
fn capabilities_of_a_new_user_namespace_can_be_given() {
    let edit = |config: &mut Value| map_only(config, 1000, 1000);
    assert_eq!(planned(edit, &request(), &user()).warnings, [""; 0]);
}

/// Files in /proc of a process that is not dumpable are root's.
#[test]
fn a_users_score_is_written_before_anything_is_joined() {
    let edit = |config: &mut Value| {
        map_ids(config);
        join(config, "user", "/proc/7/ns/user");
        config["process"]["oomScoreAdj"] = 7.into();
    };
    let plan = planned(edit, &request(), &user());
    assert_eq!(names(&plan.inside)[2..5], ["awaitAdmission", "nonDumpable", "joinNamespace"]);
    assert!(plan.awaits_admission);
}

#[test]
fn a_container_without_a_cgroup_is_shown_its_makers_read_only() {
    let mount = "/sys/fs/cgroup";
    let host = Host {
        own_cgroups: OwnCgroups::parse("0::/user.slice/session.scope\n"),
        cgroup_access: Access::denying(&[mount]),
        ..user()
    };
    let edit = |config: &mut Value| {
        map_only(config, 1000, 1000);
        let mounts = config["mounts"].as_array_mut().unwrap();
        mounts.last_mut().unwrap()["options"] = json!(["rw"]);
    };
    let plan = planned(edit, &request(), &host);
    assert!(plan.cgroup.directories.is_empty() && !plan.clone_into_cgroup);
    let shown = plan.inside.iter().find_map(|planned| match &planned.step {
        Step::MountBind { source, set, recursive_set, recursive: true, .. } => {
            Some((source.display(), set & 1, *recursive_set))
        }
        _ => None,
    });
    assert_eq!(shown, Some((format!("{mount}/user.slice/session.scope"), 1, 1)));
}

/// Only where no device can be made anyway; that the caller is called rootless does not make it so.
#[test]
fn device_rules_are_done_without_only_where_no_device_can_be_made() {
    let rootless = Request { rootless: true, ..request() };
    let done_without =
        |edit: &dyn Fn(&mut Value), host: &Host| planned(edit, &rootless, host).cgroup.rootless;
    assert!(!done_without(&|_| {}, &v2()));
    assert!(done_without(&map_ids, &v2()));
    let joins = |config: &mut Value| {
        map_ids(config);
        join(config, "user", "/proc/7/ns/user");
    };
    assert!(done_without(&joins, &v2()));
    assert!(done_without(&|_| {}, &Host { in_user_namespace: true, ..v2() }));
    assert!(!planned(map_ids, &request(), &v2()).cgroup.rootless);
    let denied = Access::denying(&["/sys/fs/cgroup"]);
    let host = Host { user: (1000, 1000), cgroup_access: denied, ..v2() };
    let refused = crate::plan::plan(&config(|_| {}), &rootless, &host).unwrap_err().to_string();
    assert!(refused.starts_with("linux.resources.devices: "), "{refused}");
    let powerless = Host { capabilities: 0, ..host };
    assert!(crate::plan::plan(&config(|_| {}), &rootless, &powerless).is_ok());
}

/// Devices can be made by nobody in a user namespace, be it the container's own or that of the caller.
#[test]
fn devices_are_bound_for_root_of_a_user_namespace() {
    let host = Host { in_user_namespace: true, ..v2() };
    let plan = planned(|_| {}, &request(), &host);
    assert!(!names(&plan.inside).contains(&"device".to_owned()));
    let host = Host { in_user_namespace: true, ..v2() };
    let without_mounts = |config: &mut Value| {
        share(config, "mount");
        config["linux"]["maskedPaths"] = json!([]);
        config["linux"]["readonlyPaths"] = json!([]);
        config["linux"]["devices"] =
            json!([{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]);
    };
    let refused = crate::plan::plan(&config(without_mounts), &request(), &host).unwrap_err();
    assert!(refused.to_string().starts_with("linux.devices[0]: "), "{refused}");
}

/// Where the caller has rights that the container's root has not, it opens what is bound.
#[test]
fn sources_are_opened_outside_where_that_reaches_more() {
    let edit = |config: &mut Value| {
        map_only(config, 1000, 1000);
        let bind = json!({"destination": "/m", "source": "/srv", "options": ["rbind"]});
        config["mounts"].as_array_mut().unwrap().push(bind);
    };
    let opened = |host: &Host| {
        names(&planned(edit, &request(), host).inside).contains(&"outerSource".to_owned())
    };
    assert!(opened(&v2()));
    assert!(!opened(&user()));
}

/// To attach a tree for the second time is to move it.
#[test]
fn binds_of_one_source_do_not_share_what_is_opened_outside() {
    let plan = plan_of(|config| {
        map_only(config, 1000, 1000);
        for (place, mode) in [("/x", "ro"), ("/y", "rw")] {
            let bind = json!({"destination": place, "source": "/srv", "options": ["rbind", mode]});
            config["mounts"].as_array_mut().unwrap().push(bind);
        }
    });
    let tree = |planned: &crate::plan::Planned| match planned.step {
        Step::OuterSource { tree } => Some(tree.0 as usize),
        _ => None,
    };
    let trees: Vec<usize> = plan.inside.iter().filter_map(tree).collect();
    let sources = plan.descriptors.iter().filter_map(|descriptor| match descriptor {
        Descriptor::OuterSource(source) => Some(source.origin.as_str()),
        _ => None,
    });
    let bound = ["mounts[6]", "mounts[7]"];
    assert_eq!(sources.collect::<Vec<_>>(), bound);
    assert!(trees.len() == bound.len() && trees[0] != trees[1], "{trees:?}");
}
