//! Containers in a user namespace, made by root.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use creel_probe::Try;
use nix::mount::MsFlags;
use serde_json::json;

use crate::harness::{Bundle, Config, needs_root, parse, rootless, runc_deviates, wait_until};

/// Ids 0 to 999 of the container are 100000 and on of the host.
fn mapped(c: &mut Config) {
    if rootless::is_rootless() {
        return;
    }
    c.push("/linux/namespaces", json!({"type": "user"}));
    map(c, json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]));
}

fn map(c: &mut Config, mappings: serde_json::Value) {
    c.set("/linux/uidMappings", mappings.clone());
    c.set("/linux/gidMappings", mappings);
}

/// Who root of the container is outside.
fn host_root() -> (u32, u32) {
    match rootless::is_rootless() {
        true => (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw()),
        false => (100_000, 100_000),
    }
}

/// A bundle that the mapped root can reach: it is nobody on the host.
fn bundle(name: &str) -> Bundle {
    let bundle = Bundle::new(name).config(mapped);
    bundle.reachable();
    bundle
}

#[test]
fn root_inside_is_a_mapped_user_outside() {
    let bundle = bundle("userns").sleeping();
    let report = bundle.exec_report(&[]);
    assert_eq!((report.ids.uid, report.ids.gid), ([0; 4], [0; 4]));
    let status = fs::read_to_string(format!("/proc/{}/status", bundle.pid())).expect("status");
    let (uid, gid) = host_root();
    assert!(status.contains(&format!("\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{status}");
    assert!(status.contains(&format!("\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n")), "{status}");
    let map = fs::read_to_string(format!("/proc/{}/uid_map", bundle.pid())).expect("uid_map");
    let words: Vec<&str> = map.split_whitespace().collect();
    let size = if rootless::is_rootless() { "1" } else { "1000" };
    assert_eq!(words[..3], ["0", &uid.to_string(), size]);
}

#[test]
fn ids_are_mapped_from_where_they_are_said_to_be() {
    needs_root!("it maps ids that are not the user's");
    let bundle = bundle("usernsmaps").config(|c| {
        let line = |container: u32, host: u32| json!({"containerID": container, "hostID": host, "size": 500});
        c.set("/linux/uidMappings", json!([line(500, 100_000), line(0, 100_500)]));
        c.set("/linux/gidMappings", json!([line(500, 200_000), line(0, 200_500)]));
    });
    let bundle = bundle.sleeping();
    for (file, first) in [("uid_map", 100_000), ("gid_map", 200_000)] {
        let map = fs::read_to_string(format!("/proc/{}/{file}", bundle.pid())).expect(file);
        let found: Vec<u32> =
            map.split_whitespace().map(|word| word.parse().expect("an id")).collect();
        assert_eq!(found, [500, first, 500, 0, first + 500, 500], "{file}");
    }
}

#[test]
fn an_exec_joins_the_user_namespace() {
    let bundle = bundle("usernsexec").sleeping();
    let own = fs::read_link(format!("/proc/{}/ns/user", bundle.pid())).expect("user");
    let report = bundle.exec_report(&["--user", "7:8"]);
    assert!(own.to_string_lossy().contains(&report.namespaces["user"].to_string()), "{own:?}");
    assert_eq!((report.ids.uid, report.ids.gid), ([7; 4], [8; 4]));
}

#[test]
fn capabilities_are_those_asked_for_and_nothing_is_inherited() {
    let bundle = bundle("usernscaps").config(|c| c.capabilities(&["CAP_CHOWN", "CAP_KILL"]));
    let capabilities = bundle.report().capabilities;
    assert_eq!(capabilities.effective.len(), 2, "{capabilities:?}");
    assert_eq!(capabilities.bounding.len(), 2, "{capabilities:?}");
    assert!(capabilities.inheritable.is_empty() && capabilities.ambient.is_empty());
}

#[test]
fn devices_are_bound_and_usable() {
    let mut bundle = bundle("usernsdev");
    let report = bundle.try_all(&["write:/dev/null", "read:/dev/null", "mknod:/dev/mine"]);
    assert!(matches!(&report[0], Try::Worked(_)), "{report:?}");
    assert!(matches!(&report[1], Try::Worked(_)), "{report:?}");
    assert!(matches!(&report[2], Try::Failed(_)), "a device could be made: {report:?}");
}

/// Only the host's own devices can be bound there: what has the name of one must be that one.
#[test]
fn what_is_not_the_device_is_not_bound_in_its_place() {
    runc_deviates!("it binds whatever is there");
    let bundle = bundle("usernsnodevice");
    let directory = bundle.outside("device");
    let directory = directory.to_str().expect("UTF-8");
    for (path, number) in [(directory, 3), ("/dev/null", 5)] {
        let device = json!([{"path": path, "type": "c", "major": 1, "minor": number}]);
        let bundle = Bundle::new("usernsnodevice").config(mapped);
        let bundle = bundle.config(|c| c.set("/linux/devices", device));
        bundle.reachable();
        bundle.run().refused(&["linux.devices[0]", path, "is bound"]);
        bundle.assert_nothing_left();
    }
}

#[test]
fn limits_hold_although_the_container_may_not_raise_them() {
    let limits = json!([{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 300}]);
    let bundle = bundle("usernslimits").config(|c| c.set("/process/rlimits", limits));
    let bundle = bundle.sleeping();
    assert_eq!(bundle.exec_report(&[]).rlimits["RLIMIT_NOFILE"], (Some(200), Some(300)));
    let limits = fs::read_to_string(format!("/proc/{}/limits", bundle.pid())).expect("limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("NOFILE");
    assert!(line.contains("200") && line.contains("300"), "{line}");
}

#[test]
fn a_score_for_the_oom_killer_is_set() {
    let bundle = bundle("usernsoom").config(|c| c.set("/process/oomScoreAdj", 222));
    assert_eq!(bundle.report().oom_score_adj, 222);
}

#[test]
fn the_user_namespace_of_another_container_is_joined_with_new_other_ones() {
    let first = bundle("usernsowner").sleeping();
    let path = format!("/proc/{}/ns/user", first.pid());
    let second = bundle("usernsguest").config(|c| {
        c.without_namespace("user");
        c.push("/linux/namespaces", json!({"type": "user", "path": path}));
    });
    let report = second.report();
    let own = fs::read_link(&path).expect("user");
    assert!(own.to_string_lossy().contains(&report.namespaces["user"].to_string()), "{own:?}");
    assert_eq!(report.pid, 1, "its pid namespace is its own");
    assert_eq!(report.ids.uid, [0; 4]);
}

/// What the host has forbidden for its mount may not be allowed again in a user namespace, and nobody asks for it.
#[test]
fn a_read_only_bind_keeps_the_flags_that_are_locked() {
    needs_root!("it mounts something on the host");
    let mut bundle = bundle("usernslocked").dir("m");
    let source = bundle.outside("restricted");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
    bundle.mount_tmpfs(&source, flags, "size=64k,mode=755");
    let bundle = bundle.config(|c| c.bind(source.to_str().expect("UTF-8"), "/m", &["ro"]));
    let report = bundle.report();
    let mount = report.mount("/m").expect("a mount");
    for option in ["ro", "nosuid", "nodev", "noexec", "noatime"] {
        assert!(mount.has(option), "no {option} in {:?}", mount.options);
    }
}

/// Nobody inside may ask for more than others get; who makes the container may.
#[test]
fn priorities_are_given_from_outside() {
    needs_root!("they take CAP_SYS_NICE outside");
    runc_deviates!("schedulers came with 1.2");
    let bundle = bundle("usernspriority").busybox().config(|c| {
        c.set("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": -7}));
        c.set("/process/ioPriority", json!({"class": "IOPRIO_CLASS_RT", "priority": 3}));
    });
    let bundle = bundle.sleeping();
    let exec = |words: &[&str]| bundle.cmd(&[&["exec", &bundle.id], words].concat()).ok().stdout();
    let nice = |stat: &str| {
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(16).map(str::to_owned))
    };
    let pid = bundle.pid().to_string();
    let own = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    for stat in [own, exec(&["/bin/cat", "/proc/self/stat"])] {
        assert_eq!(nice(&stat).as_deref(), Some("-7"), "{stat}");
    }
    let own = bundle.plain(&["/bin/busybox", "ionice", "-p", &pid]).ok().stdout();
    for io in [own, exec(&["/bin/ionice"])] {
        assert!(io.starts_with("realtime: prio 3"), "{io}");
    }
}

