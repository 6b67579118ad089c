//! File descriptors: the container has its three and nothing of the host's.

use std::fs;

use crate::harness::{Bundle, parse, runc_deviates};

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

/// CVE-2024-21626 through args[0]: a program of the host, reached by what the caller left open.
#[test]
fn a_program_behind_what_the_caller_left_open_is_not_found() {
    runc_deviates!("1.1.5 executes it");
    let program = "/proc/self/fd/9/bin/busybox";
    let bundle = Bundle::new("leakedargs").config(|c| c.args(&[program, "true"]));
    let leaking = ["sh", "-c", "exec 9</; exec \"$@\"", "sh"];
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.wrapped(&leaking, &words).output().refused(&[program]);
    bundle.assert_nothing_left();
}

#[test]
fn descriptors_that_were_asked_for_come_in() {
    let bundle = Bundle::new("preserved");
    let opening = ["sh", "-c", "exec 3</etc/hostname 4</etc/hostname 5</; exec \"$@\"", "sh"];
    let path = bundle.bundle_path();
    let words = ["run", "--preserve-fds", "2", "--bundle", &path, &bundle.id];
    let report = parse(&bundle.wrapped(&opening, &words).ok());
    assert_eq!(numbers(&report), [0, 1, 2, 3, 4], "{:?}", report.fds);
}

/// A number that the caller did not open is one of the runtime's own: its state directory, a cgroup.
#[test]
fn descriptors_of_the_runtime_are_never_passed_on() {
    runc_deviates!("1.1.5 passes its own on");
    let bundle = Bundle::new("preservedown");
    for count in ["1", "12", "4294967295"] {
        bundle.run_with(&["--preserve-fds", count]).refused(&["--preserve-fds", "descriptor 3"]);
    }
    bundle.assert_nothing_left();
    let bundle = bundle.sleeping();
    let words = ["exec", "--preserve-fds", "1", &bundle.id, "/bin/probe", "report"];
    assert_ne!(bundle.cmd(&words).output().code(), 0, "exec took one");
}
