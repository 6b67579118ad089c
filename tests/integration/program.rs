//! Finding the program, and HOME.

use serde_json::json;

use crate::harness::{Bundle, is_runc, skip};

#[test]
fn args_0_without_a_slash_is_looked_up_in_the_containers_path() {
    let bundle = Bundle::new("path").config(|c| {
        c.args(&["probe", "report"]);
        c.set("/process/env", json!(["PATH=/none:/bin"]));
    });
    assert_eq!(bundle.report().args, ["probe", "report"]);
}

#[test]
fn the_first_executable_in_path_is_taken() {
    let bundle = Bundle::new("order").file("opt/a/probe", "not executable").config(|c| {
        c.args(&["probe", "exit", "9"]);
        c.set("/process/env", json!(["PATH=/opt/a:/bin"]));
    });
    bundle.run().exits(9);
}

#[test]
fn a_relative_path_starts_at_the_cwd() {
    let bundle = Bundle::new("relprog").config(|c| {
        c.args(&["./probe", "exit", "8"]);
        c.set("/process/cwd", "/bin");
    });
    bundle.run().exits(8);
}

#[test]
fn a_script_with_an_interpreter_runs() {
    let bundle = Bundle::new("script")
        .file("opt/script", "#!/bin/probe echo\n")
        .config(|c| c.args(&["/opt/script", "more"]));
    assert_eq!(bundle.run().ok().stdout(), "/opt/script more\n");
}

#[test]
fn create_fails_when_the_program_is_not_in_path() {
    let bundle = Bundle::new("notfound").config(|c| c.args(&["nonesuch"]));
    let output = bundle.on_bundle("create", &[]).output().refused(&["nonesuch"]);
    // Docker turns these words into exit status 127.
    assert!(output.stderr().contains("executable file not found in $PATH"), "{}", output.stderr());
    bundle.assert_nothing_left();
}

#[test]
fn without_path_nothing_is_found() {
    for env in [json!([]), json!(["PATH="])] {
        let bundle = Bundle::new("emptypath").config(|c| {
            c.args(&["probe", "report"]);
            c.set("/process/cwd", "/bin");
            c.set("/process/env", env);
        });
        let output = bundle.on_bundle("create", &[]).output().refused(&["probe"]);
        assert!(
            output.stderr().contains("executable file not found in $PATH"),
            "{}",
            output.stderr()
        );
        bundle.assert_nothing_left();
    }
}

#[test]
fn create_fails_when_the_path_of_the_program_does_not_exist() {
    let bundle = Bundle::new("noentry").config(|c| c.args(&["/bin/nonesuch"]));
    let output = bundle.on_bundle("create", &[]).output().refused(&["/bin/nonesuch"]);
    assert!(output.stderr().contains("no such file or directory"), "{}", output.stderr());
    bundle.assert_nothing_left();
}

#[test]
fn create_fails_when_the_program_is_not_executable() {
    let bundle =
        Bundle::new("notexec").file("opt/data", "just text\n").config(|c| c.args(&["/opt/data"]));
    let output = bundle.on_bundle("create", &[]).output().refused(&["/opt/data"]);
    // Docker turns these words into exit status 126.
    assert!(output.stderr().contains("permission denied"), "{}", output.stderr());
    bundle.assert_nothing_left();
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      broken line\n\
                      someone:x:1000:1000::/home/someone:/bin/sh\n";

#[test]
fn home_comes_from_the_containers_passwd() {
    for (uid, home) in [(0, "/root"), (1000, "/home/someone"), (4242, "/")] {
        let bundle = Bundle::new("home").file("etc/passwd", PASSWD).config(|c| {
            c.set("/process/user", json!({"uid": uid, "gid": uid}));
        });
        assert_eq!(bundle.report().env("HOME"), Some(home), "uid {uid}");
    }
}

#[test]
fn home_is_the_root_directory_without_a_passwd() {
    assert_eq!(Bundle::new("nopasswd").report().env("HOME"), Some("/"));
}

#[test]
fn a_passwd_without_an_end_is_none() {
    if is_runc() {
        skip!("runc refuses such a container");
    }
    let bundle = Bundle::new("endlesspasswd").link("etc/passwd", "/dev/zero");
    assert_eq!(bundle.report().env("HOME"), Some("/"));
}

#[test]
fn an_empty_home_is_looked_up_and_a_given_one_kept() {
    for (given, home) in [("HOME=", "/root"), ("HOME=/elsewhere", "/elsewhere")] {
        let bundle = Bundle::new("givenhome").file("etc/passwd", PASSWD).config(|c| {
            c.set("/process/env", json!(["PATH=/bin", given]));
        });
        let report = bundle.report();
        let homes: Vec<&String> = report.env.iter().filter(|e| e.starts_with("HOME=")).collect();
        assert_eq!(homes.last().expect("a HOME").as_str(), format!("HOME={home}"), "{given}");
    }
}