/// Root in the container has no rights over what an unmapped user owns; the container's user has, by its group.
#[test]
fn a_cwd_that_only_the_user_may_enter() {
    needs_root!("it gives files to another user's id");
    let bundle = bundle("usernscwd").dir("private").config(|c| {
        c.set("/process/user", json!({"uid": 500, "gid": 500}));
        c.set("/process/cwd", "/private");
    });
    let cwd = bundle.rootfs("private");
    std::os::unix::fs::chown(&cwd, Some(5), Some(100_500)).expect("chown");
    fs::set_permissions(&cwd, fs::Permissions::from_mode(0o710)).expect("chmod");
    assert_eq!(bundle.report().cwd, "/private");
}

#[test]
fn a_process_in_the_middle_of_a_map_without_root() {
    needs_root!("it gives files to another user's id");
    runc_deviates!("it cannot make a container without a root in its map");
    let bundle = bundle("usernsnoroot").config(|c| {
        map(c, json!([{"containerID": 500, "hostID": 100_500, "size": 10}]));
        // devpts and tmpfs belong to root and to group 5, whom this map does not have.
        c.set("/mounts", json!([{"destination": "/proc", "type": "proc", "source": "proc"}]));
        c.set("/process/user", json!({"uid": 500, "gid": 500}));
        for pointer in ["/linux/maskedPaths", "/linux/readonlyPaths"] {
            c.remove(pointer);
        }
    });
    for dir in ["dev", "proc"] {
        let path = bundle.rootfs(dir);
        fs::create_dir_all(&path).expect("mkdir");
        std::os::unix::fs::chown(&path, Some(100_500), Some(100_500)).expect("chown");
    }
    let report = bundle.report();
    assert_eq!((report.ids.uid, report.ids.gid), ([500; 4], [500; 4]));
}

