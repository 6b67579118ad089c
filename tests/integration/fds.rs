//! File descriptors: the container has its three and nothing of the host's.

use std::fs;

use crate::harness::{Bundle, parse};

/// Opens a file and a directory without close-on-exec, then runs what follows.
const LEAKING: [&str; 4] = ["sh", "-c", "exec 7</etc/hostname 9</; exec \"$@\"", "sh"];

fn numbers(report: &creel_probe::Report) -> Vec<i32> {
    report.fds.keys().copied().collect()
}

#[test]
fn exactly_three_are_open() {
    let report = Bundle::new("three").report();
    assert_eq!(numbers(&report), [0, 1, 2], "{:?}", report.fds);
}

#[test]
fn exactly_three_are_open_after_create_and_start() {
    let report = Bundle::new("started").create_start_report();
    assert_eq!(numbers(&report), [0, 1, 2], "{:?}", report.fds);
}

#[test]
fn what_the_caller_left_open_does_not_come_in() {
    let bundle = Bundle::new("leak");
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let report = parse(&bundle.wrapped(&LEAKING, &words).ok());
    assert_eq!(numbers(&report), [0, 1, 2], "{:?}", report.fds);
}

#[test]
fn what_the_caller_left_open_does_not_come_in_with_exec() {
    let bundle = Bundle::new("execleak").sleeping();
    let words = ["exec", &bundle.id, "/bin/probe", "report"];
    let report = parse(&bundle.wrapped(&LEAKING, &words).ok());
    assert_eq!(numbers(&report), [0, 1, 2], "{:?}", report.fds);
}

#[test]
fn a_created_container_holds_no_directory_of_the_host() {
    let bundle = Bundle::new("held");
    bundle.create();
    let fds = fs::read_dir(format!("/proc/{}/fd", bundle.pid())).expect("fds");
    for entry in fds.flatten() {
        // Followed: what the descriptor is, not its link.
        let is_directory = fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
        let target = fs::read_link(entry.path()).unwrap_or_default();
        assert!(!is_directory, "{} -> {}", entry.path().display(), target.display());
    }
}

#[test]
fn a_caller_without_stdin_is_served() {
    let bundle = Bundle::new("nostdin").config(|c| c.probe(&["exit", "5"]));
    let closing = ["sh", "-c", "exec \"$@\" <&-", "sh"];
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.wrapped(&closing, &words).output().exits(5);
}
