//! Bad input: one clear line that names the thing, exit status 1, nothing left behind.

use std::fs;

use nix::mount::MsFlags;
use serde_json::{Value, json};

use crate::harness::{Bundle, Config, is_runc, needs_root, rootless, runc_deviates};

/// `create` and `run` refuse the changed config with these words.
#[track_caller]
fn refused(name: &str, words: &[&str], change: impl FnOnce(&mut Config)) {
    let bundle = Bundle::new(name).config(change);
    bundle.on_bundle("create", &[]).output().refused(words);
    bundle.assert_nothing_left();
    bundle.run().refused(words);
    bundle.assert_nothing_left();
}

#[test]
fn no_bundle() {
    let bundle = Bundle::new("nobundle");
    bundle.cmd(&["create", "--bundle", "/none/such", &bundle.id]).output().refused(&["/none/such"]);
    bundle.assert_nothing_left();
}

#[test]
fn no_config() {
    let bundle = Bundle::new("noconfig");
    fs::remove_file(bundle.path("config.json")).expect("remove");
    bundle.run().refused(&["config.json"]);
    bundle.assert_nothing_left();
}

#[test]
fn broken_json() {
    let bundle = Bundle::new("json");
    fs::write(bundle.path("config.json"), "{\"ociVersion\": \"1.0.2\",\n  oops").expect("write");
    let output = bundle.run().refused(&["config.json"]);
    if !is_runc() {
        assert!(output.stderr().contains("line 2"), "where? {}", output.stderr());
    }
    bundle.assert_nothing_left();
}

#[test]
fn an_empty_config() {
    let bundle = Bundle::new("empty");
    fs::write(bundle.path("config.json"), "").expect("write");
    bundle.run().refused(&["config.json"]);
    fs::write(bundle.path("config.json"), "{}").expect("write");
    bundle.run().refused(&[]);
    bundle.assert_nothing_left();
}

#[test]
fn a_value_of_another_type_is_named_by_its_path() {
    refused("type", &["process.user.uid"], |c| c.set("/process/user/uid", "root"));
}

#[test]
fn an_unknown_namespace_type() {
    // One more is the user namespace of a container that root did not make.
    let last = if rootless::is_rootless() { 6 } else { 5 };
    let path = format!("linux.namespaces[{last}].type");
    refused("namespace", &[&path, "nonesuch"], |c| {
        c.push("/linux/namespaces", json!({"type": "nonesuch"}));
    });
}

#[test]
fn no_args() {
    refused("noargs", &["process.args"], |c| c.set("/process/args", json!([])));
    refused("nullargs", &["process.args"], |c| c.remove("/process/args"));
}

#[test]
fn an_empty_args_0() {
    refused("emptyarg", &["args[0]"], |c| c.set("/process/args", json!([""])));
}

#[test]
fn args_0_is_not_there() {
    refused("nofile", &["/none/such"], |c| c.args(&["/none/such"]));
}

#[test]
fn args_0_is_not_executable() {
    let bundle = Bundle::new("noexec").file("data", "text").config(|c| c.args(&["/data"]));
    bundle.run().refused(&["/data"]);
    bundle.assert_nothing_left();
}

#[test]
fn args_0_is_a_directory() {
    let bundle = Bundle::new("isdir").config(|c| c.args(&["/bin"]));
    bundle.run().refused(&["/bin"]);
    bundle.assert_nothing_left();
}

#[test]
fn ids_that_are_no_names() {
    let bundle = Bundle::new("ids");
    let path = bundle.bundle_path();
    for id in ["a/b", "../escape", "/absolute", "..", ".", "", "with space", "new\nline"] {
        let output = bundle.cmd(&["create", "--bundle", &path, "--", id]).output();
        output.refused(&["id"]);
        bundle.assert_nothing_left();
    }
}

#[test]
fn ids_that_are_names() {
    let bundle = Bundle::new("names");
    let path = bundle.bundle_path();
    for suffix in ["_under", "+plus", "-minus", ".dot", "UPPER", "123"] {
        let id = format!("{}{suffix}", bundle.id);
        bundle.cmd(&["create", "--bundle", &path, &id]).ok();
        assert!(bundle.cmd(&["state", &id]).ok().stdout().contains("\"created\""), "{id}");
        bundle.cmd(&["delete", "--force", &id]).ok();
    }
}

#[test]
fn a_missing_rootfs() {
    refused("rootfs", &["/nowhere"], |c| c.set("/root/path", "/nowhere"));
}

#[test]
fn a_rootfs_that_is_a_file() {
    let bundle = Bundle::new("rootfile").config(|c| c.set("/root/path", "config.json"));
    bundle.run().refused(&["config.json"]);
    bundle.assert_nothing_left();
}

