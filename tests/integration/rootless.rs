//! Containers that a user makes: ids, groups, mounts and cgroups that are not his to have, and what is said then.

use std::fs;
use std::os::unix::fs::MetadataExt;

use creel_probe::Try;
use serde_json::json;

use crate::harness::rootless::{has_ranges, is_rootless};
use crate::harness::{
    Bundle, Config, cgroup, driver, needs_cgroup, orphans_reap, parse, process_exists,
    runc_deviates, runtime, skip, unless, wait_until,
};

/// The reason why root runs none of these.
const AS_USER: &str = "this is root: hack/test's part integration-rootless runs it";

/// The user alone, as `spec --rootless` maps him.
fn single(c: &mut Config) {
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    c.set("/linux/uidMappings", json!([{"containerID": 0, "hostID": uid, "size": 1}]));
    c.set("/linux/gidMappings", json!([{"containerID": 0, "hostID": gid, "size": 1}]));
    without_groups_of_others(c);
}

/// Group 5 is nobody there.
fn without_groups_of_others(c: &mut Config) {
    c.without_mount("/dev/pts");
    c.mount("devpts", "/dev/pts", "devpts", &["newinstance", "ptmxmode=0666", "mode=0620"]);
}

#[test]
fn a_user_maps_his_own_id_without_helpers() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("single").config(single).config(|c| {
        c.probe(&["report", "read:/proc/self/setgroups"]);
    });
    let run = bundle
        .wrapped(&["env", "PATH=/nonexistent"], &["run", "-b", &bundle.bundle_path(), &bundle.id]);
    let mut report = parse(&run.ok());
    assert_eq!((report.ids.uid, report.ids.gid), ([0; 4], [0; 4]));
    let setgroups = report.tries.remove("read:/proc/self/setgroups");
    assert_eq!(setgroups, Some(Try::Worked("deny\n".to_owned())));
}

#[test]
fn an_exec_of_a_user_who_may_set_no_groups() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("singleexec").config(single).sleeping();
    assert_eq!(bundle.exec_report(&[]).ids.uid, [0; 4]);
    let words = ["exec", "--additional-gids", "0", &bundle.id, "/bin/probe", "exit", "0"];
    let refused = bundle.cmd(&words).output();
    assert_eq!(refused.code(), 255);
    assert!(refused.stderr().contains("additionalGids"), "{}", refused.stderr());
}

#[test]
fn groups_that_a_user_may_not_set_are_refused() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("singlegroups").config(single).config(|c| {
        c.set("/process/user", json!({"uid": 0, "gid": 0, "additionalGids": [0]}));
    });
    let output = bundle.on_bundle("create", &[]).output();
    output.refused(&["process.user.additionalGids", "setgroups", "/etc/subgid"]);
    bundle.assert_nothing_left();
}

#[test]
fn with_ranges_a_container_has_users_and_groups() {
    runc_deviates!("a user's containers have no additional groups");
    unless!(is_rootless(), "{AS_USER}");
    unless!(has_ranges(), "no ranges in /etc/subuid and /etc/subgid");
    let bundle = Bundle::new("ranges").config(|c| {
        c.set("/process/user", json!({"uid": 1000, "gid": 100, "additionalGids": [5, 65_534]}));
    });
    let ids = bundle.report().ids;
    assert_eq!((ids.uid, ids.gid, ids.groups), ([1000; 4], [100; 4], vec![5, 65_534]));
}

#[test]
fn a_helper_that_is_missing_is_named() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("nohelper");
    let words = ["create", "-b", &bundle.bundle_path(), &bundle.id];
    let output = bundle.wrapped(&["env", "PATH=/nonexistent"], &words).output();
    output.refused(&["linux.uidMappings", "newuidmap", "PATH", "uidmap"]);
    bundle.assert_nothing_left();
}

#[test]
fn ids_outside_of_the_ranges_are_refused() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("badrange").config(|c| {
        c.set("/linux/uidMappings", json!([{"containerID": 0, "hostID": 5, "size": 10}]));
    });
    let output = bundle.on_bundle("create", &[]).output();
    output.refused(&["linux.uidMappings", "newuidmap", "/etc/subuid", "--add-subuids"]);
    bundle.assert_nothing_left();
}

