//! Mounts: the default ones, tmpfs, and options that have to show.

use std::fs;

use creel_probe::{Mount, Try};
use serde_json::json;

use crate::harness::{Bundle, is_runc, needs_cgroup, rootless, runc_deviates};

/// The mount at /m, of a container in which a file system was mounted with these options.
#[track_caller]
fn tmpfs_with(options: &[&str]) -> Mount {
    let bundle = Bundle::new("tmpfs").config(|c| c.mount("tmpfs", "/m", "tmpfs", options));
    bundle.report().mount("/m").expect("/m is mounted").clone()
}

#[test]
fn default_mounts_are_there_with_their_options() {
    let report = Bundle::new("default").report();
    for (target, fstype, options) in [
        ("/proc", "proc", &["rw"][..]),
        ("/dev", "tmpfs", &["rw", "nosuid"]),
        ("/dev/pts", "devpts", &["rw", "nosuid", "noexec"]),
        ("/dev/shm", "tmpfs", &["rw", "nosuid", "nodev", "noexec"]),
        ("/dev/mqueue", "mqueue", &["rw", "nosuid", "nodev", "noexec"]),
        ("/sys", "sysfs", &["ro", "nosuid", "nodev", "noexec"]),
    ] {
        let mount = report.mount(target).unwrap_or_else(|| panic!("no mount at {target}"));
        assert_eq!(mount.fstype, fstype, "{target}");
        for option in options {
            assert!(mount.has(option), "{target} has no {option}: {:?}", mount.options);
        }
    }
    let devpts = report.mount("/dev/pts").expect("devpts");
    let gid = format!("gid={}", rootless::host_gid(5));
    for option in [gid.as_str(), "mode=620", "ptmxmode=666"] {
        assert!(devpts.super_has(option), "devpts has no {option}: {:?}", devpts.super_options);
    }
}

#[test]
fn nothing_of_the_host_stays_mounted() {
    let bundle = Bundle::new("old");
    let report = bundle.report();
    let root = report.mount("/").expect("a root");
    assert!(root.root.ends_with(&format!("{}/bundle/rootfs", bundle.id)), "{root:?}");
    assert_eq!(report.mounts.iter().filter(|m| m.target == "/").count(), 1);
    let known = ["/proc", "/dev", "/sys"];
    for mount in report.mounts.iter().filter(|m| m.target != "/") {
        let target = &mount.target;
        assert!(known.iter().any(|k| target.starts_with(k)), "unexpected mount {mount:?}");
    }
}

#[test]
fn mounts_are_made_in_their_order() {
    let bundle = Bundle::new("order").config(|c| {
        c.mount("one", "/m", "tmpfs", &[]);
        c.mount("two", "/m/below", "tmpfs", &[]);
        c.mount("three", "/m/below", "tmpfs", &[]);
    });
    let mounts = bundle.report().mounts;
    let sources: Vec<&str> =
        mounts.iter().filter(|m| m.target.starts_with("/m")).map(|m| m.source.as_str()).collect();
    assert_eq!(sources, ["one", "two", "three"]);
}

#[test]
fn tmpfs_takes_size_and_mode() {
    let mount = tmpfs_with(&["size=64k", "mode=1750", "nr_inodes=100"]);
    for option in ["size=64k", "mode=1750", "nr_inodes=100"] {
        assert!(mount.super_has(option), "no {option} in {:?}", mount.super_options);
    }
}

#[test]
fn flags_apply() {
    let mount = tmpfs_with(&["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime"]);
    for option in ["ro", "nosuid", "nodev", "noexec", "noatime"] {
        assert!(mount.has(option), "no {option} in {:?}", mount.options);
    }
}

#[test]
fn without_options_there_are_no_restrictions() {
    let mount = tmpfs_with(&[]);
    assert!(mount.has("rw"));
    for option in ["nosuid", "nodev", "noexec"] {
        assert!(!mount.has(option), "{option} in {:?}", mount.options);
    }
}

