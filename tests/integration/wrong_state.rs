//! Commands in states in which they make no sense, and on containers that are not there.

use std::fs;

use crate::harness::{
    Bundle, Output, is_runc, needs_cgroup, orphans_reap, process_exists, runc_deviates,
    stat_fields, unless, wait_until,
};

/// Engines look for these words in the error.
#[track_caller]
fn refused_saying(output: Output, words: &str) {
    let output = output.refused(&[words]);
    assert!(output.stderr().contains(words), "no `{words}` in {}", output.stderr());
}

#[test]
fn commands_on_a_container_that_is_not_there() {
    let bundle = Bundle::new("none");
    for words in [
        &["state", &bundle.id][..],
        &["start", &bundle.id],
        &["kill", &bundle.id, "KILL"],
        &["delete", &bundle.id],
        &["exec", &bundle.id, "/bin/probe", "exit", "0"],
    ] {
        let output = bundle.cmd(words).output();
        // A foreground exec that could not be set up may also say 255.
        if words[0] == "exec" && output.code() == 255 {
            assert!(output.stderr().contains("does not exist"), "{}", output.stderr());
            continue;
        }
        refused_saying(output, "container does not exist");
    }
    bundle.assert_nothing_left();
}

#[test]
fn delete_force_of_nothing_succeeds() {
    let bundle = Bundle::new("forcenone");
    let output = bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert_eq!((output.stdout(), output.stderr()), (String::new(), String::new()));
}

#[test]
fn create_with_a_taken_id() {
    let bundle = Bundle::new("taken");
    bundle.create();
    let pid = bundle.pid();
    bundle.on_bundle("create", &[]).output().refused(&[&bundle.id]);
    bundle.on_bundle("run", &[]).output().refused(&[&bundle.id]);
    assert_eq!((bundle.status(), bundle.pid()), ("created".to_owned(), pid));
    bundle.start();
    bundle.wait_stopped();
    bundle.on_bundle("create", &[]).output().refused(&[&bundle.id]);
    assert_eq!(bundle.status(), "stopped");
}

#[test]
fn start_of_a_running_container() {
    let bundle = Bundle::new("running").sleeping();
    bundle.cmd(&["start", &bundle.id]).output().refused(&["running"]);
    assert_eq!(bundle.status(), "running");
}

#[test]
fn start_of_a_stopped_container() {
    let bundle = Bundle::new("stopped").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    bundle.cmd(&["start", &bundle.id]).output().refused(&["stopped"]);
}

#[test]
fn delete_of_a_running_container() {
    let bundle = Bundle::new("delrunning").sleeping();
    bundle.cmd(&["delete", &bundle.id]).output().refused(&["running"]);
    assert!(process_exists(bundle.pid()));
}

#[test]
fn delete_of_a_created_container_kills_it() {
    let bundle = Bundle::new("delcreated");
    bundle.create();
    let pid = bundle.pid();
    bundle.delete();
    wait_until("init to be gone", || !process_exists(pid));
    bundle.assert_nothing_left();
}

#[test]
fn delete_force_of_a_running_container_kills_it() {
    let bundle = Bundle::new("force").sleeping();
    let pid = bundle.pid();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert!(!process_exists(pid), "still there when delete returned");
    bundle.assert_nothing_left();
}

#[test]
fn delete_twice() {
    let bundle = Bundle::new("twice");
    bundle.create();
    bundle.delete();
    refused_saying(bundle.cmd(&["delete", &bundle.id]).output(), "container does not exist");
}

#[test]
fn kill_of_a_created_container() {
    let bundle = Bundle::new("killcreated");
    bundle.create();
    bundle.kill("KILL");
    bundle.wait_stopped();
    bundle.cmd(&["start", &bundle.id]).output().refused(&["stopped"]);
    bundle.delete();
}

#[test]
fn kill_of_a_stopped_container() {
    let bundle = Bundle::new("killstopped").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    refused_saying(bundle.cmd(&["kill", &bundle.id, "KILL"]).output(), "container not running");
}

#[test]
fn kill_all_succeeds_when_init_is_gone() {
    let bundle = Bundle::new("killall").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    bundle.cmd(&["kill", "--all", &bundle.id, "9"]).ok();
}

#[test]
fn kill_takes_names_and_numbers() {
    for (word, name) in
        [("TERM", "SIGTERM"), ("SIGHUP", "SIGHUP"), ("10", "SIGUSR1"), ("usr2", "SIGUSR2")]
    {
        let bundle = Bundle::new("names").config(|c| c.probe(&["sigwait"]));
        let output = bundle.create_and_start();
        wait_until("the probe", || output.stdout() == "ready\n");
        bundle.kill(word);
        bundle.wait_stopped();
        assert_eq!(output.stdout(), format!("ready\n{name}\n"));
    }
}

