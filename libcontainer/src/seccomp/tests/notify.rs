//! SCMP_ACT_NOTIFY: when there is a listener, and when there may be none.

use super::{compile, profile, x86_64};
use crate::seccomp::{Error, Filter, Listener};
use serde_json::{Value, json};

const MKDIR: u32 = 83;
const NOTIFY: u32 = 0x7fc0_0000;
const NEW_LISTENER: u32 = 8;

/// Asks about mkdir(2).
fn asking(change: impl FnOnce(&mut Value)) -> Value {
    let mut profile = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": "/run/agent.sock",
        "syscalls": [
            {"names": ["rmdir"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"},
        ],
    });
    change(&mut profile);
    profile
}

fn listener(value: Value) -> Option<Listener> {
    let filter = compile(value.clone()).expect("a program");
    Listener::of(&profile(value), &filter)
}

#[test]
fn a_call_that_is_asked_about_makes_a_listener() {
    let filter = compile(asking(|_| {})).unwrap();
    assert_eq!(x86_64(&filter, MKDIR, &[]), NOTIFY);
    assert_eq!(filter.flags, NEW_LISTENER | 4, "SPEC_ALLOW as without");
    let found = listener(asking(|p| p["listenerMetadata"] = json!("m"))).unwrap();
    assert_eq!(found.path.to_str(), Some("/run/agent.sock"));
    assert_eq!(found.metadata.as_deref(), Some("m"));
    assert_eq!(listener(asking(|p| p["listenerMetadata"] = json!(""))).unwrap().metadata, None);
}

#[test]
fn without_such_a_call_there_is_none() {
    let silent = asking(|p| p["syscalls"][1]["action"] = json!("SCMP_ACT_LOG"));
    assert_eq!(compile(silent.clone()).unwrap().flags & NEW_LISTENER, 0);
    assert_eq!(listener(silent), None);
}

/// The kernel refuses WAIT_KILLABLE_RECV without a listener; TSYNC means nothing for one thread.
#[test]
fn flags_of_listeners_come_with_one() {
    let flags = json!(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC"]);
    let with = compile(asking(|p| p["flags"] = flags.clone())).unwrap();
    assert_eq!(with.flags, NEW_LISTENER | 32);
    let without = compile(json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": flags})).unwrap();
    assert_eq!(without.flags, 0);
}

#[test]
fn what_nobody_could_answer_is_refused() {
    let refused = |change: fn(&mut Value)| match compile(asking(change)) {
        Err(Error::Notify { json_path, .. }) => json_path,
        other => panic!("{other:?}"),
    };
    let action = "linux.seccomp.syscalls[1].action";
    assert_eq!(refused(|p| drop(p.as_object_mut().unwrap().remove("listenerPath"))), action);
    assert_eq!(refused(|p| p["listenerPath"] = json!("")), action);
    assert_eq!(refused(|p| p["syscalls"][1]["names"] = json!(["mkdir", "write"])), action);
    assert_eq!(
        refused(|p| p["defaultAction"] = json!("SCMP_ACT_NOTIFY")),
        "linux.seccomp.defaultAction"
    );
}

/// Found by the fuzz target: the program read behind the arguments.
#[test]
fn a_condition_on_an_argument_that_no_call_has_is_refused() {
    for index in [6, 64, 256] {
        let entry = json!({"names": ["mkdir"], "action": "SCMP_ACT_ERRNO",
                           "args": [{"index": index, "value": 0, "op": "SCMP_CMP_EQ"}]});
        let value = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry]});
        let Err(Error::Argument { json_path, found }) = Filter::compile(&profile(value)) else {
            panic!("{index}");
        };
        assert_eq!((json_path.as_str(), found), ("linux.seccomp.syscalls[0].args[0].index", index));
    }
}
