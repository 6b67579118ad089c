//! From nothing to created, running, stopped and to nothing again.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{
    Bundle, cgroup, driver, process_exists, runc_deviates, stat_fields, wait_until,
};

#[test]
fn run_gives_back_the_exit_status() {
    for status in [0, 7, 255] {
        let bundle = Bundle::new("exit").config(|c| c.probe(&["exit", &status.to_string()]));
        bundle.run().exits(status);
        bundle.assert_nothing_left();
    }
}

#[test]
fn run_gives_128_and_the_signal_for_a_killed_process() {
    let bundle = Bundle::new("killed").config(|c| c.probe(&["sleep", "60"]));
    let run = bundle.on_bundle("run", &[]).spawn();
    wait_until("the container to run", || {
        bundle.cmd(&["state", &bundle.id]).output().stdout().contains("\"running\"")
    });
    // Killed before its program runs, it would be a container that could not be started.
    let words = format!("/proc/{}/cmdline", bundle.pid());
    wait_until("the program", || {
        std::fs::read(&words).is_ok_and(|words| words.starts_with(b"/bin/probe"))
    });
    bundle.kill("KILL");
    run.output().exits(137);
    bundle.assert_nothing_left();
}

#[test]
fn run_gives_128_and_the_signal_without_a_pid_namespace() {
    let bundle = Bundle::new("hostpid").config(|c| {
        c.without_namespace("pid");
        c.probe(&["die", "SIGTERM"]);
    });
    bundle.run().exits(128 + 15);
    bundle.assert_nothing_left();
}

#[test]
fn run_passes_stdin_and_stdout() {
    let bundle = Bundle::new("stdio").config(|c| c.probe(&["cat"]));
    let output = bundle.on_bundle("run", &[]).stdin("some text\n").ok();
    assert_eq!(output.stdout(), "some text\n");
}

