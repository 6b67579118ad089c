//! Filters that allow next to nothing, and kernels that know less: what goes wrong is said all the same.

use serde_json::{Value, json};

use crate::harness::{Bundle, is_runc, needs_root, probe, runc_deviates, skip};

/// seccomp(2).
const SECCOMP: &str = "317";

/// Denies all but these.
fn only(names: &[&str], default: &str) -> Value {
    json!({"defaultAction": default, "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}]})
}

fn bundle(name: &str, profile: Value) -> Bundle {
    Bundle::new(name)
        .file("bin/garbage", "#!/nowhere\n")
        .config(|c| c.set("/linux/seccomp", profile))
}

/// Under a filter that lets creel-init do nothing but execve, the reason still comes out.
#[test]
fn an_execve_that_fails_under_the_filter_is_explained() {
    runc_deviates!("cannot say it under such a filter");
    for default in ["SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"] {
        for no_new_privs in [true, false] {
            let bundle = bundle("mute", only(&["execve"], default)).config(|c| {
                c.set("/process/args", json!(["/bin/garbage"]));
                c.set("/process/noNewPrivileges", no_new_privs);
            });
            let words = ["/bin/garbage", "no such file", "interpreter"];
            bundle.run().refused(&words);
            bundle.assert_nothing_left();
            bundle.create();
            bundle.cmd(&["start", &bundle.id]).output().refused(&words);
            bundle.wait_stopped();
        }
    }
}

/// As above with a filter that does not allow execve either.
#[test]
fn an_execve_that_the_filter_refuses_is_explained() {
    runc_deviates!("cannot say it under such a filter");
    let bundle = bundle("refused", json!({"defaultAction": "SCMP_ACT_ERRNO"}));
    let words = ["/bin/probe", "operation not permitted", "linux.seccomp"];
    bundle.run().refused(&words);
    bundle.assert_nothing_left();
    bundle.create();
    bundle.cmd(&["start", &bundle.id]).output().refused(&words);
    bundle.wait_stopped();
}

/// There the signal is the answer, as it is for any program.
#[test]
fn an_execve_that_the_filter_kills_ends_the_container() {
    let bundle = bundle("killed", json!({"defaultAction": "SCMP_ACT_KILL_PROCESS"}));
    runc_deviates!("waits in vain for its process");
    assert_eq!(bundle.run().code(), 128 + 31, "SIGSYS");
}

#[test]
fn an_exec_that_fails_under_the_filter_is_explained() {
    runc_deviates!("cannot say it under such a filter");
    // sendto, sendmsg and exit are what creel-init would say it with.
    let mute = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["sendto", "sendmsg", "write", "exit_group"], "action": "SCMP_ACT_ERRNO"}]});
    let bundle = bundle("exec", mute).sleeping();
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/garbage"]).output();
    assert_ne!(output.code(), 0);
    let text = output.stderr();
    assert!(text.contains("/bin/garbage") && text.contains("no such file"), "{text}");
    assert_eq!(bundle.processes().len(), 1, "only the container's own");
}

#[test]
fn every_flag_is_taken() {
    runc_deviates!("does not know all of them");
    let mut profile = only(&[], "SCMP_ACT_ALLOW");
    profile["syscalls"] = json!([]);
    profile["flags"] = json!([
        "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_LOG",
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ]);
    assert_eq!(bundle("flags", profile).report().seccomp, 2);
}

#[test]
fn a_flag_that_the_kernel_lacks_is_named() {
    needs_root!("a filter without no_new_privs takes root, and newuidmap does not work with it");
    if is_runc() {
        skip!("these are creel's own messages");
    }
    for (bit, flag) in [
        ("2", "SECCOMP_FILTER_FLAG_LOG"),
        ("4", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"),
        ("32", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
    ] {
        let entry = json!({"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"});
        let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry],
                             "listenerPath": "/nowhere", "flags": ["SECCOMP_FILTER_FLAG_TSYNC", flag]});
        let bundle = bundle("old", profile);
        let probe = probe().to_str().expect("UTF-8");
        let words = ["run", "-b", &bundle.bundle_path(), &bundle.id];
        let output = bundle.wrapped(&[probe, "without-flag", SECCOMP, bit], &words).output();
        output.refused(&["linux.seccomp.flags[1]", flag, "kernel"]);
        bundle.assert_nothing_left();
    }
}