#[test]
fn a_later_option_takes_back_an_earlier_one() {
    let mount = tmpfs_with(&[
        "ro", "nosuid", "nodev", "noexec", "noatime", "rw", "suid", "dev", "exec", "atime",
    ]);
    assert!(mount.has("rw"));
    for option in ["nosuid", "nodev", "noexec", "noatime"] {
        assert!(!mount.has(option), "{option} in {:?}", mount.options);
    }
}

#[test]
fn access_time_modes() {
    assert!(tmpfs_with(&["relatime"]).has("relatime"));
    assert!(tmpfs_with(&["noatime"]).has("noatime"));
    let strict = tmpfs_with(&["strictatime"]);
    assert!(!strict.has("relatime") && !strict.has("noatime"), "{:?}", strict.options);
}

#[test]
fn defaults_is_an_option_without_effect() {
    runc_deviates!("it hands `defaults` to the file system");
    assert!(tmpfs_with(&["defaults", "size=64k"]).super_has("size=64k"));
}

#[test]
fn an_unknown_option_goes_to_the_file_system_which_refuses_it() {
    let bundle = Bundle::new("unknown").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["nonesuch=1"]);
    });
    bundle.run().refused(&["/m", "nonesuch"]);
    bundle.assert_nothing_left();
}

#[test]
fn an_unknown_file_system_is_refused() {
    let bundle = Bundle::new("badfs").config(|c| c.mount("x", "/m", "nonesuchfs", &[]));
    bundle.run().refused(&["nonesuchfs", "/m"]);
    bundle.assert_nothing_left();
}

#[test]
fn tmpfs_takes_the_mode_of_an_existing_target() {
    let mut bundle = Bundle::new("keepmode").dir("open").config(|c| {
        c.mount("tmpfs", "/open", "tmpfs", &[]);
    });
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1733);
    std::fs::set_permissions(bundle.rootfs("open"), mode).expect("chmod");
    let Try::Node(node) = bundle.try_inside("stat:/open") else { panic!("no /open") };
    assert_eq!(node.mode, 0o1733);
}

/// Podman's pods have a read-only /dev, with a read-only root.
#[test]
fn a_read_only_tmpfs_has_what_is_mounted_and_made_in_it() {
    let mut bundle = Bundle::new("rodev").config(|c| {
        c.set("/root/readonly", json!(true));
        c.set("/mounts/1/options", json!(["nosuid", "strictatime", "mode=755", "ro"]));
        c.mount("tmpfs", "/a", "tmpfs", &["ro"]);
        c.mount("tmpfs", "/a/b/c", "tmpfs", &[]);
    });
    let report = bundle.report();
    for target in ["/dev", "/a"] {
        let mount = report.mount(target).expect(target);
        assert!(mount.has("ro"), "{mount:?}");
    }
    for target in ["/dev/pts", "/a/b/c"] {
        let mount = report.mount(target).expect(target);
        assert!(mount.has("rw"), "{mount:?}");
    }
    let tries = bundle.try_all(&["read:/dev/null", "make:/dev/x", "make:/a/x", "make:/a/b/c/x"]);
    assert!(
        matches!(tries[..], [Try::Worked(_), Try::Failed(_), Try::Failed(_), Try::Worked(_)]),
        "{tries:?}"
    );
}

/// What `docker run --tmpfs /new` makes has to be writable by every user.
#[test]
fn tmpfs_on_a_target_that_was_missing_is_open_to_all() {
    let mut bundle = Bundle::new("newmode").config(|c| c.mount("tmpfs", "/new", "tmpfs", &[]));
    let Try::Node(node) = bundle.try_inside("stat:/new") else { panic!("no /new") };
    assert_eq!(node.mode, 0o1777);
}

#[test]
fn tmpcopyup_fills_the_tmpfs_with_what_was_there() {
    let mut bundle = Bundle::new("copyup").file("data/sub/file", "from the image\n").config(|c| {
        c.mount("tmpfs", "/data", "tmpfs", &["tmpcopyup"]);
    });
    let tries = bundle.try_all(&["read:/data/sub/file", "make:/data/new"]);
    assert_eq!(tries, ["from the image\n", ""].map(|t| Try::Worked(t.to_owned())));
    assert!(!bundle.rootfs("data/new").exists());
}

