//! `--log`, `--log-format`, `--debug`: what engines read when a command fails.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{Bundle, runc_deviates};

/// Runs a command that fails, with a log; gives the log's text and stderr.
fn failing(options: &[&str]) -> (String, String) {
    let bundle = Bundle::new("log");
    let log = log_file(&bundle);
    let log_name = log.to_str().expect("UTF-8");
    let words = [&["--log", log_name], options, &["state", "nonesuch"]].concat();
    let stderr = bundle.cmd(&words).output().exits(1).stderr();
    (fs::read_to_string(log).expect("the log"), stderr)
}

fn log_file(bundle: &Bundle) -> PathBuf {
    bundle.outside("log").join("log")
}

#[test]
fn json_has_one_line_for_the_failure() {
    let (log, stderr) = failing(&["--log-format", "json"]);
    assert_eq!(log.lines().count(), 1, "{log}");
    let entry: Value = serde_json::from_str(&log).expect("JSON");
    assert_eq!(entry["level"], "error");
    let message = entry["msg"].as_str().expect("a message");
    assert!(message.contains("container does not exist"), "{message}");
    assert!(entry["time"].as_str().expect("a time").contains('T'));
    assert!(stderr.contains("container does not exist"), "stderr has it too: {stderr}");
}

#[test]
fn text_is_the_default() {
    let (log, _) = failing(&[]);
    assert!(log.starts_with("time=\""), "{log}");
    assert!(log.contains("level=error"), "{log}");
    assert!(
        log.contains("msg=\"container does not exist\"")
            || log.contains("container does not exist"),
        "{log}"
    );
    assert_eq!(failing(&["--log-format", "text"]).0.lines().count(), 1);
}

#[test]
fn the_last_line_of_a_failed_create_is_the_error() {
    let bundle = Bundle::new("create").config(|c| c.args(&["nonesuch"]));
    let log = log_file(&bundle);
    let options = ["--log", log.to_str().expect("UTF-8"), "--log-format", "json"];
    let words = ["create", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.cmd(&[&options[..], &words].concat()).output().exits(1);
    let text = fs::read_to_string(log).expect("the log");
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["level"], "error");
    let message = last["msg"].as_str().expect("a message");
    assert!(message.contains("nonesuch") && !message.contains('\n'), "{message}");
}

#[test]
fn success_logs_nothing() {
    let bundle = Bundle::new("quiet").config(|c| c.probe(&["exit", "3"]));
    let log = log_file(&bundle);
    let words = ["--log", log.to_str().expect("UTF-8"), "run", "--bundle", &bundle.bundle_path()];
    bundle.cmd(&[&words[..], &[&bundle.id]].concat()).output().exits(3);
    assert_eq!(fs::read_to_string(log).unwrap_or_default(), "");
}

#[test]
fn the_log_is_appended_to() {
    let bundle = Bundle::new("append");
    let log = log_file(&bundle);
    fs::write(&log, "before\n").expect("log");
    bundle.cmd(&["--log", log.to_str().expect("UTF-8"), "state", "nonesuch"]).output().exits(1);
    let text = fs::read_to_string(log).expect("the log");
    assert!(text.starts_with("before\n") && text.lines().count() == 2, "{text}");
}

#[test]
fn debug_says_more() {
    let bundle = Bundle::new("debug").config(|c| c.probe(&["exit", "0"]));
    let log = log_file(&bundle);
    let options = ["--debug", "--log", log.to_str().expect("UTF-8"), "--log-format", "json"];
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.cmd(&[&options[..], &words].concat()).ok();
    let text = fs::read_to_string(log).expect("the log");
    assert!(text.contains("\"level\":\"debug\""), "no debug line: {text}");
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(entry["msg"].is_string() && entry["time"].is_string(), "{line}");
    }
}

#[test]
fn crun_names_the_kind_of_log() {
    runc_deviates!("it makes a file of that name");
    let bundle = Bundle::new("kind");
    let log = log_file(&bundle);
    let dir = log.parent().expect("a directory");
    let state = |log: &str| {
        let words = ["--log", log, "state", "nonesuch"];
        bundle.cmd(&words).current_dir(dir).output().exits(1).stderr()
    };
    assert!(state("file:log").starts_with("container does not exist"));
    assert_eq!(fs::read_to_string(&log).expect("the log").lines().count(), 1);
    for kind in ["syslog:creel", "journald:creel"] {
        assert!(state(kind).contains(kind));
    }
    assert_eq!(fs::read_dir(dir).expect("the directory").count(), 1);
}

#[test]
fn an_unknown_format_is_refused() {
    let bundle = Bundle::new("format");
    bundle.cmd(&["--log-format", "xml", "list"]).output().refused(&["xml"]);
}

#[test]
fn a_log_that_cannot_be_opened_is_refused() {
    let bundle = Bundle::new("nolog");
    bundle.cmd(&["--log", "/none/such/log", "list"]).output().refused(&["/none/such/log"]);
}

/// In the order in which it was begun, of both sides.
#[test]
fn a_trace_says_where_the_time_went() {
    runc_deviates!("there is no --log-level");
    let bundle = Bundle::new("trace").config(|c| c.probe(&["sleep", "60"]));
    let (path, id) = (bundle.bundle_path(), bundle.id.clone());
    let traced = |words: &[&str]| -> Vec<String> {
        let said = bundle.cmd(&[&["--log-level", "trace"], words].concat()).ok().stderr();
        let lines = said.lines().filter(|line| line.contains("level=trace"));
        let parts = lines.filter_map(|line| line.split_once("msg=\"")?.1.split_once(" us + "));
        let parts: Vec<_> = parts.map(|(begun, what)| (begun.trim(), what.to_owned())).collect();
        let begun = parts.iter().map(|(begun, _)| begun.parse::<f64>().expect("a number"));
        assert!(begun.is_sorted(), "{said}");
        parts
            .into_iter()
            .map(|(_, what)| what.rsplit_once("  ").expect("two parts").1.into())
            .collect()
    };
    let has = |parts: &[String], what: &str| {
        assert!(parts.iter().any(|part| part.trim_end_matches('"') == what), "{what}: {parts:?}");
    };
    let create = traced(&["create", "--bundle", &path, &id]);
    has(&create, "creel: planned");
    has(&create, "creel-init: Clock");
    has(&create, "creel-init: mounts[0]: MountFilesystem");
    has(&create, "creel-init: Ready");
    has(&traced(&["start", &id]), "creel: waited for the program to run");
    let exec = traced(&["exec", &id, "/bin/probe", "exit", "0"]);
    has(&exec, "creel: started creel-init");
    has(&exec, "creel-init: process.args: Execute");
    has(&traced(&["delete", "--force", &id]), "creel: removed the cgroup and the state");
    let quiet = bundle.cmd(&["create", "--bundle", &path, &id]).ok();
    assert_eq!(quiet.stderr(), "");
}