#[test]
fn no_root() {
    refused("noroot", &["root"], |c| c.remove("/root"));
}

#[test]
fn a_mount_source_that_does_not_exist() {
    refused("source", &["/none/such", "mounts[7]"], |c| c.bind("/none/such", "/m", &[]));
}

#[test]
fn a_read_only_state_root() {
    needs_root!("it mounts something on the host");
    let mut bundle = Bundle::new("roroot");
    let root = bundle.root();
    bundle.mount_tmpfs(&root, MsFlags::MS_RDONLY, "size=64k");
    bundle.run().refused(&[root.to_str().expect("UTF-8")]);
    bundle.assert_nothing_left();
}

#[test]
fn a_state_root_that_is_a_file() {
    let bundle = Bundle::new("rootisfile");
    let runtime = crate::harness::runtime().to_str().expect("UTF-8");
    let root = bundle.path("config.json");
    let root = root.to_str().expect("UTF-8");
    let path = bundle.bundle_path();
    let words = [runtime, "--root", root, "run", "--bundle", &path, &bundle.id];
    bundle.plain(&words).output().refused(&[root]);
    bundle.assert_nothing_left();
}

#[test]
fn a_pid_file_that_cannot_be_written() {
    let bundle = Bundle::new("pidfile");
    bundle.run_with(&["--pid-file", "/none/such/pid"]).refused(&["/none/such/pid"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_relative_cwd() {
    refused("cwd", &["process.cwd"], |c| c.set("/process/cwd", "bin"));
}

#[test]
fn a_cwd_that_is_a_file() {
    refused("cwdfile", &["/bin/probe"], |c| c.set("/process/cwd", "/bin/probe"));
}

#[test]
fn rlimits_that_make_no_sense() {
    refused("rlimit", &["process.rlimits[0].type", "RLIMIT_NONESUCH"], |c| {
        c.set("/process/rlimits", json!([{"type": "RLIMIT_NONESUCH", "soft": 1, "hard": 1}]));
    });
    refused("softhard", &["process.rlimits[0]"], |c| {
        c.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 200, "hard": 100}]));
    });
}

#[test]
fn a_duplicate_rlimit() {
    runc_deviates!("duplicates are accepted");
    let limit = json!({"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100});
    refused("duplicate", &["process.rlimits[1]", "RLIMIT_NOFILE"], |c| {
        c.set("/process/rlimits", json!([limit, limit]));
    });
}

#[test]
fn a_version_of_the_spec_that_is_not_supported() {
    runc_deviates!("it does not look at ociVersion");
    for version in ["2.0.0", "0.9.0", "nonsense"] {
        refused("version", &["ociVersion", version], |c| c.set("/ociVersion", version));
    }
}

#[test]
fn versions_of_the_spec_that_are_supported() {
    for version in ["1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0"] {
        let bundle = Bundle::new("versions").config(|c| {
            c.set("/ociVersion", version);
            c.probe(&["exit", "3"]);
        });
        bundle.run().exits(3);
    }
}

#[test]
fn unknown_properties_are_ignored() {
    let bundle = Bundle::new("properties").config(|c| {
        c.set("/nonesuch", json!({"a": [1, 2]}));
        c.set("/process/nonesuch", 1);
        c.set("/linux/nonesuch", Value::Null);
        c.probe(&["exit", "3"]);
    });
    bundle.run().exits(3);
}

#[test]
fn an_unknown_propagation() {
    refused("propagation", &["linux.rootfsPropagation", "nonesuch"], |c| {
        c.set("/linux/rootfsPropagation", "nonesuch");
    });
}

#[test]
fn a_terminal_that_nobody_takes() {
    let bundle = Bundle::new("terminal").config(|c| c.set("/process/terminal", true));
    bundle.on_bundle("create", &[]).output().refused(&["console"]);
    bundle.assert_nothing_left();
}

#[test]
fn an_oom_score_out_of_range() {
    refused("oom", &["process.oomScoreAdj"], |c| c.set("/process/oomScoreAdj", 1001));
}

/// The advice for /proc and /sys is not for other mounts.
#[test]
fn a_mount_target_that_is_a_loop_of_links() {
    let bundle = Bundle::new("loop").link("a", "/b").link("b", "/a");
    let bundle = bundle.config(|c| c.mount("tmpfs", "/a/m", "tmpfs", &[]));
    let output = bundle.run().refused(&["/a/m", "symbolic links"]);
    assert!(!output.stderr().contains("/sys"), "{}", output.stderr());
    bundle.assert_nothing_left();
}
