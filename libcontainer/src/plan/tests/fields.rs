//! Scheduling, time, labels and the rest of what only some configurations ask for.

use super::exec;
use super::harness::{changes, changes_on, config, map_ids, plan_of, refused, request, v2};
use super::text::names;
use crate::plan::{Descriptor, MountIds, plan};
use insta::assert_snapshot;
use serde_json::{Value, json};

fn add_namespace(config: &mut Value, namespace: Value) {
    config["linux"]["namespaces"].as_array_mut().unwrap().push(namespace);
}

#[test]
fn scheduling() {
    let scheduler = json!({
        "policy": "SCHED_DEADLINE",
        "flags": ["SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN"],
        "runtime": 1, "deadline": 2, "period": 3,
    });
    let io = json!({"class": "IOPRIO_CLASS_BE", "priority": 6});
    assert_snapshot!(changes(|config| {
        config["process"]["scheduler"] = scheduler;
        config["process"]["ioPriority"] = io;
    }));
}

#[test]
fn surroundings_of_all_processes() {
    assert_snapshot!(changes(|config| {
        config["linux"]["personality"] = json!({"domain": "LINUX32"});
        config["linux"]["memoryPolicy"] =
            json!({"mode": "MPOL_INTERLEAVE", "nodes": "0-1", "flags": ["MPOL_F_STATIC_NODES"]});
    }));
}

#[test]
fn labels() {
    assert_snapshot!(changes(|config| {
        config["process"]["apparmorProfile"] = json!("web");
        config["process"]["selinuxLabel"] = json!("a:b:c");
        config["linux"]["mountLabel"] = json!("d:e:f");
    }));
}

#[test]
fn a_new_time_namespace() {
    assert_snapshot!(changes(|config| {
        add_namespace(config, json!({"type": "time"}));
        config["linux"]["timeOffsets"] = json!({"boottime": {"secs": 5, "nanosecs": 6}});
    }));
}

#[test]
fn a_remount() {
    assert_snapshot!(changes(|config| {
        let options = json!(["remount", "ro", "size=1k"]);
        let mount = json!({"destination": "/dev/shm", "type": "tmpfs", "options": options});
        config["mounts"].as_array_mut().unwrap().push(mount);
    }));
}

/// On cgroup2 alone creel-init would not wait, were it not for what moves in with it.
#[test]
fn what_moves_in_is_waited_for() {
    for (name, value) in [("netDevices", json!({"eth0": {}})), ("intelRdt", json!({}))] {
        let before = plan_of(|_| {});
        assert!(!before.awaits_admission, "{name}");
        let plan = plan_of(|config| config["linux"][name] = value);
        assert!(plan.awaits_admission, "{name}");
        assert!(names(&plan.inside).iter().any(|name| name == "awaitAdmission"), "{name}");
    }
}

#[test]
fn id_mapped_binds_take_their_own_maps_or_the_containers() {
    let bind = json!({"destination": "/m", "source": "/srv", "options": ["bind", "idmap"]});
    let message = refused(|config| config["mounts"] = json!([bind]));
    assert!(message.starts_with("mounts[0].options: \"idmap\" is not supported; "), "{message}");
    let plan = plan_of(|config| {
        map_ids(config);
        config["mounts"] = json!([bind]);
    });
    let trees: Vec<_> = plan
        .descriptors
        .iter()
        .filter_map(|descriptor| match descriptor {
            Descriptor::MountTree(tree) => Some(tree),
            _ => None,
        })
        .collect();
    let [tree] = trees[..] else { panic!("{trees:?}") };
    let MountIds::Maps(maps) = &tree.ids else { panic!("{tree:?}") };
    assert_eq!((maps.users[0].host, maps.groups[0].host), (100_000, 200_000));
}

#[test]
fn only_a_bind_can_be_id_mapped() {
    let mount = json!({"destination": "/m", "type": "tmpfs", "options": ["ridmap"]});
    let spec = config(|config| config["mounts"] = json!([mount]));
    let message = plan(&spec, &request(), &v2()).unwrap_err().to_string();
    assert!(message.contains("\"ridmap\"") && message.contains("bind"), "{message}");
}

/// The first CPUs are set before the cgroup is entered, the last after; with the first alone, what the cgroup
/// makes of them stays.
#[test]
fn cpus_of_an_exec() {
    let order = |affinity: Value| {
        let process = exec::process(|process| process["execCPUAffinity"] = affinity);
        let plan = exec::plan(&process, |request| request.admitted = true);
        let names = names(&plan.inside).into_iter();
        let wanted = ["affinity", "awaitAdmission", "resetAffinity"];
        names.filter(|name| wanted.contains(&name.as_str())).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order(json!({})), "awaitAdmission resetAffinity");
    assert_eq!(order(json!({"initial": "0"})), "affinity awaitAdmission");
    assert_eq!(order(json!({"final": "0"})), "awaitAdmission affinity");
    assert_eq!(order(json!({"initial": "0", "final": "1"})), "affinity awaitAdmission affinity");
}

#[test]
fn on_hybrid_hosts_nothing_more_is_waited_for() {
    let hybrid = super::harness::hybrid();
    assert_snapshot!(changes_on(&hybrid, |config| {
        config["linux"]["netDevices"] = json!({"eth0": {"name": "lan"}});
    }));
}