#[test]
fn run_forwards_signals_to_the_container() {
    let bundle = Bundle::new("forward").config(|c| c.probe(&["sigwait"]));
    let run = bundle.on_bundle("run", &[]).spawn();
    wait_until("the probe", || run.stdout() == "ready\n");
    let pid = nix::unistd::Pid::from_raw(run.pid() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("kill");
    assert_eq!(run.output().ok().stdout(), "ready\nSIGTERM\n");
}

#[test]
fn each_state_in_its_turn() {
    let bundle = Bundle::new("states").config(|c| c.probe(&["sigwait"]));
    let output = bundle.create();
    assert_eq!(bundle.status(), "created");
    assert_eq!(output.stdout(), "", "the program ran before start");
    let pid = bundle.pid();
    bundle.start();
    assert_eq!(bundle.status(), "running");
    assert_eq!(bundle.pid(), pid);
    wait_until("the probe", || output.stdout() == "ready\n");
    bundle.kill("TERM");
    bundle.wait_stopped();
    assert_eq!(output.stdout(), "ready\nSIGTERM\n");
    assert!(!process_exists(pid));
    bundle.delete();
    bundle.assert_nothing_left();
}

#[test]
fn state_has_what_the_spec_and_runc_put_there() {
    let bundle = Bundle::new("state").config(|c| {
        c.set("/annotations", json!({"org.example.key": "value"}));
    });
    bundle.create();
    let text = bundle.cmd(&["state", &bundle.id]).ok().stdout();
    assert!(text.starts_with("{\n  \""), "not indented by two: {text}");
    let state: Value = serde_json::from_str(&text).expect("JSON");
    assert!(state["ociVersion"].as_str().expect("ociVersion").starts_with("1."));
    assert_eq!(state["id"], bundle.id.as_str());
    assert_eq!(state["status"], "created");
    assert_eq!(state["bundle"], bundle.path("").to_str().expect("UTF-8").trim_end_matches('/'));
    assert_eq!(state["rootfs"], bundle.rootfs("").to_str().expect("UTF-8").trim_end_matches('/'));
    assert_eq!(state["annotations"]["org.example.key"], "value");
    assert!(state["owner"].is_string());
    let created = state["created"].as_str().expect("created");
    assert!(created.contains('T') && created.ends_with('Z'), "not RFC 3339 in UTC: {created}");
    assert!(process_exists(state["pid"].as_u64().expect("pid") as u32));
}

#[test]
fn state_of_a_stopped_container_has_pid_0() {
    let bundle = Bundle::new("pid0").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    assert_eq!(bundle.state()["pid"], 0);
}

#[test]
fn create_writes_the_pid_file_without_newline_and_hands_init_over() {
    let bundle = Bundle::new("pidfile");
    let file = bundle.outside("out").join("pid");
    bundle.on_bundle("create", &["--pid-file", file.to_str().expect("UTF-8")]).ok();
    let text = fs::read_to_string(&file).expect("the pid file");
    let pid: u32 = text.parse().expect("only a number");
    assert_eq!(pid, bundle.pid());
    let parent = stat_fields(pid).expect("init").ppid;
    assert_eq!(parent, std::process::id(), "init is not a child of the subreaper");
}

#[test]
fn run_detached_returns_at_once_with_the_pid_file() {
    let bundle = Bundle::new("detach").config(|c| c.probe(&["sigwait"]));
    let file = bundle.outside("out").join("pid");
    let output = bundle.run_with(&["--detach", "--pid-file", file.to_str().expect("UTF-8")]).ok();
    let pid: u32 = fs::read_to_string(&file).expect("the pid file").parse().expect("a number");
    assert_eq!(bundle.status(), "running");
    assert_eq!(bundle.pid(), pid);
    wait_until("the probe", || output.stdout() == "ready\n");
    bundle.kill("USR1");
    bundle.wait_stopped();
    assert_eq!(output.stdout(), "ready\nSIGUSR1\n");
}

#[test]
fn the_bundle_is_the_current_directory_by_default() {
    let bundle = Bundle::new("here").config(|c| c.probe(&["exit", "3"]));
    bundle.cmd(&["run", &bundle.id]).current_dir(&bundle.path("")).output().exits(3);
}

#[test]
fn a_relative_bundle_becomes_absolute_in_the_state() {
    let bundle = Bundle::new("relative");
    let parent = bundle.path("..");
    bundle.cmd(&["create", "--bundle", "bundle", &bundle.id]).current_dir(&parent).ok();
    let path = fs::canonicalize(bundle.path("")).expect("the bundle");
    assert_eq!(bundle.state()["bundle"], path.to_str().expect("UTF-8"));
}

#[test]
fn a_relative_state_root_works_from_one_directory() {
    let bundle = Bundle::new("relroot").config(|c| c.probe(&["exit", "4"]));
    let runtime = crate::harness::runtime().to_str().expect("UTF-8");
    let here = bundle.path("..");
    let run = ["run", "--bundle", "bundle", &bundle.id];
    let words = [&[runtime, "--root", "root"], driver::options(), &run].concat();
    bundle.plain(&words).current_dir(&here).output().exits(4);
}

#[test]
fn two_containers_live_side_by_side_in_one_root() {
    let first = Bundle::new("first").config(|c| c.probe(&["sleep", "60"]));
    first.create_and_start();
    let second_id = format!("{}-second", first.id);
    let bundle = first.path("");
    let mut other = first.config.clone();
    if cgroup::may_be_made() {
        other.set("/linux/cgroupsPath", driver::cgroups_path(&second_id));
    }
    fs::write(first.path("config.json"), other.0.to_string()).expect("config.json");
    first.cmd(&["create", "--bundle", bundle.to_str().expect("UTF-8"), &second_id]).ok();
    assert_eq!(first.status(), "running");
    first.cmd(&["delete", "--force", &second_id]).ok();
    assert_eq!(first.status(), "running");
}

#[test]
fn of_two_concurrent_creates_with_one_id_one_wins() {
    runc_deviates!("all may fail, and a loser may remove the winner's state");
    let bundle = Bundle::new("race");
    let racers: Vec<_> = (0..4).map(|_| bundle.on_bundle("create", &[]).spawn()).collect();
    let codes: Vec<i32> = racers.into_iter().map(|r| r.output().code()).collect();
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1, "exit codes {codes:?}");
    assert_eq!(bundle.status(), "created");
}

