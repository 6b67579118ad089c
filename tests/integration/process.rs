//! The container's process: what config.json's `process` asks for is what it is.

use std::fs;

use serde_json::json;

use crate::harness::{Bundle, needs_root, runc_deviates, unless};

#[test]
fn args_env_and_cwd_are_as_given() {
    let bundle = Bundle::new("plain").dir("work").config(|c| {
        c.probe(&["report", "", "read:/none"]);
        c.set("/process/env", json!(["B=2", "PATH=/bin", "A=1 and = more", "HOME=/home/me"]));
        c.set("/process/cwd", "/work");
    });
    let report = bundle.report();
    assert_eq!(report.args, ["/bin/probe", "report", "", "read:/none"]);
    assert_eq!(report.env, ["B=2", "PATH=/bin", "A=1 and = more", "HOME=/home/me"]);
    assert_eq!(report.cwd, "/work");
}

#[test]
fn of_a_duplicate_variable_the_last_one_wins() {
    let bundle = Bundle::new("dupenv").config(|c| {
        c.set("/process/env", json!(["A=first", "HOME=/", "B=2", "A=last"]));
    });
    let report = bundle.report();
    assert_eq!(report.env("A"), Some("last"));
    assert_eq!(report.env.iter().filter(|e| e.starts_with("A=")).count(), 1, "{:?}", report.env);
}

#[test]
fn a_missing_cwd_is_made() {
    let bundle = Bundle::new("cwd").config(|c| {
        c.set("/process/cwd", "/made/for/me");
        c.set("/root/readonly", false);
    });
    assert_eq!(bundle.report().cwd, "/made/for/me");
}

#[test]
fn a_cwd_that_only_root_may_enter_works_for_another_user() {
    let bundle = Bundle::new("rootcwd").dir("private").config(|c| {
        c.set("/process/cwd", "/private");
        c.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        // Nothing to read there: the probe asks for its cwd only.
        c.probe(&["report"]);
    });
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(bundle.rootfs("private"), mode).expect("chmod");
    assert_eq!(bundle.report().cwd, "/private");
}

#[test]
fn user_and_group_ids() {
    let bundle = Bundle::new("ids").config(|c| {
        let user = json!({"uid": 1000, "gid": 2000, "additionalGids": [5, 1234, 20]});
        c.set("/process/user", user);
    });
    let ids = bundle.report().ids;
    assert_eq!(ids.uid, [1000; 4]);
    assert_eq!(ids.gid, [2000; 4]);
    assert_eq!(ids.groups.into_iter().filter(|g| *g != 2000).collect::<Vec<_>>(), [5, 20, 1234]);
}

#[test]
fn many_groups_are_given_and_too_many_are_refused() {
    needs_root!("65536 groups are more than the user's range has");
    let groups = |count: u32| (1..=count).map(|group| group * 3).collect::<Vec<u32>>();
    let with = |count: u32| {
        Bundle::new("manygroups").config(|c| c.set("/process/user/additionalGids", groups(count)))
    };
    assert_eq!(with(5000).report().ids.groups, groups(5000));
    with(65_536).config(|c| c.probe(&["exit", "3"])).run().exits(3);
    with(65_537).run().refused(&["additionalGids"]);
}

#[test]
fn groups_of_the_caller_are_not_inherited() {
    needs_root!("it gives the runtime groups");
    let bundle = Bundle::new("groups");
    let setpriv = ["setpriv", "--groups", "777,888"];
    let output = bundle.wrapped(&setpriv, &["run", "-b", &bundle.bundle_path(), &bundle.id]).ok();
    assert_eq!(crate::harness::parse(&output).ids.groups, [0; 0]);
}

#[test]
fn rlimits_are_set() {
    let bundle = Bundle::new("rlimits").config(|c| {
        let limits = json!([
            {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
            {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
            {"type": "RLIMIT_FSIZE", "soft": 1_048_576, "hard": 2_097_152},
            {"type": "RLIMIT_STACK", "soft": 1_048_576, "hard": u64::MAX},
        ]);
        c.set("/process/rlimits", limits);
    });
    let limits = bundle.report().rlimits;
    assert_eq!(limits["RLIMIT_NOFILE"], (Some(100), Some(200)));
    assert_eq!(limits["RLIMIT_CORE"], (Some(0), Some(0)));
    assert_eq!(limits["RLIMIT_FSIZE"], (Some(1_048_576), Some(2_097_152)));
    assert_eq!(limits["RLIMIT_STACK"], (Some(1_048_576), None));
}

/// creel-init needs more than the program may have.
#[test]
fn a_limit_of_three_descriptors_is_the_programs_alone() {
    runc_deviates!("its init cannot go on");
    for command in ["run", "create"] {
        let bundle = Bundle::new("nofile3").config(|c| {
            c.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3}]));
            c.hook("startContainer", &["/bin/probe", "exit", "0"]);
            c.probe(&["exit", "7"]);
        });
        match command {
            "run" => drop(bundle.run().exits(7)),
            _ => drop(bundle.create_and_start()),
        }
        let bundle = bundle.config(|c| c.probe(&["sleep", "600"]));
        let _ = bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        bundle.create_and_start();
        let limits = fs::read_to_string(format!("/proc/{}/limits", bundle.pid())).expect("limits");
        let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
        assert_eq!(line.split_whitespace().collect::<Vec<_>>()[3..5], ["3", "3"]);
        bundle.cmd(&["exec", &bundle.id, "/bin/probe", "exit", "9"]).output().exits(9);
    }
}

