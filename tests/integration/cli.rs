//! The command line: what runc's parser accepts and callers use.

use std::fs;

use serde_json::Value;

use crate::harness::{Bundle, driver, is_runc, rootless};

#[test]
fn version_has_the_lines_engines_parse() {
    let bundle = Bundle::new("version");
    for flag in ["--version", "-v"] {
        let text = bundle.cmd(&[flag]).ok().stdout();
        let lines: Vec<&str> = text.lines().collect();
        let name = if is_runc() { "runc" } else { "creel" };
        let version = lines[0].strip_prefix(&format!("{name} version ")).expect("a first line");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{text}");
        assert!(lines[1].starts_with("commit: "), "{text}");
        assert!(lines[2].starts_with("spec: 1."), "{text}");
    }
}

#[test]
fn help_succeeds() {
    let bundle = Bundle::new("help");
    for words in [&["--help"][..], &["help"], &["create", "--help"], &["exec", "-h"]] {
        let text = bundle.cmd(words).ok().stdout();
        assert!(text.len() > 100, "{words:?}: {text}");
    }
}

#[test]
fn help_names_every_command() {
    let bundle = Bundle::new("commands");
    let text = bundle.cmd(&["--help"]).ok().stdout();
    for command in ["create", "start", "run", "state", "kill", "delete", "list", "exec", "spec"] {
        assert!(text.contains(&format!("  {command}")), "no {command} in {text}");
    }
}

#[test]
fn long_flags_with_one_dash() {
    let bundle = Bundle::new("dash").config(|c| c.probe(&["exit", "6"]));
    let file = bundle.outside("out").join("pid");
    // Only root can do without a pivot.
    let no_pivot = if rootless::is_rootless() { "-preserve-fds=0" } else { "-no-pivot" };
    let words = [
        "run",
        "-bundle",
        &bundle.bundle_path(),
        "-pid-file",
        file.to_str().expect("UTF-8"),
        "-no-subreaper",
        no_pivot,
        "-no-new-keyring",
        &bundle.id,
    ];
    bundle.cmd(&words).output().exits(6);
    assert!(file.exists());
}

#[test]
fn values_after_an_equals_sign() {
    let bundle = Bundle::new("equals").config(|c| c.probe(&["exit", "6"]));
    let path = bundle.bundle_path();
    bundle.cmd(&["run", &format!("--bundle={path}"), &bundle.id]).output().exits(6);
    bundle
        .cmd(&["run", &format!("-bundle={path}"), "--detach=false", &bundle.id])
        .output()
        .exits(6);
}

#[test]
fn too_few_and_too_many_arguments_are_refused() {
    let bundle = Bundle::new("count");
    for words in [
        &["state"][..],
        &["start"],
        &["create"],
        &["delete"],
        &["kill"],
        &["state", "one", "two"],
        &["start", "one", "two"],
    ] {
        let output = bundle.cmd(words).output();
        assert_eq!(output.code(), 1, "{words:?}: {}", output.stderr());
        let said = format!("{}{}", output.stderr(), output.stdout());
        assert!(said.contains("argument"), "{words:?}: {said}");
    }
}

#[test]
fn an_unknown_flag_is_refused_by_name() {
    let bundle = Bundle::new("flag");
    let output = bundle.cmd(&["create", "--nonesuch", &bundle.id]).output();
    assert_ne!(output.code(), 0);
    let said = format!("{}{}", output.stderr(), output.stdout());
    assert!(said.contains("nonesuch"), "{said}");
}

#[test]
fn an_unknown_command_is_refused_by_name() {
    let bundle = Bundle::new("command");
    let output = bundle.cmd(&["nonesuch"]).output();
    let said = format!("{}{}", output.stderr(), output.stdout());
    assert!(said.contains("nonesuch"), "{said}");
    assert_ne!(output.code(), 0);
}

#[test]
fn spec_writes_a_config_that_runs() {
    let mut bundle = Bundle::new("spec").busybox();
    fs::remove_file(bundle.path("config.json")).expect("remove");
    let rootless = rootless::is_rootless();
    let options: &[&str] = if rootless { &["--rootless"] } else { &[] };
    bundle.cmd(&[&["spec", "--bundle", &bundle.bundle_path()], options].concat()).ok();
    let text = fs::read_to_string(bundle.path("config.json")).expect("config.json");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(config["process"]["args"], serde_json::json!(["sh"]));
    assert_eq!(config["root"]["readonly"], true);
    assert_eq!(config["process"]["terminal"], true);
    bundle.config.0 = config;
    let cgroup = driver::cgroups_path(&bundle.id);
    let bundle = bundle.config(|c| {
        c.set("/process/terminal", false);
        if !rootless {
            c.set("/linux/cgroupsPath", cgroup);
        }
        c.set("/process/args", vec!["sh", "-c", "exit 12"]);
    });
    bundle.run().exits(12);
}

#[test]
fn spec_does_not_overwrite() {
    let bundle = Bundle::new("keep");
    let before = fs::read(bundle.path("config.json")).expect("config.json");
    bundle.cmd(&["spec", "-b", &bundle.bundle_path()]).output().refused(&["config.json"]);
    assert_eq!(fs::read(bundle.path("config.json")).expect("config.json"), before);
}

#[test]
fn spec_rootless_maps_the_caller() {
    let bundle = Bundle::new("rootless");
    fs::remove_file(bundle.path("config.json")).expect("remove");
    bundle.cmd(&["spec", "--rootless"]).current_dir(&bundle.path("")).ok();
    let text = fs::read_to_string(bundle.path("config.json")).expect("config.json");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    let namespaces = config["linux"]["namespaces"].as_array().expect("namespaces");
    let has = |kind: &str| namespaces.iter().any(|n| n["type"] == kind);
    assert!(has("user") && !has("network"));
    assert_eq!(config["linux"]["uidMappings"][0]["containerID"], 0);
    assert_eq!(config["linux"]["uidMappings"][0]["size"], 1);
    assert!(config["linux"]["resources"].is_null());
}

#[test]
fn systemd_cgroup_without_systemd_is_refused_clearly() {
    let bundle = Bundle::new("systemd").config(|c| {
        c.set("/linux/cgroupsPath", "system.slice:creel-test:systemd");
    });
    if std::path::Path::new("/run/systemd/system").exists() {
        crate::harness::skip!("systemd runs here");
    }
    let words = ["--systemd-cgroup", "create", "--bundle", &bundle.bundle_path(), &bundle.id];
    bundle.cmd(&words).output().refused(&["systemd"]);
    bundle.assert_nothing_left();
}

#[test]
fn rootless_and_criu_are_accepted() {
    let bundle = Bundle::new("global");
    for options in [&["--rootless", "auto"][..], &["--rootless=false", "--criu", "/bin/criu"]] {
        let text = bundle.cmd(&[options, &["list"]].concat()).ok().stdout();
        assert!(text.starts_with("ID "), "{text}");
    }
}

#[test]
fn a_closed_stdout_is_no_panic() {
    let bundle = Bundle::new("closed");
    let closing = ["sh", "-c", "exec \"$@\" >&-", "sh"];
    let output = bundle.wrapped(&closing, &["list"]).output();
    assert!(output.code() < 100, "status {}: {}", output.code(), output.stderr());
    assert!(!output.stderr().contains("panic"), "{}", output.stderr());
}