#[test]
fn a_target_that_is_missing_is_made() {
    let bundle = Bundle::new("target").config(|c| c.mount("tmpfs", "/not/yet/there", "tmpfs", &[]));
    assert!(bundle.report().mount("/not/yet/there").is_some());
}

#[test]
fn a_relative_target_starts_at_the_root() {
    let bundle = Bundle::new("reltarget").config(|c| c.mount("tmpfs", "some/where", "tmpfs", &[]));
    assert!(bundle.report().mount("/some/where").is_some());
}

#[test]
fn a_target_with_dots_stays_inside() {
    let bundle = Bundle::new("dots").config(|c| {
        c.mount("tmpfs", "/a/../../../b", "tmpfs", &[]);
    });
    assert!(bundle.report().mount("/b").is_some());
}

#[test]
fn an_mqueue_and_a_shm_work() {
    let mut bundle = Bundle::new("write");
    let tries = bundle.try_all(&["make:/dev/shm/x", "make:/dev/mqueue/x", "make:/sys/x"]);
    assert_eq!(tries[..2], ["", ""].map(|t| Try::Worked(t.to_owned())));
    assert!(matches!(tries[2], Try::Failed(_)));
}

#[test]
fn a_cgroup_mount_shows_the_containers_cgroups_read_only() {
    needs_cgroup!();
    let mut bundle = Bundle::new("cgroupfs");
    let Try::Worked(hierarchies) = bundle.try_inside("read:/sys/fs/cgroup") else {
        panic!("no cgroup mount")
    };
    let report = bundle.report();
    let mounts: Vec<&Mount> =
        report.mounts.iter().filter(|m| m.target.starts_with("/sys/fs/cgroup")).collect();
    assert!(!mounts.is_empty() && !hierarchies.is_empty());
    for mount in mounts.iter().filter(|m| m.fstype.starts_with("cgroup") || !is_runc()) {
        assert!(mount.has("ro"), "{} is writable", mount.target);
    }
    if crate::harness::cgroup::is_v2() {
        assert_eq!(mounts[0].fstype, "cgroup2");
    } else {
        assert!(hierarchies.lines().any(|h| h == "memory"), "{hierarchies}");
        let memory = report.mount("/sys/fs/cgroup/memory").expect("the memory hierarchy");
        assert!(memory.root.ends_with(&bundle.id), "not the container's own: {memory:?}");
    }
}

#[test]
fn type_and_source_may_be_missing_for_a_tmpfs() {
    let bundle = Bundle::new("nosource").config(|c| {
        c.push("/mounts", json!({"destination": "/m", "type": "tmpfs"}));
    });
    assert_eq!(bundle.report().mount("/m").expect("/m").fstype, "tmpfs");
}

/// What is mounted over the root is the root: later mounts lie in it, and read-only paths too.
#[test]
fn a_mount_over_the_root_is_the_root() {
    runc_deviates!("it loses the options of that mount");
    let bundle = Bundle::new("overroot");
    let other = bundle.outside("other");
    for place in ["bin", "proc", "dev", "sys"] {
        fs::create_dir(other.join(place)).expect("directory");
    }
    fs::copy(bundle.rootfs("bin/probe"), other.join("bin/probe")).expect("the probe");
    let bundle = bundle.config(|c| {
        let mounts = c.0["mounts"].as_array_mut().expect("an array");
        let over = json!({"source": other, "destination": "/", "options": ["bind", "nodev"]});
        mounts.insert(0, over);
    });
    let report = bundle.report();
    let root = report.mount("/").expect("a root");
    assert!(root.root.ends_with("/other"), "{root:?}");
    assert!(root.has("nodev") && root.has("ro"), "{root:?}");
    assert_eq!(report.mounts.iter().filter(|m| m.target == "/").count(), 1);
    assert!(report.mount("/proc/sys").expect("/proc/sys").has("ro"));
}
