//! SCMP_ACT_NOTIFY: an agent gets the filter's listener and answers for the kernel.

use creel_probe::{Report, Try};
use serde_json::{Value, json};
use std::path::PathBuf;

use crate::harness::{Bundle, Running, needs_root, parse, probe, runc_deviates, wait_until};

const DIRECTORY: &str = "mkdir:/tmp/new";
const EBUSY: i32 = 16;

/// A bundle whose calls of these names an agent is asked about.
struct Asking {
    bundle: Bundle,
    agent: Option<Running>,
}

impl Asking {
    fn about(name: &str, calls: &[&str]) -> Asking {
        let bundle = Bundle::new(name);
        let path = socket(&bundle);
        let bundle = bundle.config(|c| {
            c.set(
                "/linux/seccomp",
                json!({
                    "defaultAction": "SCMP_ACT_ALLOW",
                    "listenerPath": path,
                    "listenerMetadata": "for the agent",
                    "syscalls": [{"names": calls, "action": "SCMP_ACT_NOTIFY"}],
                }),
            );
            c.set("/annotations", json!({"a": "b"}));
            c.set("/root/readonly", false);
            c.probe(&["report", DIRECTORY]);
        });
        Asking { bundle, agent: None }
    }

    /// Starts an agent and waits until it listens.
    fn answered_by(mut self, answer: &str) -> Asking {
        let path = socket(&self.bundle);
        let words =
            [probe().to_str().expect("UTF-8"), "agent", path.to_str().expect("UTF-8"), answer];
        self.agent = Some(self.bundle.plain(&words).spawn());
        wait_until("the agent's socket", || path.exists());
        self
    }

    fn config(mut self, change: impl FnOnce(&mut crate::harness::Config)) -> Asking {
        self.bundle.reconfigure(change);
        self
    }

