//! The seccomp filter: installed last, for the first process and for those of exec.

use creel_probe::{Report, Try};
use serde_json::{Value, json};

use crate::harness::{Bundle, Config, parse, rootless, runc_deviates};

const FILTER: u32 = 2;

/// Lets everything through but new directories.
fn no_directories(action: &str, errno: Option<i32>) -> Value {
    let mut entry = json!({"names": ["mkdir", "mkdirat"], "action": action});
    if let Some(errno) = errno {
        entry["errnoRet"] = json!(errno);
    }
    json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry]})
}

/// A filter that denies what a container's program hardly ever does, and creel-init does last: it sets ids and
/// capabilities, talks over sockets and maps memory.
fn nothing_of_init() -> Value {
    let names = [
        "capset",
        "setresuid",
        "setresgid",
        "setgroups",
        "sendmsg",
        "sendto",
        "recvmsg",
        "seccomp",
        "prctl",
        "accept4",
        "connect",
        "socket",
        "chdir",
        "umask",
        "unshare",
        "setns",
        "mount",
    ];
    json!({"defaultAction": "SCMP_ACT_ALLOW",
           "syscalls": [{"names": names, "action": "SCMP_ACT_KILL_PROCESS"}]})
}

fn filtered(name: &str, profile: Value) -> Bundle {
    Bundle::new(name).config(|c| c.set("/linux/seccomp", profile))
}

fn as_user(c: &mut Config, uid: u32, no_new_privs: bool) {
    c.set("/process/user", json!({"uid": uid, "gid": uid}));
    c.set("/process/noNewPrivileges", no_new_privs);
}

/// Makes a directory in a place where anybody may.
fn with_open_directory(bundle: Bundle) -> Bundle {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o777);
    let bundle = bundle.dir("open");
    std::fs::set_permissions(bundle.rootfs("open"), mode).expect("mode");
    bundle
}

fn failed(report: &mut Report, word: &str) -> String {
    match report.tries.remove(word).expect("tried") {
        Try::Failed(errno) => errno,
        other => panic!("{word} worked: {other:?}"),
    }
}

const DIRECTORY: &str = "mkdir:/open/new";

/// Both users, with no_new_privs and without, which needs CAP_SYS_ADMIN until the filter is installed.
fn combinations() -> impl Iterator<Item = (u32, bool)> {
    [0, 1000].into_iter().flat_map(|uid| [true, false].map(|no_new_privs| (uid, no_new_privs)))
}

#[test]
fn what_it_denies_fails_and_the_rights_are_those_asked_for() {
    for (uid, no_new_privs) in combinations() {
        let plain = Bundle::new("rights").config(|c| as_user(c, uid, no_new_privs)).report();
        let bundle = filtered("filtered", no_directories("SCMP_ACT_ERRNO", None))
            .config(|c| as_user(c, uid, no_new_privs))
            .config(|c| c.probe(&["report", DIRECTORY]));
        let mut report = parse(&with_open_directory(bundle).run().ok());
        assert_eq!(report.seccomp, FILTER);
        assert_eq!(failed(&mut report, DIRECTORY), "EPERM", "uid {uid}, {no_new_privs}");
        assert_eq!(report.no_new_privs, no_new_privs);
        assert_eq!(report.ids.uid, plain.ids.uid);
        assert_eq!(report.capabilities, plain.capabilities, "uid {uid}, {no_new_privs}");
        let all = format!("{:?}", report.capabilities);
        assert!(!all.contains("SYS_ADMIN"), "{all}");
    }
}

#[test]
fn exec_gets_the_same() {
    for (uid, no_new_privs) in combinations() {
        let bundle = filtered("exec", no_directories("SCMP_ACT_ERRNO", Some(EACCES)))
            .config(|c| as_user(c, uid, no_new_privs));
        let bundle = with_open_directory(bundle).sleeping();
        let words = ["exec", &bundle.id, "/bin/probe", "report", DIRECTORY];
        let mut report = parse(&bundle.cmd(&words).ok());
        assert_eq!(report.seccomp, FILTER);
        assert_eq!(failed(&mut report, DIRECTORY), "EACCES");
        assert_eq!(report.no_new_privs, no_new_privs);
        assert!(!format!("{:?}", report.capabilities).contains("SYS_ADMIN"));
    }
}