/// What the container's root is may not reach it on the host; whoever made the container may.
#[test]
fn a_source_that_the_containers_root_cannot_reach_is_bound() {
    needs_root!("a user reaches no more than his container's root does");
    let bundle = bundle("usernssource").dir("m");
    let private = bundle.outside("private");
    fs::create_dir(private.join("data")).expect("mkdir");
    fs::write(private.join("data/file"), "text").expect("file");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).expect("chmod");
    let source = private.join("data");
    let mut bundle = bundle.config(|c| c.bind(source.to_str().expect("UTF-8"), "/m", &["ro"]));
    let tries = bundle.try_all(&["read:/m/file", "make:/m/new"]);
    assert!(matches!(&tries[0], Try::Worked(text) if text == "text"), "{tries:?}");
    assert!(matches!(&tries[1], Try::Failed(error) if error == "EROFS"), "{tries:?}");
}

/// Each bind has a mount of its own, with its own options.
#[test]
fn a_source_that_only_its_maker_reaches_is_bound_twice() {
    needs_root!("a user reaches no more than his container's root does");
    let bundle = bundle("usernstwice").dir("x").dir("y");
    let private = bundle.outside("private");
    let source = private.join("data");
    fs::create_dir(&source).expect("mkdir");
    fs::write(source.join("file"), "text").expect("file");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o777)).expect("chmod");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).expect("chmod");
    let source = source.to_str().expect("UTF-8");
    let mut bundle = bundle.config(|c| {
        c.bind(source, "/x", &["ro"]);
        c.bind(source, "/y", &["rw"]);
    });
    let tries = bundle.try_all(&["read:/x/file", "read:/y/file", "make:/x/new", "make:/y/new"]);
    for shown in &tries[..2] {
        assert!(matches!(shown, Try::Worked(text) if text == "text"), "{tries:?}");
    }
    assert!(matches!(&tries[2], Try::Failed(error) if error == "EROFS"), "{tries:?}");
    assert!(matches!(&tries[3], Try::Worked(_)), "{tries:?}");
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let bundle = bundle("usernsnosource").config(|c| c.bind("/nonesuch", "/m", &[]));
    bundle.on_bundle("create", &[]).output().refused(&["mounts[7]", "/nonesuch"]);
    bundle.assert_nothing_left();
}

