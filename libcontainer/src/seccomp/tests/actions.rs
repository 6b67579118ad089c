//! Actions, defaults, flags, limits and calls newer than the profile.

use super::{ALLOW, KILL, compile, denying, errno, x86_64};
use crate::seccomp::{Error, MAX_INSTRUCTIONS};
use serde_json::{Value, json};

const READ: u32 = 0;
const WRITE: u32 = 1;
const GETPID: u32 = 39;

#[test]
fn every_action_is_what_the_kernel_calls_it() {
    for (action, number, expected) in [
        ("SCMP_ACT_KILL", None, KILL),
        ("SCMP_ACT_KILL_THREAD", None, KILL),
        ("SCMP_ACT_KILL_PROCESS", None, 0x8000_0000),
        ("SCMP_ACT_TRAP", None, 0x3_0000),
        ("SCMP_ACT_ERRNO", None, errno(1)),
        ("SCMP_ACT_ERRNO", Some(libc::EBUSY), errno(libc::EBUSY)),
        ("SCMP_ACT_ERRNO", Some(0), errno(0)),
        ("SCMP_ACT_TRACE", None, 0x7ff0_0001),
        ("SCMP_ACT_TRACE", Some(9), 0x7ff0_0009),
        ("SCMP_ACT_LOG", None, 0x7ffc_0000),
        ("SCMP_ACT_ALLOW", None, ALLOW),
    ] {
        let mut entry = json!({"names": ["write"], "action": action});
        let mut as_default = json!({"defaultAction": action});
        if let Some(number) = number {
            entry["errnoRet"] = json!(number);
            as_default["defaultErrnoRet"] = json!(number);
        }
        let other = json!({"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3});
        let filter = denying(json!([entry, other]));
        assert_eq!(x86_64(&filter, WRITE, &[]), expected, "{action} {number:?}");
        assert_eq!(x86_64(&filter, READ, &[]), errno(3), "each entry has its own number");
        let filter = compile(as_default).unwrap();
        assert_eq!(x86_64(&filter, WRITE, &[]), expected, "default {action} {number:?}");
    }
}

#[test]
fn a_number_that_no_filter_can_return_is_refused_by_its_place() {
    let refused = |profile: Value| compile(profile).unwrap_err();
    let path = |at: &str| Error::Errno { json_path: at.to_owned(), found: 65536 };
    assert_eq!(
        refused(json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 65536})),
        path("linux.seccomp.defaultErrnoRet")
    );
    let entry = json!({"names": ["read"], "action": "SCMP_ACT_TRACE", "errnoRet": 65536});
    assert_eq!(
        refused(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry]})),
        path("linux.seccomp.syscalls[0].errnoRet")
    );
}

#[test]
fn unknown_names_are_skipped() {
    let filter = denying(json!([
        {"names": ["no_such_call", "read", "Write"], "action": "SCMP_ACT_ALLOW"}
    ]));
    assert_eq!(x86_64(&filter, READ, &[]), ALLOW);
    assert_ne!(x86_64(&filter, WRITE, &[]), ALLOW);
}

#[test]
fn calls_newer_than_the_profile_do_not_exist() {
    let entry = json!({"names": ["read", "getpid"], "action": "SCMP_ACT_ALLOW"});
    for (default, number, newer) in [
        ("SCMP_ACT_ERRNO", None, errno(libc::ENOSYS)),
        ("SCMP_ACT_ERRNO", Some(libc::EACCES), errno(libc::ENOSYS)),
        ("SCMP_ACT_KILL", None, errno(libc::ENOSYS)),
        ("SCMP_ACT_KILL_PROCESS", None, errno(libc::ENOSYS)),
        ("SCMP_ACT_TRAP", None, errno(libc::ENOSYS)),
        ("SCMP_ACT_LOG", None, 0x7ffc_0000),
        ("SCMP_ACT_TRACE", None, 0x7ff0_0001),
    ] {
        let mut profile = json!({"defaultAction": default, "syscalls": [entry]});
        if let Some(number) = number {
            profile["defaultErrnoRet"] = json!(number);
        }
        let filter = compile(profile).unwrap();
        assert_eq!(x86_64(&filter, GETPID, &[]), ALLOW);
        assert_eq!(x86_64(&filter, GETPID + 1, &[]), newer, "{default}");
        assert_eq!(x86_64(&filter, 100_000, &[]), newer, "{default}");
        assert_ne!(x86_64(&filter, GETPID - 1, &[]), errno(libc::ENOSYS), "{default}");
    }
}

#[test]
fn what_an_entry_denies_is_known_to_the_profile_too() {
    let filter = denying(json!([
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["getpid"], "action": "SCMP_ACT_ERRNO"},
    ]));
    assert_eq!(x86_64(&filter, GETPID, &[]), errno(1));
    assert_eq!(x86_64(&filter, GETPID + 1, &[]), errno(libc::ENOSYS));
}

#[test]
fn an_empty_profile_is_its_default() {
    let filter = compile(json!({"defaultAction": "SCMP_ACT_ERRNO"})).unwrap();
    for number in [0, 59, 462, 100_000] {
        assert_eq!(x86_64(&filter, number, &[]), errno(1));
    }
}

#[test]
fn flags_are_those_that_matter() {
    let flags = |flags: Value| {
        let mut profile = json!({"defaultAction": "SCMP_ACT_ALLOW"});
        if !flags.is_null() {
            profile["flags"] = flags;
        }
        compile(profile).unwrap().flags
    };
    assert_eq!(flags(Value::Null), 4, "SPEC_ALLOW");
    assert_eq!(flags(json!([])), 0);
    assert_eq!(flags(json!(["SECCOMP_FILTER_FLAG_LOG"])), 2);
    assert_eq!(flags(json!(["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"])), 4);
}

#[test]
fn a_program_longer_than_the_kernel_takes_is_refused() {
    let entries: Vec<Value> = (0..2000)
        .map(|value| {
            json!({"names": ["write"], "action": "SCMP_ACT_ALLOW",
                   "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]})
        })
        .collect();
    let error =
        compile(json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": entries})).unwrap_err();
    let Error::TooLong { instructions } = error else { panic!("{error}") };
    assert!(instructions > MAX_INSTRUCTIONS);
    assert!(error.to_string().contains("4096"), "{error}");
}

#[test]
fn the_bytes_are_the_kernels_structure() {
    let filter = compile(json!({"defaultAction": "SCMP_ACT_ALLOW"})).unwrap();
    let bytes = filter.bytes();
    assert_eq!(bytes.len(), 8 * filter.program.len());
    let load_architecture: [u8; 8] = if cfg!(target_endian = "little") {
        [0x20, 0, 0, 0, 4, 0, 0, 0]
    } else {
        [0, 0x20, 0, 0, 0, 0, 0, 4]
    };
    assert_eq!(bytes[..8], load_architecture);
}
