//! Hooks: six kinds, in order, in their namespaces, with the state on stdin.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{
    Bundle, is_runc, parse, process_exists, runc_deviates, stat_fields, wait_until,
};

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// The command line of a hook that records what it sees, then does as `verb` says. Only the path of
/// a startContainer hook is one in the container.
fn recorder(bundle: &Bundle, kind: &str, verb: &str, name: &str) -> Value {
    let (program, log) = match kind {
        "startContainer" => ("/bin/probe".to_owned(), "/hooks/log".to_owned()),
        _ => {
            let program = bundle.rootfs("bin/probe");
            let log = bundle.outside("hooks").join("log");
            (program.display().to_string(), log.display().to_string())
        }
    };
    json!({"path": program, "args": ["hook", verb, log, name], "env": ["HOOK=yes", "OTHER=1 2"]})
}

/// A bundle whose /hooks is the host's directory in which the hooks write.
fn bundle(name: &str) -> Bundle {
    let bundle = Bundle::new(name);
    let dir = bundle.outside("hooks");
    bundle.config(|c| c.bind(dir.to_str().expect("UTF-8"), "/hooks", &[]))
}

/// With a recording hook of each of these kinds.
fn recording(name: &str, kinds: &[&str]) -> Bundle {
    let mut bundle = bundle(name);
    for kind in kinds {
        let hook = recorder(&bundle, kind, "hook", kind);
        bundle.reconfigure(|c| c.push(&format!("/hooks/{kind}"), hook));
    }
    bundle
}

/// A bundle with one hook that does as the verb says.
fn with_hook(kind: &str, verb: &str) -> Bundle {
    let bundle = bundle(&format!("{kind}-{verb}").to_lowercase());
    let hook = recorder(&bundle, kind, verb, kind);
    bundle.config(|c| c.push(&format!("/hooks/{kind}"), hook))
}