/// The filter is saved beside the record: one that is gone is not done without.
#[test]
fn exec_without_the_saved_filter_is_refused() {
    runc_deviates!("it saves the profile itself, in its record");
    let bundle = filtered("gone", no_directories("SCMP_ACT_ERRNO", None));
    let bundle = with_open_directory(bundle).sleeping();
    let file = bundle.root().join(&bundle.id).join("seccomp.bpf");
    std::fs::remove_file(&file).expect("the filter");
    let words = ["exec", &bundle.id, "/bin/probe", "report"];
    let output = bundle.cmd(&words).output().exits(255);
    let said = output.stderr();
    assert!(said.contains("seccomp filter") && said.contains("seccomp.bpf, which is missing"));
    assert_eq!(output.stdout(), "");
}

const EACCES: i32 = 13;

#[test]
fn a_capability_that_was_asked_for_stays() {
    let bundle = filtered("asked", no_directories("SCMP_ACT_ERRNO", None)).config(|c| {
        c.capabilities(&["CAP_SYS_ADMIN"]);
        c.set("/process/noNewPrivileges", false);
    });
    assert_eq!(bundle.report().capabilities.effective, ["CAP_SYS_ADMIN"]);
}

#[test]
fn it_need_not_allow_what_the_runtime_does() {
    runc_deviates!("needs some of these calls after the filter is installed");
    for (uid, no_new_privs) in combinations() {
        let bundle = filtered("own", nothing_of_init())
            .config(|c| as_user(c, uid, no_new_privs))
            .config(|c| c.probe(&["echo", "alive"]));
        let output = bundle.create_and_start();
        bundle.wait_stopped();
        assert_eq!(output.stdout(), "alive\n", "uid {uid}, {no_new_privs}");
    }
}

#[test]
fn it_holds_in_a_user_namespace() {
    for no_new_privs in [true, false] {
        let bundle = filtered("userns", no_directories("SCMP_ACT_ERRNO", None)).config(|c| {
            if !rootless::is_rootless() {
                c.push("/linux/namespaces", json!({"type": "user"}));
                let whole = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
                c.set("/linux/uidMappings", whole.clone());
                c.set("/linux/gidMappings", whole);
            }
            c.set("/process/noNewPrivileges", no_new_privs);
            c.probe(&["report", DIRECTORY]);
        });
        let mut report = parse(&with_open_directory(bundle).run().ok());
        assert_eq!(report.seccomp, FILTER);
        assert_eq!(failed(&mut report, DIRECTORY), "EPERM");
        assert!(!format!("{:?}", report.capabilities).contains("SYS_ADMIN"));
    }
}

#[test]
fn a_call_can_be_answered_with_a_number_of_its_own() {
    let bundle = filtered("errno", no_directories("SCMP_ACT_ERRNO", Some(16)))
        .config(|c| c.probe(&["report", DIRECTORY]));
    assert_eq!(failed(&mut parse(&with_open_directory(bundle).run().ok()), DIRECTORY), "EBUSY");
}

#[test]
fn a_call_can_end_the_process() {
    let bundle = filtered("kill", no_directories("SCMP_ACT_KILL_PROCESS", None))
        .config(|c| c.probe(&["report", DIRECTORY]));
    assert_eq!(with_open_directory(bundle).run().code(), 128 + 31, "SIGSYS");
}

#[test]
fn arguments_are_looked_at() {
    let mut profile = no_directories("SCMP_ACT_ERRNO", None);
    // mkdir(path, mode): the probe asks for 0777.
    profile["syscalls"][0]["names"] = json!(["mkdir"]);
    profile["syscalls"][0]["args"] = json!([{"index": 1, "value": 0o777, "op": "SCMP_CMP_NE"}]);
    let bundle = filtered("args", profile).config(|c| {
        c.set("/root/readonly", false);
        c.probe(&["report", DIRECTORY]);
    });
    let report = parse(&with_open_directory(bundle).run().ok());
    assert!(matches!(report.tries[DIRECTORY], Try::Worked(_)), "{:?}", report.tries);
}

#[test]
fn a_profile_that_is_wrong_is_refused_by_its_place() {
    let mut profile = no_directories("SCMP_ACT_ERRNO", None);
    profile["syscalls"][0]["errnoRet"] = json!(70_000);
    let bundle = filtered("wrong", profile);
    let output = bundle.run();
    assert_ne!(output.code(), 0);
    runc_deviates!("takes any number");
    let text = output.stderr();
    assert!(text.contains("linux.seccomp.syscalls[0].errnoRet"), "{text}");
}