#[test]
fn ids_that_nobody_has_are_named() {
    for (name, words, change) in [
        (
            "uid",
            ["process.user.uid", "70000", "linux.uidMappings"],
            ("/process/user/uid", json!(70_000)),
        ),
        (
            "gid",
            ["process.user.gid", "70000", "linux.gidMappings"],
            ("/process/user/gid", json!(70_000)),
        ),
        (
            "mount",
            ["mounts[0].options", "70000", "linux.gidMappings"],
            (
                "/mounts",
                json!([
                    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "gid=70000"]},
                ]),
            ),
        ),
    ] {
        let bundle = Bundle::new(name).config(|c| {
            if !is_rootless() {
                c.push("/linux/namespaces", json!({"type": "user"}));
                let some = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
                c.set("/linux/uidMappings", some.clone());
                c.set("/linux/gidMappings", some);
            }
            c.set(change.0, change.1);
        });
        bundle.on_bundle("create", &[]).output().refused(&words);
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_user_needs_a_user_namespace() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("nouserns").config(|c| {
        c.without_namespace("user");
        c.remove("/linux/uidMappings");
        c.remove("/linux/gidMappings");
    });
    let output = bundle.on_bundle("create", &[]).output();
    output.refused(&["user namespace", "spec --rootless"]);
    bundle.assert_nothing_left();
}

/// sysfs belongs to who owns the network namespace. The host's is shown instead, and nothing of it can be written to.
#[test]
fn with_the_hosts_network_sysfs_is_the_hosts_and_read_only() {
    unless!(is_rootless(), "{AS_USER}");
    runc_deviates!("it has no way to a sysfs then");
    let bundle = Bundle::new("sysfs").config(|c| {
        c.without_namespace("network");
        c.without_mount("/sys/fs/cgroup");
        c.without_mount("/sys");
        c.mount("sysfs", "/sys", "sysfs", &["nosuid", "noexec", "nodev"]);
    });
    let report = bundle.report();
    let below: Vec<_> = report.mounts.iter().filter(|m| m.target.starts_with("/sys")).collect();
    assert!(below.iter().any(|mount| mount.target == "/sys" && mount.fstype == "sysfs"));
    for mount in below.iter().filter(|mount| mount.target != "/sys/firmware") {
        assert!(mount.has("ro"), "{} can be written to: {:?}", mount.target, mount.options);
    }
}