/// What the hooks recorded, in the order in which they ran.
fn records(bundle: &Bundle) -> Vec<Value> {
    let text = fs::read_to_string(bundle.outside("hooks").join("log")).unwrap_or_default();
    assert!(!text.is_empty(), "no hook recorded anything");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The names of the hooks that ran.
fn names(bundle: &Bundle) -> Vec<String> {
    let name = |record: &Value| record["args"][3].as_str().expect("a name").to_owned();
    records(bundle).iter().map(name).collect()
}

/// The state that the hook of this kind read from stdin.
fn state(bundle: &Bundle, kind: &str) -> Value {
    let all = records(bundle);
    let record = all.iter().find(|r| r["args"][3] == kind).unwrap_or_else(|| panic!("no {kind}"));
    serde_json::from_str(record["stdin"].as_str().expect("text")).expect("the state as JSON")
}

const EARLY_POSTSTART: &str = "poststart hooks run at the end of create";

fn without_poststart(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().filter(|name| name != "poststart").collect()
}

#[test]
fn all_kinds_run_in_their_order() {
    let bundle = recording("order", &KINDS);
    bundle.run().ok();
    assert_eq!(without_poststart(names(&bundle)), without_poststart(KINDS.map(str::to_owned)));
    runc_deviates!("{EARLY_POSTSTART}");
    assert_eq!(names(&bundle), KINDS);
}

#[test]
fn each_command_runs_its_own_kinds() {
    runc_deviates!("{EARLY_POSTSTART}");
    let bundle = recording("when", &KINDS);
    bundle.create();
    assert_eq!(names(&bundle), KINDS[..3]);
    bundle.start();
    assert_eq!(names(&bundle), KINDS[..5]);
    bundle.wait_stopped();
    assert_eq!(names(&bundle), KINDS[..5]);
    bundle.delete();
    assert_eq!(names(&bundle), KINDS);
}

#[test]
fn hooks_of_one_kind_run_as_listed() {
    let mut bundle = bundle("listed");
    for name in ["one", "two", "three"] {
        let hook = recorder(&bundle, "createRuntime", "hook", name);
        bundle.reconfigure(|c| c.push("/hooks/createRuntime", hook));
    }
    bundle.run().ok();
    assert_eq!(names(&bundle), ["one", "two", "three"]);
}

#[test]
fn the_state_is_on_stdin() {
    let bundle = recording("state", &KINDS).config(|c| {
        c.set("/annotations", json!({"org.example.key": "value"}));
    });
    bundle.create();
    let pid = bundle.pid();
    bundle.start();
    bundle.wait_stopped();
    bundle.delete();
    let statuses = ["creating", "creating", "creating", "created", "running", "stopped"];
    for (kind, status) in KINDS.iter().zip(statuses) {
        let state = state(&bundle, kind);
        assert_eq!(state["id"], bundle.id.as_str(), "{kind}");
        if !(is_runc() && *kind == "poststart") {
            assert_eq!(state["status"], status, "{kind}");
        }
        assert_eq!(state["annotations"]["org.example.key"], "value", "{kind}");
        assert_eq!(state["bundle"], bundle.bundle_path().trim_end_matches('/'), "{kind}");
        assert!(state["ociVersion"].is_string(), "{kind}");
        // "For hooks executed in the container namespace, it is the pid as seen by the container."
        match *kind {
            "createContainer" | "startContainer" => assert_eq!(state["pid"], 1, "{kind}"),
            "poststop" => assert!(matches!(state["pid"].as_u64(), None | Some(0)), "{kind}"),
            _ => assert_eq!(state["pid"], pid, "{kind}"),
        }
    }
}

#[test]
fn args_and_env_are_exactly_those_given() {
    let bundle = recording("argv", &KINDS);
    bundle.run().ok();
    for record in records(&bundle) {
        let kind = &record["args"][3];
        assert_eq!(record["args"][0], "hook", "argv[0] is not the path: {kind}");
        assert_eq!(record["env"], json!(["HOOK=yes", "OTHER=1 2"]), "{kind}");
    }
}

#[test]
fn without_env_the_environment_is_empty() {
    runc_deviates!("hooks inherit the runtime's environment");
    let mut bundle = recording("noenv", &["createRuntime", "startContainer"]);
    bundle.reconfigure(|c| {
        c.remove("/hooks/createRuntime/0/env");
        c.remove("/hooks/startContainer/0/env");
    });
    bundle.run().ok();
    for record in records(&bundle) {
        assert_eq!(record["env"], json!([]), "{}", record["args"][3]);
    }
}

#[test]
fn hooks_run_in_the_namespaces_the_spec_says() {
    let bundle = recording("namespaces", &KINDS);
    bundle.run().ok();
    let host = |name: &str| fs::metadata(format!("/proc/self/ns/{name}")).expect("ns").ino();
    for record in records(&bundle) {
        let kind = record["args"][3].as_str().expect("a name");
        let inside = ["createContainer", "startContainer"].contains(&kind);
        for name in ["mnt", "net", "uts", "ipc", "pid"] {
            let same = record["namespaces"][name] == host(name);
            // createContainer may have no /proc of the container to look into.
            if !record["namespaces"][name].is_null() {
                assert_eq!(same, !inside, "{kind}: {name}");
            }
        }
    }
}

#[test]
fn create_container_runs_before_the_pivot_and_start_container_after() {
    let bundle = recording("pivot", &["createContainer", "startContainer"]).dir("marker");
    bundle.run().ok();
    let all = records(&bundle);
    let sees_marker = |record: &Value| {
        record["root_entries"].as_array().expect("entries").iter().any(|e| e == "marker")
    };
    assert!(!sees_marker(&all[0]), "createContainer runs in the new root");
    assert!(sees_marker(&all[1]), "startContainer does not run in the new root");
}

#[test]
fn hooks_have_no_descriptors_of_the_runtime() {
    runc_deviates!("createContainer hooks have its sockets and fifo");
    let bundle = recording("fds", &KINDS);
    bundle.run().ok();
    for record in records(&bundle) {
        let fds: Vec<&String> = record["fds"].as_object().expect("fds").keys().collect();
        assert!(fds.iter().all(|fd| ["0", "1", "2"].contains(&fd.as_str())), "{record}");
    }
}

/// Those that the program gets are not for the hooks, and what the caller left open is for nobody.
#[test]
fn hooks_have_none_but_their_three_whatever_is_open() {
    runc_deviates!("hooks inside have its sockets, and those that are passed on");
    let bundle = recording("hookfds", &KINDS);
    let opening = "exec 3</etc/hostname 4</etc/passwd 7</etc/group 9</; exec \"$@\"";
    let words = ["run", "--preserve-fds", "2", "--bundle", &bundle.bundle_path(), &bundle.id];
    let report = parse(&bundle.wrapped(&["sh", "-c", opening, "sh"], &words).ok());
    assert_eq!(report.fds.into_keys().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let all = records(&bundle);
    assert_eq!(all.len(), KINDS.len());
    for record in all {
        let fds: Vec<&String> = record["fds"].as_object().expect("fds").keys().collect();
        // Before the pivot there is no procfs to look into, or the host's.
        let nothing_seen = fds.is_empty() && record["args"][3] == "createContainer";
        assert!(nothing_seen || fds == ["0", "1", "2"], "{record}");
    }
}

#[test]
fn a_failing_hook_makes_create_fail_and_leaves_nothing() {
    for kind in &KINDS[..3] {
        let bundle = with_hook(kind, "hook-fail");
        bundle.on_bundle("create", &[]).output().refused(&[kind]);
        assert_eq!(records(&bundle).len(), 1, "{kind}");
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_failing_hook_keeps_later_hooks_from_running() {
    let mut bundle = with_hook("createRuntime", "hook-fail");
    let later = recorder(&bundle, "createContainer", "hook", "later");
    bundle.reconfigure(|c| c.push("/hooks/createContainer", later));
    bundle.on_bundle("create", &[]).output().refused(&["createRuntime"]);
    assert_eq!(records(&bundle).len(), 1);
}

#[test]
fn a_failing_start_container_hook_makes_start_fail() {
    runc_deviates!("start returns before the hook has failed");
    let bundle = with_hook("startContainer", "hook-fail");
    bundle.create();
    bundle.cmd(&["start", &bundle.id]).output().refused(&["startContainer"]);
    bundle.wait_stopped();
    bundle.delete();
    bundle.assert_nothing_left();
}

#[test]
fn a_failing_start_container_hook_keeps_the_program_from_running() {
    let bundle = with_hook("startContainer", "hook-fail").config(|c| c.probe(&["echo", "ran"]));
    let output = bundle.create();
    let _ = bundle.cmd(&["start", &bundle.id]).output().code();
    bundle.wait_stopped();
    assert_eq!(output.stdout(), "");
}

#[test]
fn a_failing_poststart_hook_makes_start_fail_and_stops_the_container() {
    runc_deviates!("{EARLY_POSTSTART}");
    let bundle = with_hook("poststart", "hook-fail").config(|c| c.probe(&["sleep", "60"]));
    bundle.create();
    let pid = bundle.pid();
    bundle.cmd(&["start", &bundle.id]).output().refused(&["poststart"]);
    wait_until("the container to stop", || {
        crate::harness::orphans_reap();
        !process_exists(pid)
    });
}

#[test]
fn a_failing_poststop_hook_is_a_warning_and_the_next_one_runs() {
    runc_deviates!("a failing one ends the poststop hooks");
    let mut bundle = with_hook("poststop", "hook-fail");
    let next = recorder(&bundle, "poststop", "hook", "next");
    bundle.reconfigure(|c| c.push("/hooks/poststop", next));
    bundle.create();
    let output = bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert_eq!(records(&bundle).len(), 2);
    assert!(is_runc() || output.stderr().contains("poststop"), "no warning: {}", output.stderr());
    bundle.assert_nothing_left();
}

#[test]
fn a_hook_that_takes_longer_than_its_timeout_fails() {
    for kind in ["createRuntime", "createContainer", "startContainer"] {
        let bundle = with_hook(kind, "hook-sleep");
        let bundle = bundle.config(|c| c.set(&format!("/hooks/{kind}/0/timeout"), 1));
        let begin = Instant::now();
        bundle.run().refused(&[kind]);
        assert!(begin.elapsed() < Duration::from_secs(20), "{kind}: {:?}", begin.elapsed());
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_hook_that_does_not_exist_is_refused_by_name() {
    let bundle = Bundle::new("nohook").config(|c| c.hook("createRuntime", &["/none/such"]));
    bundle.on_bundle("create", &[]).output().refused(&["/none/such"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_timeout_of_zero_or_less_is_refused() {
    runc_deviates!("it takes any timeout, which has then passed at once");
    for timeout in [0, -1] {
        let bundle = with_hook("createRuntime", "hook");
        let bundle = bundle.config(|c| c.set("/hooks/createRuntime/0/timeout", timeout));
        bundle.on_bundle("create", &[]).output().refused(&["hooks.createRuntime[0].timeout"]);
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_relative_hook_path_is_refused() {
    let bundle = Bundle::new("relhook").config(|c| c.hook("createRuntime", &["true"]));
    bundle.on_bundle("create", &[]).output().refused(&["hooks.createRuntime[0].path"]);
    bundle.assert_nothing_left();
}

/// A poststart hook finds the program, never what waits to become it.
#[test]
fn a_poststart_hook_runs_after_execve() {
    runc_deviates!("{EARLY_POSTSTART}");
    for _ in 0..5 {
        let bundle = bundle("afterexec").config(|c| c.probe(&["sleep", "60"]));
        let log = bundle.outside("hooks").join("log");
        let log = log.to_str().expect("UTF-8");
        let script = "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); tr '\\0' ' ' </proc/$pid/cmdline >\"$0\"";
        let hook = json!({"path": "/bin/sh", "args": ["sh", "-c", script, log], "env": ["PATH=/usr/bin:/bin"]});
        let bundle = bundle.config(|c| c.push("/hooks/poststart", hook));
        bundle.create_and_start();
        assert_eq!(std::fs::read_to_string(log).expect("the hook's"), "/bin/probe sleep 60 ");
    }
}

/// The hook hangs, not the container: it can be deleted, and `start` says what became of it.
#[test]
fn a_container_can_be_deleted_while_its_poststart_hook_runs() {
    let bundle = Bundle::new("hangingpoststart").config(|c| {
        c.hook("poststart", &["/bin/sleep", "8"]);
        c.probe(&["sleep", "60"]);
    });
    bundle.create();
    let start = bundle.cmd(&["start", &bundle.id]).spawn();
    wait_until("it runs", || bundle.status() == "running");
    let begin = Instant::now();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert!(begin.elapsed() < Duration::from_secs(6), "took {:?}", begin.elapsed());
    bundle.assert_nothing_left();
    start.output().ok();
}

/// `start` waits for the hook, and `delete --force` does not wait for `start`.
#[test]
fn a_container_can_be_deleted_while_its_start_container_hook_hangs() {
    runc_deviates!("start succeeds all the same");
    let bundle = Bundle::new("hangingstart").busybox().config(|c| {
        c.hook("startContainer", &["/bin/sleep", "60"]);
    });
    bundle.create();
    let start = bundle.cmd(&["start", &bundle.id]).spawn();
    wait_until("the hook runs", || bundle.processes().len() == 2);
    let begin = Instant::now();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert!(begin.elapsed() < Duration::from_secs(8), "took {:?}", begin.elapsed());
    start.output().refused(&["ended while it was started"]);
    bundle.assert_nothing_left();
}

/// `create` waits for the hook, outside or inside, and `delete --force` ends it.
#[test]
fn a_container_can_be_deleted_while_a_hook_of_create_hangs() {
    runc_deviates!("delete waits for nothing, and leaves the hook and the container");
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let bundle = Bundle::new("hangingcreate").config(|c| c.hook(kind, &["/bin/sleep", "60"]));
        let create = bundle.on_bundle("create", &[]).spawn();
        wait_until("the hook runs", || hook_of(create.pid()).is_some());
        let hook = hook_of(create.pid()).expect("the hook");
        assert_eq!(bundle.status(), "creating", "{kind}");
        let begin = Instant::now();
        bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        assert!(begin.elapsed() < Duration::from_secs(8), "{kind}: {:?}", begin.elapsed());
        create.output().refused(&["deleted by force while it was being created"]);
        wait_until("the hook's end", || !process_exists(hook));
        bundle.assert_nothing_left();
    }
}

/// The process that sleeps for `create`, or for the creel-init that it started.
fn hook_of(create: u32) -> Option<u32> {
    let parent = |pid: u32| stat_fields(pid).map_or(0, |stat| stat.ppid);
    let sleeps = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == b"/bin/sleep\x0060\0")
    };
    let list = fs::read_dir("/proc").expect("/proc").flatten();
    let mut pids = list.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|pid| sleeps(pid) && (parent(*pid) == create || parent(parent(*pid)) == create))
}

/// Mounts and devices are made without a umask; what a hook makes is not to be everybody's.
#[test]
fn a_hook_inside_has_a_umask() {
    let bundle = Bundle::new("hookumask");
    let made = bundle.outside("hooks").join("made");
    let script = format!("mkdir {}", made.display());
    let bundle = bundle.config(|c| c.hook("createContainer", &["/bin/sh", "-c", &script]));
    bundle.report();
    assert_eq!(fs::metadata(&made).expect("made").mode() & 0o7777, 0o755);
}
