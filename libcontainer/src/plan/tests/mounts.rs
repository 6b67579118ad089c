//! Mounts and their options.

use super::harness::{changes, map_ids, plan_of, refused};
use creel_wire::owned::Step;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// The steps that `mount` gives behind the default mounts.
fn one(mount: Value) -> String {
    changes(|config| config["mounts"].as_array_mut().unwrap().push(mount))
}

/// The step of a bind of /a on /b with these options.
fn bind(options: &[&str]) -> String {
    one(json!({"destination": "/b", "source": "/a", "options": options}))
}

#[test]
fn plain_bind() {
    assert_snapshot!(bind(&["bind"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a
      device
    ");
}

/// Only where the root is shared too, and never below a user namespace: there the library opens the source, which is
/// not yet a slave of the host's.
#[test]
fn bind_that_is_shared_with_the_host() {
    let add = |config: &mut Value| {
        let bind =
            json!({"destination": "/b", "source": "/a", "options": ["rbind", "rshared", "ro"]});
        config["mounts"].as_array_mut().unwrap().push(bind);
    };
    let root =
        |config: &mut Value, value: &str| config["linux"]["rootfsPropagation"] = value.into();
    let of_the_mount = |config: &dyn Fn(&mut Value)| {
        let plan = plan_of(config);
        let mut steps = plan.inside.iter().filter(|planned| planned.origin == "mounts[7]");
        matches!(steps.next().expect("a step").step, Step::MountTree { .. })
    };
    for shared in ["shared", "rshared"] {
        let both = |config: &mut Value| {
            add(config);
            root(config, shared);
        };
        assert!(of_the_mount(&both), "{shared}");
        let mapped = |config: &mut Value| {
            both(config);
            map_ids(config);
        };
        assert!(!of_the_mount(&mapped), "{shared}");
    }
    assert!(!of_the_mount(&add));
    let slave = |config: &mut Value| {
        add(config);
        root(config, "rslave");
    };
    assert!(!of_the_mount(&slave));
    assert_snapshot!(changes(|config| {
        add(config);
        root(config, "shared");
    }), @r#"
    - descriptors = ["conversation"]
    + descriptors = ["conversation",{"outerSource":{"origin":"mounts[7]","source":"/a","recursive":true}}]
      mountBind
    + mounts[7]: mountTree target=b tree=0x1 set=0x1 propagation=0x104000
      device
      maskPath
    + linux.rootfsPropagation: rootPropagation flags=0x100000
      readonlyRoot
    "#);
}

/// It comes after all others, which a link of the image could lead in there; but for those that are asked for there.
#[test]
fn bind_that_is_shared_with_the_host_is_the_last() {
    let order = |later: &str| {
        let plan = plan_of(|config| {
            config["linux"]["rootfsPropagation"] = "shared".into();
            let mounts = config["mounts"].as_array_mut().unwrap();
            let options = ["rbind", "rshared"];
            mounts.push(json!({"destination": "/b", "source": "/a", "options": options}));
            mounts.push(json!({"destination": later, "source": "t", "type": "tmpfs"}));
        });
        let origins = plan.inside.iter().map(|planned| planned.origin.clone());
        origins.filter(|origin| origin == "mounts[7]" || origin == "mounts[8]").collect::<Vec<_>>()
    };
    assert_eq!(order("/c"), ["mounts[8]", "mounts[7]"]);
    assert_eq!(order("/bc"), ["mounts[8]", "mounts[7]"]);
    assert_eq!(order("/b/c"), ["mounts[7]", "mounts[8]"]);
    assert_eq!(order("/b"), ["mounts[7]", "mounts[8]"]);
}

/// It is the option that makes a bind; a relative source is the bundle's.
#[test]
fn bind_by_its_option_alone() {
    let mount = json!({"destination": "b", "type": "tmpfs", "source": "a/b", "options": ["rbind"]});
    assert_snapshot!(one(mount), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/bundle/a/b recursive=true
      device
    ");
}

#[test]
fn read_only_bind() {
    assert_snapshot!(bind(&["rbind", "ro", "nosuid", "nodev", "noexec"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a recursive=true set=0xf
      device
    ");
}

/// The mounts below too: mount_setattr(2) with AT_RECURSIVE.
#[test]
fn recursively_read_only_bind() {
    assert_snapshot!(bind(&["rbind", "rro", "rnosuid"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a recursive=true recursiveSet=0x3
      device
    ");
}

#[test]
fn bind_that_clears_options() {
    assert_snapshot!(bind(&["bind", "rw", "suid", "dev", "exec"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a clear=0xf
      device
    ");
}

/// A mode of access times is a number in a field that has to be cleared with it.
#[test]
fn bind_with_access_times() {
    assert_snapshot!(bind(&["bind", "noatime", "nodiratime"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a set=0x90 clear=0x70
      device
    ");
    assert_snapshot!(bind(&["rbind", "rstrictatime"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a recursive=true recursiveSet=0x20 recursiveClear=0x70
      device
    ");
}

#[test]
fn bind_with_propagation() {
    assert_snapshot!(bind(&["rbind", "rshared"]), @r"
      mountBind
    + mounts[7]: mountBind target=b source=/a recursive=true propagation=0x104000
      device
    ");
}

#[test]
fn a_word_that_a_bind_cannot_use_is_named() {
    assert_snapshot!(bind(&["bind", "readonly"]), @r#"
    - warnings = []
    + warnings = ["mounts[7].options: \"readonly\" has no effect on a bind"]
      mountBind
    + mounts[7]: mountBind target=b source=/a
      device
    "#);
}

/// As lxcfs does; anything else in proc is refused when it is carried out.
#[test]
fn bind_over_a_file_of_proc() {
    let mount = json!({"destination": "/proc/meminfo", "source": "/lxcfs", "options": ["bind"]});
    assert_snapshot!(one(mount), @r"
      mountBind
    + mounts[7]: mountBind target=proc/meminfo source=/lxcfs flags=0x2
      device
    ");
}

/// Its mode is that of the directory it covers, unless it is given.
#[test]
fn tmpfs() {
    let mount = |options: Value| {
        one(json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": options}))
    };
    assert_snapshot!(mount(json!(["nosuid", "size=64k"])), @r#"
      mountBind
    + mounts[7]: mountFilesystem target=tmp fstype=tmpfs source=tmpfs parameters=["size=64k"] attributes=0x2 flags=0x4
      device
    "#);
    assert_snapshot!(mount(json!(["mode=1777", "ro", "private"])), @r#"
      mountBind
    + mounts[7]: mountFilesystem target=tmp fstype=tmpfs source=tmpfs parameters=["mode=1777"] propagation=0x40000
      device
      maskPath
    + mounts[7]: mountAttributes target=tmp set=0x1
      readonlyRoot
    "#);
}

/// It becomes read-only at last, when nothing more is made in it.
#[test]
fn tmpfs_with_what_it_covers() {
    let options = ["ro", "tmpcopyup"];
    let mount = |kind: &str| json!({"destination": "/tmp", "type": kind, "options": options});
    assert_snapshot!(one(mount("tmpfs")), @r"
      mountBind
    + mounts[7]: mountFilesystem target=tmp fstype=tmpfs flags=0x14
      device
      maskPath
    + mounts[7]: mountAttributes target=tmp set=0x1
      readonlyRoot
    ");
    assert_snapshot!(refused(|config| config["mounts"] = json!([mount("proc")])), @r#"mounts[0].options: "tmpcopyup" is not supported; only a mount of type tmpfs can have it"#);
}

/// Whether the tmpfs on /x, with `ro`, becomes read-only at last with this entry behind it.
fn closes_before(later: Value) -> bool {
    let plan = plan_of(|config| {
        let tmpfs = json!({"destination": "/x", "type": "tmpfs", "options": ["ro"]});
        config["mounts"] = json!([tmpfs, later]);
    });
    plan.inside.iter().any(|planned| match &planned.step {
        Step::MountAttributes { target, set: 1 } => target.as_c_str() == c"x",
        _ => false,
    })
}

/// A remount covers nothing: what it does not name stays as it was asked for.
#[test]
fn a_read_only_tmpfs_that_is_remounted_stays_read_only() {
    let remount = |destination: &str, options: &[&str]| {
        let words = [&["remount"], options].concat();
        closes_before(json!({"destination": destination, "type": "none", "options": words}))
    };
    assert!(remount("/x", &["bind", "nosuid"]));
    assert!(remount("/x", &["size=64k"]));
    assert!(remount("/x", &["bind", "ro"]));
    assert!(!remount("/x", &["bind", "rw"]), "writable by name");
    assert!(!remount("/y/../x/", &["bind", "rrw"]), "writable by name");
    assert!(remount("/y", &["bind", "rw"]), "another mount");
    assert!(!closes_before(json!({"destination": "/x", "type": "tmpfs"})), "out of sight");
}

/// A destination does not lead out of the container.
#[test]
fn destination_with_dots() {
    let mount = json!({"destination": "/a/../../b/./c/", "type": "tmpfs", "source": "tmpfs"});
    assert_snapshot!(one(mount), @r"
      mountBind
    + mounts[7]: mountFilesystem target=b/c fstype=tmpfs source=tmpfs flags=0x4
      device
    ");
}

#[test]
fn mounts_keep_their_order() {
    let plan = plan_of(|_| {});
    let mounts = plan.inside.iter().filter(|planned| planned.origin.starts_with("mounts["));
    let origins: Vec<&str> = mounts.map(|planned| planned.origin.as_str()).collect();
    let expected: Vec<String> = (0..7).map(|index| format!("mounts[{index}]")).collect();
    assert_eq!(origins, expected);
}

#[test]
fn writable_root() {
    assert_snapshot!(changes(|config| config["root"]["readonly"] = false.into()), @r"
      maskPath
    - root.readonly: readonlyRoot
      home
    ");
}

#[test]
fn absolute_root() {
    assert_snapshot!(changes(|config| config["root"]["path"] = "/srv/root".into()), @r"
      propagation
    - root.path: root path=/bundle/rootfs
    + root.path: root path=/srv/root
      mountFilesystem
    ");
}