/// CVE-2023-25809: `/sys` is bound with what is mounted in it, and only itself is read-only. The user may write to the
/// cgroups that are delegated to him, his container may not.
#[test]
fn the_users_own_cgroups_cannot_be_written_to() {
    unless!(is_rootless(), "{AS_USER}");
    for cgroup_namespace in [false, true] {
        let mut bundle = Bundle::new("cgroupro").config(|c| {
            c.without_mount("/sys");
            c.without_mount("/sys/fs/cgroup");
            c.mount("/sys", "/sys", "none", &["rbind", "nosuid", "noexec", "nodev", "ro"]);
            c.mount("cgroup", "/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "ro"]);
            if cgroup_namespace {
                c.push("/linux/namespaces", json!({"type": "cgroup"}));
            }
        });
        assert_cgroups_are_read_only(&mut bundle);
    }
}

/// Whatever its options say: what a container without a cgroup sees are the cgroups of its user.
#[test]
fn a_cgroup_mount_without_a_cgroup_is_read_only() {
    unless!(is_rootless(), "{AS_USER}");
    unless!(!cgroup::may_be_made(), "the container has a cgroup of its own here");
    let mut bundle = Bundle::new("cgrouprw").config(|c| {
        c.without_mount("/sys/fs/cgroup");
        c.mount("cgroup", "/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "rw"]);
    });
    assert_cgroups_are_read_only(&mut bundle);
}

#[track_caller]
fn assert_cgroups_are_read_only(bundle: &mut Bundle) {
    let own = cgroup::parent();
    let beside = own.rsplit_once('/').expect("a path").0.to_owned();
    let mut words = vec![format!("mkdir:/sys/fs/cgroup{beside}/creel-hole")];
    words.push("mkdir:/sys/fs/cgroup/creel-hole".to_owned());
    for hierarchy in cgroup::hierarchies() {
        words.push(format!("mkdir:{}/creel-hole", hierarchy.display()));
        words.push(format!("write:{}/cgroup.procs", hierarchy.display()));
    }
    words.sort();
    words.dedup();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    for (word, tried) in words.iter().zip(bundle.try_all(&words)) {
        let Try::Failed(errno) = tried else { panic!("{word} worked") };
        assert!(["EROFS", "EACCES", "ENOENT"].contains(&errno.as_str()), "{word}: {errno}");
    }
}

#[test]
fn a_limit_without_a_cgroup_to_hold_it_is_an_error() {
    unless!(is_rootless(), "{AS_USER}");
    unless!(!cgroup::may_be_made(), "limits can be had here");
    let bundle =
        Bundle::new("nolimit").config(|c| c.set("/linux/resources/pids", json!({"limit": 5})));
    let output = bundle.on_bundle("create", &[]).output();
    // The texts are those for cgroup2, or of the hierarchy.
    output.refused(&["linux.resources.pids.limit"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_cgroup_that_is_named_has_to_be_had() {
    unless!(is_rootless(), "{AS_USER}");
    unless!(!driver::is_systemd(), "systemd makes the cgroups");
    let bundle = Bundle::new("named").config(|c| c.set("/linux/cgroupsPath", "/creel-not-mine/x"));
    let output = bundle.on_bundle("create", &[]).output();
    output.refused(&["make cgroup", "creel-not-mine", "linux.cgroupsPath", "delegated"]);
    bundle.assert_nothing_left();
}

#[test]
fn rootless_says_whether_cgroups_are_done_without() {
    let bundle = Bundle::new("flag").config(|c| c.probe(&["exit", "6"]));
    let run = |rootless: &str| {
        let path = bundle.bundle_path();
        bundle.cmd(&["--rootless", rootless, "run", "-b", &path, &bundle.id]).output()
    };
    run("auto").exits(6);
    run("true").exits(6);
    match (is_rootless(), cgroup::may_be_made()) {
        (false, _) => run("false").exits(6),
        (true, true) => run("false").refused(&["device filter", "operation not permitted"]),
        (true, false) => run("false").refused(&["make cgroup", "permission denied"]),
    };
    run("perhaps").refused(&["rootless", "perhaps", "true, false or auto"]);
}

#[test]
fn without_a_cgroup_what_needs_none_works_and_the_rest_says_so() {
    unless!(is_rootless(), "{AS_USER}");
    unless!(!cgroup::may_be_made(), "the container has a cgroup of its own here");
    runc_deviates!("ps fails, and events has nothing but zeros");
    let bundle = Bundle::new("nocgroup").config(|c| c.probe(&["spawn", "sleep", "600"]));
    bundle.create_and_start();
    wait_until("both processes", || bundle.processes().len() == 2);
    let listed = bundle.cmd(&["ps", "--format", "json", &bundle.id]).ok().stdout();
    let listed: Vec<u32> = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed, bundle.processes());
    for words in [&["pause"][..], &["events", "--stats"], &["update", "--pids-limit", "5"]] {
        let output = bundle.cmd(&[words, &[&bundle.id]].concat()).output();
        output.refused(&["no cgroup of its own", "Delegate=yes"]);
    }
    bundle
        .cmd(&["exec", "--cgroup", "sub", &bundle.id, "/bin/probe", "exit", "0"])
        .output()
        .exits(255);
    assert_eq!(bundle.status(), "running");
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
    wait_until("their end", || {
        orphans_reap();
        !listed.iter().any(|pid| process_exists(*pid))
    });
    bundle.delete();
    bundle.assert_nothing_left();
}

#[test]
fn a_score_may_be_raised_but_not_lowered() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("lowscore").config(|c| c.set("/process/oomScoreAdj", -900));
    bundle.run().refused(&["process.oomScoreAdj: -900", "CAP_SYS_RESOURCE"]);
    bundle.assert_nothing_left();
    let own: i32 = own_score();
    let bundle = Bundle::new("highscore").config(|c| c.set("/process/oomScoreAdj", own + 50));
    let bundle = bundle.sleeping();
    assert_eq!(bundle.exec_report(&[]).oom_score_adj, own + 50, "an exec has it too");
}

fn own_score() -> i32 {
    let text = fs::read_to_string("/proc/self/oom_score_adj").expect("oom_score_adj");
    text.trim().parse().expect("a number")
}

#[test]
fn a_limit_above_ones_own_is_refused() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("rlimit").config(|c| {
        let all = json!([{"type": "RLIMIT_NOFILE", "soft": 4_000_000_000_u64, "hard": 4_000_000_000_u64}]);
        c.set("/process/rlimits", all);
    });
    bundle.on_bundle("create", &[]).output().refused(&["process.rlimits[0]", "CAP_SYS_RESOURCE"]);
    bundle.assert_nothing_left();
}

/// For root of a user namespace: the container has none of its own.
fn nested(name: &str) -> Bundle {
    Bundle::new(name).config(|c| {
        c.without_namespace("user");
        without_groups_of_others(c);
        for pointer in ["/linux/uidMappings", "/linux/gidMappings"] {
            if is_rootless() {
                c.remove(pointer);
            }
        }
        c.set("/linux/resources", json!({"devices": [{"allow": false, "access": "rwm"}]}));
        c.set("/linux/cgroupsPath", "");
        c.probe(&["report", "write:/dev/null", "read:/dev/urandom"]);
    })
}

/// As an engine in a user namespace of its own calls: root there, and the container without one.
#[test]
fn root_of_a_user_namespace_makes_containers_in_it() {
    runc_deviates!("it wants no sysfs without a network of its own");
    let bundle = nested("nested");
    let words = ["run", "-b", &bundle.bundle_path(), &bundle.id];
    let run = bundle.wrapped(&["unshare", "--user", "--map-root-user"], &words);
    let report = parse(&run.ok());
    assert_eq!((report.ids.uid, report.pid), ([0; 4], 1));
    assert!(
        report.tries.values().all(|tried| matches!(tried, Try::Worked(_))),
        "{:?}",
        report.tries
    );
    let outside = fs::metadata("/proc/self/ns/user").expect("a namespace").ino();
    assert_ne!(report.namespaces["user"], outside);
}

/// Its devices are the host's, bound, with or without a cgroup.
#[test]
fn root_of_a_user_namespace_makes_containers_without_a_cgroup() {
    unless!(!driver::is_systemd(), "--systemd-cgroup asks for another manager");
    runc_deviates!("there is no --cgroup-manager");
    let bundle = nested("nestednocgroup");
    let path = bundle.bundle_path();
    let words = ["--cgroup-manager", "disabled", "run", "-b", &path, &bundle.id];
    let run = bundle.wrapped(&["unshare", "--user", "--map-root-user"], &words);
    let report = parse(&run.ok());
    let worked = |tried: &Try| matches!(tried, Try::Worked(_));
    assert!(report.tries.len() == 2 && report.tries.values().all(worked), "{:?}", report.tries);
}

#[test]
fn the_state_root_is_below_xdg_runtime_dir() {
    unless!(is_rootless(), "{AS_USER}");
    let bundle = Bundle::new("xdg").config(|c| {
        c.probe(&["exit", "6"]);
        // systemd is reached through the directory that is about to be another one.
        if driver::is_systemd() {
            c.remove("/linux/cgroupsPath");
        }
    });
    let xdg = bundle.outside("xdg");
    let variable = format!("XDG_RUNTIME_DIR={}", xdg.display());
    let program = runtime().to_str().expect("UTF-8");
    let path = bundle.bundle_path();
    let umask = ["sh", "-c", "umask 0; exec \"$@\"", "sh", "env", &variable, program];
    bundle.plain(&[&umask[..], &["run", "-b", &path, &bundle.id]].concat()).output().exits(6);
    let root = fs::read_dir(&xdg)
        .expect("XDG_RUNTIME_DIR")
        .next()
        .expect("a directory")
        .expect("an entry");
    let found = root.metadata().expect("metadata");
    assert_eq!(
        found.mode() & 0o7777,
        0o1700,
        "sticky, so that it is not tidied away, and nobody else's"
    );
    assert_eq!(found.uid(), nix::unistd::geteuid().as_raw());
    assert_eq!(fs::read_dir(root.path()).expect("the state root").count(), 0);
    // Without one there is nowhere that is the user's.
    let unset = ["env", "-u", "XDG_RUNTIME_DIR", program];
    let output = bundle.plain(&[&unset[..], &["run", "-b", &path, &bundle.id]].concat()).output();
    output.refused(&["state root", "XDG_RUNTIME_DIR", "--root"]);
}

/// All that works on a container works on one that is paused by its user, too.
#[test]
fn a_user_pauses_in_a_delegated_cgroup() {
    unless!(is_rootless(), "{AS_USER}");
    needs_cgroup!();
    let bundle = Bundle::new("userpause").config(|c| c.remove("/linux/cgroupsPath")).sleeping();
    bundle.cmd(&["pause", &bundle.id]).ok();
    assert_eq!(bundle.status(), "paused");
    bundle.cmd(&["resume", &bundle.id]).ok();
    bundle.cmd(&["events", "--stats", &bundle.id]).ok();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    bundle.assert_nothing_left();
}

/// The kernel's files of a process whose user is not mapped belong to nobody; `/proc` may hide those of others, too.
#[test]
fn a_hidden_proc_is_enough() {
    let hidden = "mount -t proc -o hidepid=invisible proc /proc && exec \"$@\"";
    if is_rootless() {
        skip!("only root can mount a procfs like that; see two_users");
    }
    let bundle = Bundle::new("hidepid").config(|c| c.probe(&["exit", "6"]));
    let words = ["run", "-b", &bundle.bundle_path(), &bundle.id];
    bundle.wrapped(&["unshare", "--mount", "sh", "-c", hidden, "sh"], &words).output().exits(6);
}
