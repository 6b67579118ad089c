//! `ps`: the processes of a container.

use crate::harness::{Bundle, needs_cgroup, wait_until};

/// A container with two processes, and their ids.
fn two() -> (Bundle, Vec<u32>) {
    let bundle = Bundle::new("two").config(|c| c.probe(&["spawn", "sleep", "600"]));
    bundle.create_and_start();
    let is_second = |pid: &u32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words == [&b"/bin/probe"[..], b"sleep", b"600", b""].join(&0)
    };
    wait_until("two processes", || bundle.processes().iter().any(is_second));
    let mut pids = bundle.processes();
    pids.sort_unstable();
    (bundle, pids)
}

#[test]
fn a_table_of_all_processes() {
    let (bundle, pids) = two();
    let text = bundle.cmd(&["ps", &bundle.id]).ok().stdout();
    let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    let mut shown: Vec<u32> = lines[1..].iter().map(|l| l[1].parse().expect("a pid")).collect();
    shown.sort_unstable();
    assert_eq!(shown, pids, "{text}");
    assert!(text.contains("/bin/probe sleep 600"), "{text}");
}

#[test]
fn json_has_the_pids() {
    let (bundle, pids) = two();
    for format in [&["--format", "json"][..], &["-f", "json"]] {
        let words = [&["ps"], format, &[bundle.id.as_str()]].concat();
        let text = bundle.cmd(&words).ok().stdout();
        let mut shown: Vec<u32> = serde_json::from_str(&text).expect("a list");
        shown.sort_unstable();
        assert_eq!(shown, pids);
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn the_options_of_ps_are_passed_on() {
    let (bundle, pids) = two();
    let text = bundle.cmd(&["ps", &bundle.id, "-o", "pid,comm", "-e"]).ok().stdout();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words[..2], ["PID", "COMMAND"]);
    assert_eq!(words.iter().filter(|word| **word == "probe").count(), pids.len(), "{text}");
    let output = bundle.cmd(&["ps", &bundle.id, "-e", "-o", "comm"]).output();
    output.refused(&["couldn't find PID field in ps output"]);
    bundle.cmd(&["ps", &bundle.id, "--no-such-option"]).output().refused(&["ps"]);
}

#[test]
fn a_paused_container_has_its_processes() {
    needs_cgroup!();
    let (bundle, pids) = two();
    bundle.cmd(&["pause", &bundle.id]).ok();
    let text = bundle.cmd(&["ps", "-f", "json", &bundle.id]).ok().stdout();
    let mut shown: Vec<u32> = serde_json::from_str(&text).expect("a list");
    shown.sort_unstable();
    assert_eq!(shown, pids);
}

#[test]
fn a_stopped_container_has_none() {
    let bundle = Bundle::new("stopped").config(|c| c.probe(&["exit", "0"]));
    bundle.create_and_start();
    bundle.wait_stopped();
    assert_eq!(bundle.cmd(&["ps", &bundle.id]).ok().stdout().lines().count(), 1);
    assert_eq!(bundle.cmd(&["ps", "-f", "json", &bundle.id]).ok().stdout(), "null\n");
}

#[test]
fn what_ps_cannot_show_is_refused() {
    let bundle = Bundle::new("bad").sleeping();
    bundle.cmd(&["ps", "-f", "xml", &bundle.id]).output().refused(&["invalid format option"]);
    bundle.cmd(&["ps", "nobody"]).output().refused(&["container does not exist"]);
}