/// They belong to the host's user namespace, so they have to be joined before there is another.
#[test]
fn a_new_user_namespace_with_namespaces_that_are_joined() {
    needs_root!("a user may join only what belongs to a user namespace of his");
    let first = Bundle::new("usernshost").sleeping();
    let of = |name: &str| format!("/proc/{}/ns/{name}", first.pid());
    for (kind, name) in [("network", "net"), ("pid", "pid"), ("ipc", "ipc")] {
        let second = bundle("usernsjoins").config(|c| {
            c.join_namespace(kind, &of(name));
            if kind == "pid" {
                // A procfs belongs to the user namespace of its pid namespace.
                c.without_mount("/proc");
                c.bind("/proc", "/proc", &["rbind"]);
            }
            if kind == "ipc" {
                c.without_mount("/dev/mqueue");
            }
        });
        let report = second.report();
        let joined = fs::read_link(of(name)).expect(name);
        let expected = report.namespaces[name].to_string();
        assert!(joined.to_string_lossy().contains(&expected), "{kind}: {joined:?}");
        let user = fs::read_link("/proc/self/ns/user").expect("user");
        assert!(!user.to_string_lossy().contains(&report.namespaces["user"].to_string()));
        assert_eq!(report.ids.uid, [0; 4]);
        assert_eq!(report.pid == 1, kind != "pid");
        second.assert_nothing_left();
    }
}

/// containerd and CRI-O give the path of a user namespace and its mappings too.
#[test]
fn a_joined_user_namespace_may_come_with_its_mappings() {
    let first = bundle("usernsmaps").sleeping();
    let path = format!("/proc/{}/ns/user", first.pid());
    let second = bundle("usernssame").config(|c| {
        c.without_namespace("user");
        c.push("/linux/namespaces", json!({"type": "user", "path": path}));
    });
    assert!(second.config.0["linux"]["uidMappings"].is_array());
    assert_eq!(second.report().ids.uid, [0; 4]);
}

#[test]
fn a_score_and_limits_come_with_joined_namespaces_too() {
    let first = bundle("usernslimited").sleeping();
    let path = format!("/proc/{}/ns/user", first.pid());
    let second = bundle("usernslimits2").config(|c| {
        c.without_namespace("user");
        c.push("/linux/namespaces", json!({"type": "user", "path": path}));
        c.set("/process/oomScoreAdj", 333);
        c.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 300}]));
    });
    let report = second.report();
    assert_eq!(report.oom_score_adj, 333);
    assert_eq!(report.rlimits["RLIMIT_NOFILE"], (Some(200), Some(300)));
}

/// Such a namespace is what a user without ranges makes; whatever joins it cannot give up a group any more.
#[test]
fn the_groups_of_root_stay_out_where_setgroups_is_denied() {
    runc_deviates!("the caller's groups come along");
    needs_root!("others have no groups to give up");
    let first = Bundle::new("usernsnogroups");
    let maker = ["unshare", "--user", "--map-root-user", "--setgroups", "deny", "sleep", "600"];
    let holder = first.plain(&maker).spawn();
    let of_holder = |name: &str| format!("/proc/{}/{name}", holder.pid());
    wait_until("the namespace is there", || {
        let mapped = fs::read_to_string(of_holder("gid_map")).is_ok_and(|map| map.contains(" 1\n"));
        mapped && fs::read_to_string(of_holder("setgroups")).is_ok_and(|text| text == "deny\n")
    });
    let guest = |name: &str| {
        Bundle::new(name).config(|c| {
            c.join_namespace("user", &of_holder("ns/user"));
            c.without_mount("/dev/pts");
            c.mount("devpts", "/dev/pts", "devpts", &["newinstance", "ptmxmode=0666"]);
        })
    };
    let with_groups = ["setpriv", "--groups", "4321,5432"];

    let run = guest("usernsrungroups");
    let report =
        parse(&run.wrapped(&with_groups, &["run", "-b", &run.bundle_path(), &run.id]).ok());
    assert_eq!((report.ids.uid, report.ids.groups), ([0; 4], Vec::new()));

    let entered = guest("usernsexecgroups").sleeping();
    let words = ["exec", &entered.id, "/bin/probe", "report"];
    let report = parse(&entered.wrapped(&with_groups, &words).ok());
    assert_eq!((report.ids.uid, report.ids.groups), ([0; 4], Vec::new()));
}