#[test]
fn rlimits_that_are_not_given_stay_the_callers() {
    let bundle = Bundle::new("norlimits").config(|c| c.remove("/process/rlimits"));
    let prlimit = ["prlimit", "--nofile=333:444", "--core=0:5"];
    let output = bundle.wrapped(&prlimit, &["run", "-b", &bundle.bundle_path(), &bundle.id]).ok();
    let limits = crate::harness::parse(&output).rlimits;
    assert_eq!(limits["RLIMIT_CORE"], (Some(0), Some(5)));
    runc_deviates!("Go raises the soft RLIMIT_NOFILE and the container inherits that");
    assert_eq!(limits["RLIMIT_NOFILE"], (Some(333), Some(444)));
}

#[test]
fn umask_as_given_and_022_otherwise() {
    let bundle = Bundle::new("umask").config(|c| c.set("/process/user/umask", 0o027));
    assert_eq!(bundle.report().umask, 0o027);
    let bundle = Bundle::new("noumask");
    assert_eq!(bundle.report().umask, 0o022);
}

#[test]
fn no_new_privileges_on_and_off() {
    for wanted in [true, false] {
        let bundle = Bundle::new("nnp").config(|c| c.set("/process/noNewPrivileges", wanted));
        assert_eq!(bundle.report().no_new_privs, wanted);
    }
}

#[test]
fn oom_score_adj_is_set() {
    let bundle = Bundle::new("oom").config(|c| c.set("/process/oomScoreAdj", 500));
    assert_eq!(bundle.report().oom_score_adj, 500);
}

#[test]
fn oom_score_adj_stays_the_callers_when_unset() {
    let bundle = Bundle::new("nooom");
    let choom = ["choom", "-n", "321", "--"];
    let output = bundle.wrapped(&choom, &["run", "-b", &bundle.bundle_path(), &bundle.id]).ok();
    assert_eq!(crate::harness::parse(&output).oom_score_adj, 321);
}

#[test]
fn cpu_affinity_of_the_caller_is_not_inherited() {
    let all = std::fs::read_to_string("/proc/self/status").expect("status");
    let all = all.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:\t")).expect("a list");
    unless!(all != "0", "there is one CPU only");
    runc_deviates!("the affinity of the caller is inherited");
    let bundle = Bundle::new("affinity");
    let taskset = ["taskset", "-c", "0"];
    let output = bundle.wrapped(&taskset, &["run", "-b", &bundle.bundle_path(), &bundle.id]).ok();
    assert_eq!(crate::harness::parse(&output).cpus, all);
}

#[test]
fn signals_ignored_or_blocked_by_the_caller_are_reset() {
    let bundle = Bundle::new("signals");
    // env(1) of coreutils sets both and execs.
    let env = ["env", "--ignore-signal=TERM,USR1", "--block-signal=HUP"];
    let output = bundle.wrapped(&env, &["run", "-b", &bundle.bundle_path(), &bundle.id]).ok();
    let signals = crate::harness::parse(&output).signals;
    assert_eq!(signals.blocked, 0, "blocked {:b}", signals.blocked);
    const TERM_AND_USR1: u64 = (1 << 14) | (1 << 9);
    assert_eq!(signals.ignored & TERM_AND_USR1, 0, "ignored {:b}", signals.ignored);
    runc_deviates!("signal 32, which glibc's posix_spawn ignores, stays ignored");
    assert_eq!(signals.ignored, 0, "ignored {:b}", signals.ignored);
}

#[test]
fn a_session_keyring_of_its_own() {
    let bundle = Bundle::new("keyring");
    assert_eq!(bundle.report().session_keyring, Some(format!("_ses.{}", bundle.id)));
}

#[test]
fn no_new_keyring_leaves_the_session_keyring_alone() {
    let bundle = Bundle::new("nokeyring");
    let output = bundle.run_with(&["--no-new-keyring"]).ok();
    assert_ne!(crate::harness::parse(&output).session_keyring, Some(format!("_ses.{}", bundle.id)));
}

#[test]
fn stdin_is_no_terminal_without_terminal() {
    assert!(!Bundle::new("notty").report().stdin_is_terminal);
}

#[test]
fn the_parent_is_outside_the_pid_namespace() {
    let report = Bundle::new("pid1").report();
    assert_eq!((report.pid, report.ppid), (1, 0));
}

#[test]
fn no_seccomp_unless_asked_for() {
    assert_eq!(Bundle::new("noseccomp").report().seccomp, 0);
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Programs that log to /dev/stdout open it again, as the user.
#[test]
fn a_user_can_open_its_standard_output_again() {
    let script =
        "echo out > /dev/stdout; echo err > /dev/stderr; read word < /dev/stdin; echo $word";
    let bundle = Bundle::new("ownstdio").busybox().config(|c| {
        c.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        c.args(&["/bin/sh", "-c", script]);
    });
    let piped = ["sh", "-c", "echo in | \"$@\" 2>&1 | cat", "sh"];
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    assert_eq!(sorted(&bundle.wrapped(&piped, &words).ok().stdout()), ["err", "in", "out"]);
    let bundle = bundle.config(|c| c.args(&["/bin/sleep", "60"]));
    bundle.create();
    bundle.start();
    let words = ["exec", &bundle.id, "/bin/sh", "-c", script];
    assert_eq!(sorted(&bundle.wrapped(&piped, &words).ok().stdout()), ["err", "in", "out"]);
}