    /// What the agent got until now.
    fn heard(&self) -> Vec<Value> {
        let said = self.agent.as_ref().expect("an agent").stdout();
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn socket(bundle: &Bundle) -> PathBuf {
    bundle.outside("agent").join("socket")
}

fn denied(report: &Report) -> &str {
    match &report.tries[DIRECTORY] {
        Try::Failed(errno) => errno,
        other => panic!("it worked: {other:?}"),
    }
}

/// The specification's container process state, in one message, with its one descriptor.
#[track_caller]
fn assert_said(said: &Value, asking: &Asking, status: &str) {
    let id = &asking.bundle.id;
    assert_eq!(said["descriptors"], 1, "{said}");
    assert_eq!(said["more"], 0, "{said}");
    let message = &said["message"];
    assert_eq!(message["fds"], json!(["seccompFd"]), "{said}");
    assert_eq!(message["metadata"], "for the agent");
    assert!(message["ociVersion"].as_str().is_some_and(|v| v.starts_with("1.")), "{said}");
    assert!(message["pid"].as_u64().is_some_and(|pid| pid > 1), "{said}");
    let state = &message["state"];
    assert_eq!((&state["id"], &state["ociVersion"]), (&json!(id), &json!("1.0.2")), "{said}");
    assert_eq!(state["annotations"], json!({"a": "b"}));
    let bundle = asking.bundle.bundle_path();
    assert_eq!(state["bundle"], json!(bundle.trim_end_matches('/')));
    runc_deviates!("says creating of a container that is about to start");
    assert_eq!(state["status"], status, "{said}");
}

/// docs/rootless.md: what comes in by exec is closed to all who have no rights over the host.
const NOT_FOLLOWED: &str = "a user cannot follow a process of exec, which is not dumpable";

#[test]
fn an_agent_answers_for_the_kernel() {
    for no_new_privs in [true, false] {
        let asking = Asking::about("notify", &["mkdir", "mkdirat"])
            .config(|c| c.set("/process/noNewPrivileges", no_new_privs))
            .answered_by(&EBUSY.to_string());
        let report = parse(&asking.bundle.run().ok());
        assert_eq!(denied(&report), "EBUSY", "no_new_privs {no_new_privs}");
        assert_eq!(report.fds.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{:?}", report.fds);
        let heard = asking.heard();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_said(&heard[0], &asking, "created");
        assert_eq!(heard[0]["message"]["pid"], heard[0]["message"]["state"]["pid"]);
    }
}

#[test]
fn the_agent_of_a_created_container_is_told_at_its_start() {
    let asking = Asking::about("start", &["mkdir", "mkdirat"]).answered_by(&EBUSY.to_string());
    let output = asking.bundle.create();
    runc_deviates!("installs the filter at create");
    assert_eq!(asking.heard(), Vec::<Value>::new());
    let pid = asking.bundle.pid();
    asking.bundle.start();
    asking.bundle.wait_stopped();
    assert_eq!(denied(&parse(&output)), "EBUSY");
    assert_said(&asking.heard()[0], &asking, "created");
    assert_eq!(asking.heard()[0]["message"]["pid"], pid);
    assert_eq!(asking.heard()[0]["message"]["state"]["pid"], pid);
}

#[test]
fn each_process_of_exec_has_a_listener_of_its_own() {
    needs_root!("{NOT_FOLLOWED}");
    for no_new_privs in [true, false] {
        let asking = Asking::about("exec", &["mkdir", "mkdirat"])
            .config(|c| c.set("/process/noNewPrivileges", no_new_privs))
            .config(|c| c.probe(&["sleep", "600"]))
            .answered_by(&EBUSY.to_string());
        asking.bundle.create_and_start();
        let first = asking.bundle.pid();
        for _ in 0..2 {
            let words = ["exec", &asking.bundle.id, "/bin/probe", "report", DIRECTORY];
            let report = parse(&asking.bundle.cmd(&words).ok());
            assert_eq!(denied(&report), "EBUSY");
        }
        let heard = asking.heard();
        assert_eq!(heard.len(), 3, "{heard:?}");
        for said in &heard[1..] {
            assert_said(said, &asking, "running");
            assert_eq!(said["message"]["state"]["pid"], first);
            assert_ne!(said["message"]["pid"], first);
        }
    }
}

/// The listener reaches the agent although the filter stops what would send it, and execve waits for it.
#[test]
fn calls_of_the_runtime_may_be_asked_about() {
    needs_root!("{NOT_FOLLOWED}");
    runc_deviates!("sends with calls of the process that the filter holds");
    let calls =
        ["execve", "sendmsg", "sendto", "recvmsg", "read", "prctl", "capset", "close", "mmap"];
    let asking = Asking::about("own", &calls).answered_by("0");
    let report = parse(&asking.bundle.run().ok());
    assert!(matches!(report.tries[DIRECTORY], Try::Worked(_)), "{:?}", report.tries);
    let sleeping = asking.config(|c| c.probe(&["sleep", "600"]));
    sleeping.bundle.create_and_start();
    sleeping.bundle.exec_report(&[]);
    assert_eq!(sleeping.heard().len(), 3);
}

#[test]
fn a_process_with_other_rights_is_asked_about() {
    needs_root!("it maps ids that are not the user's");
    let asking = Asking::about("user", &["mkdir", "mkdirat"])
        .config(|c| {
            c.push("/linux/namespaces", json!({"type": "user"}));
            let whole = json!([{"containerID": 0, "hostID": 100_000, "size": 65536}]);
            c.set("/linux/uidMappings", whole.clone());
            c.set("/linux/gidMappings", whole);
            c.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        })
        .answered_by(&EBUSY.to_string());
    let report = parse(&asking.bundle.run().ok());
    assert_eq!(denied(&report), "EBUSY");
}

#[test]
fn waiting_calls_can_be_killed_as_asked() {
    runc_deviates!("does not know the flag");
    let flag = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
    let asking = Asking::about("killable", &["mkdir", "mkdirat"])
        .config(|c| c.set("/linux/seccomp/flags", json!([flag, "SECCOMP_FILTER_FLAG_TSYNC"])))
        .answered_by(&EBUSY.to_string());
    assert_eq!(denied(&parse(&asking.bundle.run().ok())), "EBUSY");
}

#[test]
fn without_an_agent_nothing_runs() {
    let asking = Asking::about("missing", &["mkdir", "mkdirat"]);
    let path = socket(&asking.bundle);
    let words = ["linux.seccomp.listenerPath", path.to_str().expect("UTF-8"), "no such file"];
    let output = asking.bundle.run();
    output.refused(&words);
    asking.bundle.assert_nothing_left();
    runc_deviates!("installs the filter at create");
    asking.bundle.create();
    asking.bundle.cmd(&["start", &asking.bundle.id]).output().refused(&words);
    asking.bundle.wait_stopped();
    asking.bundle.delete();
    // One that came and went.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    asking.bundle.run().refused(&["linux.seccomp.listenerPath", "refused"]);
}

#[test]
fn without_an_agent_no_exec_runs() {
    let asking = Asking::about("gone", &["mkdir", "mkdirat"])
        .config(|c| c.probe(&["sleep", "600"]))
        .answered_by(&EBUSY.to_string());
    asking.bundle.create_and_start();
    std::fs::remove_file(socket(&asking.bundle)).expect("the socket");
    let words = ["exec", &asking.bundle.id, "/bin/probe", "echo", "ran"];
    let output = asking.bundle.cmd(&words).output();
    assert!(!output.stdout().contains("ran"));
    assert_ne!(output.code(), 0);
    assert_eq!(asking.bundle.status(), "running");
    assert_eq!(asking.bundle.processes().len(), 1);
    runc_deviates!("exits with 255");
    let text = output.stderr();
    assert!(text.contains("linux.seccomp.listenerPath"), "{text}");
}

/// It may close before the listener was sent, or after: then nobody is there to answer.
#[test]
fn an_agent_that_closes_early_lets_nothing_through() {
    for answer in ["close", "forget"] {
        let asking = Asking::about("early", &["mkdir", "mkdirat"]).answered_by(answer);
        let output = asking.bundle.run();
        match output.code() {
            0 => assert_eq!(denied(&parse(&output)), "ENOSYS", "{answer}"),
            _ if answer == "forget" => panic!("{}", output.stderr()),
            _ => {
                output.refused(&["linux.seccomp.listenerPath", "cannot send"]);
                asking.bundle.assert_nothing_left();
            }
        }
    }
}

#[test]
fn what_nobody_could_answer_is_refused_by_its_place() {
    type Change = fn(&mut Value);
    let refused: [(Change, &str, &str); 5] = [
        (
            |p| drop(p.as_object_mut().map(|p| p.remove("listenerPath"))),
            "linux.seccomp.listenerPath",
            "listenerMetadata",
        ),
        (
            |p| {
                p["listenerPath"] = json!("");
                p["listenerMetadata"] = json!("");
            },
            "linux.seccomp.syscalls[0].action",
            "listenerPath",
        ),
        (
            |p| {
                let p = p.as_object_mut().expect("an object");
                p.remove("listenerPath");
                p.remove("listenerMetadata");
            },
            "linux.seccomp.syscalls[0].action",
            "listenerPath",
        ),
        (
            |p| p["defaultAction"] = json!("SCMP_ACT_NOTIFY"),
            "linux.seccomp.defaultAction",
            "SCMP_ACT_NOTIFY cannot be used as default action",
        ),
        (
            |p| p["syscalls"][0]["names"] = json!(["mkdir", "write"]),
            "linux.seccomp.syscalls[0].action",
            "SCMP_ACT_NOTIFY cannot be used for the write syscall",
        ),
    ];
    for (change, place, words) in refused {
        let asking = Asking::about("refused", &["mkdir"]).config(|c| {
            let mut profile = c.0["linux"]["seccomp"].clone();
            change(&mut profile);
            c.set("/linux/seccomp", profile);
        });
        runc_deviates!("takes metadata without a path");
        asking.bundle.run().refused(&[place, words]);
    }
}

/// A path for which no call asks is nobody's.
#[test]
fn an_agent_that_is_not_needed_need_not_be_there() {
    let asking = Asking::about("unasked", &["mkdir"])
        .config(|c| c.0["linux"]["seccomp"]["syscalls"][0]["action"] = json!("SCMP_ACT_ERRNO"));
    assert_eq!(denied(&parse(&asking.bundle.run().ok())), "EPERM");
}