#[test]
fn kill_sends_term_by_default() {
    let bundle = Bundle::new("default").config(|c| c.probe(&["sigwait"]));
    let output = bundle.create_and_start();
    wait_until("the probe", || output.stdout() == "ready\n");
    bundle.cmd(&["kill", &bundle.id]).ok();
    bundle.wait_stopped();
    assert_eq!(output.stdout(), "ready\nSIGTERM\n");
}

#[test]
fn kill_with_an_unknown_signal() {
    let bundle = Bundle::new("badsignal").sleeping();
    bundle.cmd(&["kill", &bundle.id, "NONSENSE"]).output().refused(&["NONSENSE"]);
    assert!(process_exists(bundle.pid()));
}

#[test]
fn exec_in_a_stopped_container() {
    let bundle = Bundle::new("execstopped").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/probe", "exit", "0"]).output();
    assert!([1, 255].contains(&output.code()), "exit {}", output.code());
    assert!(output.stderr().contains("stopped"), "{}", output.stderr());
}

/// Processes that outlive init in a shared pid namespace go with `delete --force`.
#[test]
fn delete_force_kills_every_process_of_the_cgroup() {
    needs_cgroup!();
    let bundle = Bundle::new("stragglers").config(|c| {
        c.without_namespace("pid");
        c.probe(&["spawn", "sleep", "600"]);
    });
    bundle.create_and_start();
    wait_until("both processes", || bundle.processes().len() == 2);
    let all = bundle.processes();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    wait_until("all to be gone", || {
        orphans_reap();
        !all.iter().any(|pid| process_exists(*pid))
    });
    bundle.assert_nothing_left();
}

#[test]
fn a_reused_pid_is_not_taken_for_the_container() {
    // The state says which process it was by its start time. Here the recorded pid is made to be
    // that of another living process.
    if is_runc() {
        crate::harness::skip!("the layout of the state file is the runtime's own");
    }
    let bundle = Bundle::new("reuse").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    // Start times count in hundredths of a second, and no pid comes again within one.
    std::thread::sleep(std::time::Duration::from_millis(20));
    let stranger = bundle.plain(&["sleep", "600"]).spawn();
    bundle.record_pid(stranger.pid());
    assert_eq!(bundle.status(), "stopped");
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert!(process_exists(stranger.pid()), "a stranger was killed");
}

/// A pid can come again within a hundredth of a second, in which start times count: the inode of the pidfd cannot.
#[test]
fn a_pid_that_comes_again_at_once_is_not_taken_for_the_container() {
    if is_runc() {
        crate::harness::skip!("the layout of the state file is the runtime's own");
    }
    let bundle = Bundle::new("reusefast").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    let stranger = bundle.plain(&["sleep", "600"]).spawn();
    let start = stat_fields(stranger.pid()).expect("it sleeps").start_time;
    let file = bundle.root().join(&bundle.id).join("state.json");
    let text = std::fs::read(&file).expect("state.json");
    let mut state: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    unless!(
        state["init"]["pidfdInode"].is_u64(),
        "pidfds have inodes of their own since Linux 6.9"
    );
    state["init"]["pid"] = stranger.pid().into();
    state["init"]["startTime"] = start.into();
    std::fs::write(&file, state.to_string()).expect("state.json");
    bundle.cmd(&["kill", &bundle.id, "KILL"]).output().refused(&["not running"]);
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert!(process_exists(stranger.pid()), "a stranger was killed");
}

/// Nothing says what it has made; whoever deletes it by force hears that it may be there.
#[test]
fn delete_force_of_a_damaged_state_says_what_it_leaves() {
    runc_deviates!("it refuses, whatever is asked for");
    let bundle = Bundle::new("damaged").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    let directory = bundle.root().join(&bundle.id);
    let file = directory.join("state.json");
    let whole = fs::read(&file).expect("a state");
    fs::write(&file, "{").expect("a state");
    for words in [["state", &bundle.id], ["delete", &bundle.id]] {
        refused_saying(
            bundle.cmd(&words).output(),
            "is damaged; remove the container with delete --force",
        );
    }
    let said = bundle.cmd(&["delete", "--force", &bundle.id]).ok().stderr();
    assert!(said.contains("is damaged") && said.contains("process and cgroup"), "{said}");
    assert!(!directory.exists());
    // As it was, so that nothing is left.
    fs::create_dir(&directory).expect("a directory");
    fs::write(&file, whole).expect("a state");
    bundle.delete();
}
