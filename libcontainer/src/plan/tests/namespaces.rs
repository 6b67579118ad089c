//! Namespaces that are made, shared or joined.

use super::harness::{changes, changes_on, config, hybrid, join, map_ids, plan_of, share};
use super::text::names;
use crate::plan::Namespace;
use creel_wire::owned::Step;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[test]
fn network_joined() {
    let edit = |config: &mut _| join(config, "network", "/run/netns/blue");
    assert_snapshot!(changes(edit), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    - joinedNamespaces = []
    + newNamespaces = ["pid","ipc","uts","mount","cgroup"]
    + clonedNamespaces = ["pid","ipc","uts","mount"]
    + joinedNamespaces = [{"namespace":"network","path":"/run/netns/blue","origin":"linux.namespaces[1]"}]
    - descriptors = ["conversation"]
    + descriptors = ["conversation",{"namespace":{"namespace":"network","path":"/run/netns/blue","origin":"linux.namespaces[1]"}}]
      resetSignals
    + nonDumpable
    + linux.namespaces[1].path: joinNamespace namespace=1 kind=0x40000000
      unshare
      sessionKeyring
    - loopbackUp
      hostname
      user
    + nonDumpable
      checkWorkingDirectory
    "#);
}

#[test]
fn pid_joined() {
    let edit = |config: &mut _| join(config, "pid", "/proc/7/ns/pid");
    assert_snapshot!(changes(edit), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    - joinedNamespaces = []
    - secondProcess = false
    + newNamespaces = ["network","ipc","uts","mount","cgroup"]
    + clonedNamespaces = ["network","ipc","uts","mount"]
    + joinedNamespaces = [{"namespace":"pid","path":"/proc/7/ns/pid","origin":"linux.namespaces[0]"}]
    + secondProcess = true
    - descriptors = ["conversation"]
    + descriptors = ["conversation",{"namespace":{"namespace":"pid","path":"/proc/7/ns/pid","origin":"linux.namespaces[0]"}}]
      resetSignals
    + nonDumpable
    + linux.namespaces[0].path: joinNamespace namespace=1 kind=0x20000000
    + enterPidNamespace
      unshare
      user
    + nonDumpable
      checkWorkingDirectory
    "#);
}

/// A pod: everything but the mounts is somebody else's.
#[test]
fn pod_joined() {
    let edit = |config: &mut _| {
        for (kind, file) in [
            ("pid", "pid"),
            ("network", "net"),
            ("ipc", "ipc"),
            ("uts", "uts"),
            ("cgroup", "cgroup"),
        ] {
            join(config, kind, &format!("/proc/7/ns/{file}"));
        }
    };
    assert_snapshot!(changes(edit), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    - joinedNamespaces = []
    - secondProcess = false
    + newNamespaces = ["mount"]
    + clonedNamespaces = ["mount"]
    + joinedNamespaces = [{"namespace":"pid","path":"/proc/7/ns/pid","origin":"linux.namespaces[0]"},{"namespace":"network","path":"/proc/7/ns/net","origin":"linux.namespaces[1]"},{"namespace":"ipc","path":"/proc/7/ns/ipc","origin":"linux.namespaces[2]"},{"namespace":"uts","path":"/proc/7/ns/uts","origin":"linux.namespaces[3]"},{"namespace":"cgroup","path":"/proc/7/ns/cgroup","origin":"linux.namespaces[5]"}]
    + secondProcess = true
    - descriptors = ["conversation"]
    + descriptors = ["conversation",{"namespace":{"namespace":"pid","path":"/proc/7/ns/pid","origin":"linux.namespaces[0]"}},{"namespace":{"namespace":"network","path":"/proc/7/ns/net","origin":"linux.namespaces[1]"}},{"namespace":{"namespace":"ipc","path":"/proc/7/ns/ipc","origin":"linux.namespaces[2]"}},{"namespace":{"namespace":"uts","path":"/proc/7/ns/uts","origin":"linux.namespaces[3]"}},{"namespace":{"namespace":"cgroup","path":"/proc/7/ns/cgroup","origin":"linux.namespaces[5]"}}]
      resetSignals
    - linux.namespaces: unshare flags=0x2000000
    + nonDumpable
    + linux.namespaces[0].path: joinNamespace namespace=1 kind=0x20000000
    + linux.namespaces[1].path: joinNamespace namespace=2 kind=0x40000000
    + linux.namespaces[2].path: joinNamespace namespace=3 kind=0x8000000
    + linux.namespaces[3].path: joinNamespace namespace=4 kind=0x4000000
    + linux.namespaces[5].path: joinNamespace namespace=5 kind=0x2000000
    + enterPidNamespace
      newSession
      sessionKeyring
    - loopbackUp
      hostname
      user
    + nonDumpable
      checkWorkingDirectory
    "#);
}

#[test]
fn network_shared() {
    assert_snapshot!(changes(|config| share(config, "network")), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    + newNamespaces = ["pid","ipc","uts","mount","cgroup"]
    + clonedNamespaces = ["pid","ipc","uts","mount"]
      sessionKeyring
    - loopbackUp
      hostname
    "#);
}

#[test]
fn uts_shared() {
    let edit = |config: &mut Value| {
        share(config, "uts");
        config["hostname"] = "".into();
    };
    assert_snapshot!(changes(edit), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    + newNamespaces = ["pid","network","ipc","mount","cgroup"]
    + clonedNamespaces = ["pid","network","ipc","mount"]
      loopbackUp
    - hostname: hostname name=runc
      umask
    "#);
}

#[test]
fn domainname() {
    assert_snapshot!(changes(|config| config["domainname"] = "example.org".into()), @r"
      hostname
    + domainname: domainname name=example.org
      umask
    ");
}

/// Nothing may be hidden then, for it would be hidden from the host.
#[test]
fn mount_shared() {
    let edit = |config: &mut Value| {
        share(config, "mount");
        config["root"]["readonly"] = json!(false);
        config["linux"]["maskedPaths"] = json!([]);
        config["linux"]["readonlyPaths"] = json!([]);
    };
    assert_snapshot!(changes(edit), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    + newNamespaces = ["pid","network","ipc","uts","cgroup"]
    + clonedNamespaces = ["pid","network","ipc","uts"]
      umask
    - linux.rootfsPropagation: propagation flags=0x84000
    - root.path: root path=/bundle/rootfs
    + root.path: openRoot path=/bundle/rootfs
      mountFilesystem
      makeDirectory
    - root.path: pivotRoot
    + root.path: chroot
      console
    - linux.readonlyPaths[0]: readonlyPath path=proc/bus
    - linux.readonlyPaths[1]: readonlyPath path=proc/fs
    - linux.readonlyPaths[2]: readonlyPath path=proc/irq
    - linux.readonlyPaths[3]: readonlyPath path=proc/sys
    - linux.readonlyPaths[4]: readonlyPath path=proc/sysrq-trigger
    - linux.maskedPaths[0]: maskPath path=proc/acpi
    - linux.maskedPaths[1]: maskPath path=proc/asound
    - linux.maskedPaths[2]: maskPath path=proc/kcore
    - linux.maskedPaths[3]: maskPath path=proc/keys
    - linux.maskedPaths[4]: maskPath path=proc/latency_stats
    - linux.maskedPaths[5]: maskPath path=proc/timer_list
    - linux.maskedPaths[6]: maskPath path=proc/timer_stats
    - linux.maskedPaths[7]: maskPath path=proc/sched_debug
    - linux.maskedPaths[8]: maskPath path=sys/firmware
    - linux.maskedPaths[9]: maskPath path=proc/scsi
    - root.readonly: readonlyRoot
      home
    "#);
}

#[test]
fn cgroup_shared() {
    assert_snapshot!(changes(|config| share(config, "cgroup")), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    + newNamespaces = ["pid","network","ipc","uts","mount"]
      resetSignals
    - linux.namespaces: unshare flags=0x2000000
      newSession
      mountFilesystem
    - mounts[6]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup/web set=0xf clear=0x70
    + mounts[6]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup set=0xf clear=0x70
      device
    "#);
}

#[test]
fn cgroup_shared_on_hybrid() {
    assert_snapshot!(changes_on(&hybrid(), |config| share(config, "cgroup")), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    + newNamespaces = ["pid","network","ipc","uts","mount"]
      awaitAdmission
    - linux.namespaces: unshare flags=0x2000000
      newSession
    "#);
}

/// An empty path is how Go's types write none.
#[test]
fn an_empty_path_means_a_new_namespace() {
    assert_eq!(changes(|config| join(config, "network", "")), "");
}

/// Nobody may make devices or raise limits there; the ids are mapped before creel-init goes on.
#[test]
fn user_namespace() {
    assert_snapshot!(changes(map_ids), @r#"
    - newNamespaces = ["pid","network","ipc","uts","mount","cgroup"]
    - clonedNamespaces = ["pid","network","ipc","uts","mount"]
    + newNamespaces = ["pid","network","ipc","uts","mount","cgroup","user"]
    + clonedNamespaces = ["pid","network","ipc","uts","mount","user"]
    - idMaps = null
    - outerLimits = []
    + idMaps.users = [{"container":0,"host":100000,"size":65536}]
    + idMaps.groups = [{"container":0,"host":200000,"size":65536}]
    + outerLimits = [{"origin":"process.rlimits[0]","resource":7,"soft":1024,"hard":1024}]
      resetSignals
    + awaitAdmission
    + linux.namespaces: userNamespaceRoot
      unshare
      mountFilesystem
    - mounts[5]: mountFilesystem target=sys fstype=sysfs source=sysfs parameters=["ro"] attributes=0xf flags=0x1
    + mounts[5]: mountFilesystem target=sys fstype=sysfs source=sysfs parameters=["ro"] attributes=0xf flags=0x9
      mountBind
    - device path=dev/null mode=0o20666 major=1 minor=3
    - device path=dev/zero mode=0o20666 major=1 minor=5
    - device path=dev/full mode=0o20666 major=1 minor=7
    - device path=dev/random mode=0o20666 major=1 minor=8
    - device path=dev/urandom mode=0o20666 major=1 minor=9
    - device path=dev/tty mode=0o20666 major=5
    + mountBind target=dev/null source=/dev/null
    + mountBind target=dev/zero source=/dev/zero
    + mountBind target=dev/full source=/dev/full
    + mountBind target=dev/random source=/dev/random
    + mountBind target=dev/urandom source=/dev/urandom
    + mountBind target=dev/tty source=/dev/tty
      symlink
      noNewPrivileges
    - process.rlimits[0]: rlimit resource=7 soft=1024 hard=1024
      boundingSet
    "#);
}

/// What is to belong to a joined user namespace is made only inside it, by creel-init.
#[test]
fn user_namespace_joined() {
    let edit = |config: &mut Value| {
        map_ids(config);
        join(config, "user", "/proc/7/ns/user");
    };
    let plan = plan_of(edit);
    assert_eq!(plan.cloned_namespaces, []);
    assert_eq!(plan.id_maps, None, "it has its own");
    assert!(plan.second_process, "a pid namespace made by unshare(2) takes in only children");
    let expected = [
        "nonDumpable",
        "joinNamespace",
        "nonDumpable",
        "unshare",
        "enterPidNamespace",
        "userNamespaceRoot",
        "nonDumpable",
        "unshare",
        "newSession",
    ];
    assert_eq!(names(&plan.inside)[2..11], expected);
}

/// Until then creel-init has its caller's rights over the others.
#[test]
fn the_user_namespace_is_joined_last() {
    let plan = plan_of(|config| {
        map_ids(config);
        join(config, "user", "/proc/7/ns/user");
        config["linux"]["namespaces"].as_array_mut().unwrap().rotate_right(1);
        join(config, "network", "/proc/7/ns/net");
        join(config, "ipc", "/proc/7/ns/ipc");
    });
    assert_eq!(plan.joined_namespaces[0].namespace, Namespace::User);
    let join = |step: &crate::plan::Planned| match &step.step {
        Step::JoinNamespace { kind, .. } => Some(*kind),
        _ => None,
    };
    let kinds: Vec<u32> = plan.inside.iter().filter_map(join).collect();
    assert_eq!(kinds, [Namespace::Network, Namespace::Ipc, Namespace::User].map(Namespace::flag));
}

/// A network namespace of the container's own, unless a user namespace is to own it.
#[test]
fn what_is_made_ahead() {
    let ahead = |edit: fn(&mut Value)| {
        let config = config(edit);
        let kinds = crate::plan::ahead(&config);
        assert_eq!(crate::plan::guess_ahead(&serde_json::to_vec(&config).unwrap()), kinds);
        kinds
    };
    let network = u64::from(Namespace::Network.flag());
    assert_eq!(ahead(|_| {}), network);
    assert_eq!(ahead(|config| join(config, "ipc", "/proc/7/ns/ipc")), network);
    assert_eq!(ahead(|config| join(config, "network", "/proc/7/ns/net")), 0);
    assert_eq!(ahead(|config| share(config, "network")), 0);
    assert_eq!(ahead(map_ids), 0);
    let join_user = |config: &mut Value| {
        map_ids(config);
        join(config, "user", "/proc/7/ns/user");
    };
    assert_eq!(ahead(join_user), 0);
}

/// Whatever the text is like, a guess is made of it.
#[test]
fn what_is_guessed_of_texts() {
    let guess = |text: &str| crate::plan::guess_ahead(text.as_bytes());
    let network = u64::from(Namespace::Network.flag());
    let list = |entries: &str| guess(&format!(r#"{{"linux": {{"namespaces" : [{entries}]}}}}"#));
    assert_eq!(list(r#"{ "type" : "network" }, {"type":"pid","path":"/proc/7/ns/pid"}"#), network);
    assert_eq!(list(r#"{"path":"/proc/7/ns/pid","type":"pid"},{"type":"network"}"#), network);
    assert_eq!(list(r#"{"path": "/run/netns/a", "type": "network"}"#), 0);
    assert_eq!(list(r#"{"type": "network"}, {"type": "user"}"#), 0);
    for text in ["", "\"", "\"namespaces\"", "\"namespaces\"[\"network\"", "{\"network\": 1}"] {
        assert_eq!(guess(text), 0, "{text}");
    }
    assert_eq!(guess("\"namespaces\"\"network\"]"), network);
}