#[test]
fn of_two_concurrent_starts_one_wins() {
    runc_deviates!("start takes no lock, the loser may hang for ever");
    let bundle = Bundle::new("startrace").config(|c| c.probe(&["sleep", "60"]));
    bundle.create();
    let racers: Vec<_> = (0..4).map(|_| bundle.cmd(&["start", &bundle.id]).spawn()).collect();
    let codes: Vec<i32> = racers.into_iter().map(|r| r.output().code()).collect();
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 1, "exit codes {codes:?}");
    assert_eq!(bundle.status(), "running");
}

#[test]
fn start_fails_when_the_program_has_vanished() {
    runc_deviates!("start returns 0 before execve has failed");
    let bundle = Bundle::new("vanished");
    bundle.create();
    fs::remove_file(bundle.rootfs("bin/probe")).expect("remove");
    bundle.cmd(&["start", &bundle.id]).output().refused(&["/bin/probe"]);
    bundle.wait_stopped();
    bundle.delete();
    bundle.assert_nothing_left();
}

#[test]
fn changes_of_config_json_after_create_have_no_effect() {
    let mut bundle = Bundle::new("frozen").config(|c| c.probe(&["echo", "as created"]));
    let output = bundle.create();
    bundle.reconfigure(|c| c.probe(&["echo", "changed"]));
    bundle.start();
    bundle.wait_stopped();
    assert_eq!(output.stdout(), "as created\n");
}

/// However long it runs, a container in the foreground is not locked.
#[test]
fn a_container_in_the_foreground_can_be_deleted_by_force() {
    let bundle = Bundle::new("deleterun").config(|c| c.probe(&["sleep", "60"]));
    let begin = Instant::now();
    let run = bundle.on_bundle("run", &[]).spawn();
    wait_until("it runs", || bundle.cmd(&["state", &bundle.id]).output().code() == 0);
    wait_until("it runs", || bundle.status() == "running");
    bundle.cmd(&["delete", &bundle.id]).output().refused(&["not stopped"]);
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    run.output().exits(137);
    assert!(begin.elapsed() < Duration::from_secs(30), "took {:?}", begin.elapsed());
    bundle.assert_nothing_left();
}

/// As in `run | head`, with a terminal, whose output the runtime itself writes.
#[test]
fn a_container_whose_output_nobody_reads_is_ended() {
    runc_deviates!("it goes on until its terminal is gone");
    let bundle = Bundle::new("unread").busybox().config(|c| {
        c.set("/process/terminal", true);
        c.args(&["/bin/sh", "-c", "trap '' HUP; yes; sleep 60"]);
    });
    let begin = Instant::now();
    let piped = ["sh", "-c", "\"$@\" | head -c 10 >/dev/null", "sh"];
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.wrapped(&piped, &words).ok();
    assert!(begin.elapsed() < Duration::from_secs(8), "took {:?}", begin.elapsed());
    bundle.assert_nothing_left();
}

/// A caller that ignores SIGCHLD hands that down, and statuses get lost.
#[test]
fn the_status_comes_back_to_a_caller_that_ignores_its_children() {
    let bundle = Bundle::new("sigchld").config(|c| {
        c.hook("createRuntime", &["/bin/true"]);
        c.probe(&["exit", "3"]);
    });
    let ignoring = ["env", "--ignore-signal=CHLD"];
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.wrapped(&ignoring, &words).output().exits(3);
    bundle.assert_nothing_left();
}
