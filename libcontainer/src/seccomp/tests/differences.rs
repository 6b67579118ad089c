//! Where libseccomp 2.5 and 2.6 and the profile disagree: the smallest profile for each way. docs/seccomp.md lists
//! them; the comparison with random profiles accepts these and no others.

use super::against_libseccomp::number_of;
use super::{ALLOW, errno, oracle, profile};
use crate::seccomp::Filter;
use crate::seccomp::interpreter::{Data, Outcome, run};
use oci_spec::runtime::{Arch, LinuxSeccomp};
use serde_json::{Value, json};

const NATIVE: Arch = Arch::ScmpArchX86_64;

/// Denies this one call when one of the lists of conditions holds.
fn denying(name: &str, architectures: Value, conditions: &[Value]) -> LinuxSeccomp {
    let entry = |args| json!({"names": [name], "action": "SCMP_ACT_ERRNO", "args": args});
    let entries: Vec<Value> = conditions.iter().map(entry).collect();
    profile(
        json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": architectures, "syscalls": entries}),
    )
}

/// Ours and libseccomp's; `None` where that is not installed.
fn outcomes(given: &LinuxSeccomp, name: &str, arguments: [u64; 6]) -> Option<(Outcome, Outcome)> {
    let theirs = oracle()?.program(NATIVE, given).expect("a program");
    let ours = Filter::compile_for(given, NATIVE).expect("a program").program;
    let number = number_of(NATIVE, name).expect("a number");
    let call = Data { number, architecture: NATIVE as u32, arguments, ..Data::default() };
    Some((run(&ours, &call).expect("an end"), run(&theirs, &call).expect("an end")))
}

/// Of x86_64 and x32, a call that only x86_64 has, with a condition, when the program begins with it: it compares
/// the architecture, which is still in the accumulator, with the number of the call. The denied call is allowed.
#[test]
fn libseccomp_forgets_to_load_the_number_of_a_call_that_x32_lacks() {
    let conditions = [json!([{"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}])];
    let given = denying("uselib", json!(["SCMP_ARCH_X32"]), &conditions);
    let Some((ours, theirs)) = outcomes(&given, "uselib", [0, 5, 0, 0, 0, 0]) else { return };
    assert_eq!(ours.value, errno(libc::EPERM));
    assert_eq!((theirs.value, theirs.looked_at_number), (ALLOW, false));
}

/// Two rules for one call: the upper half of the argument, which both compare with different values, is compared
/// for both in one tree, and the way of the one that holds ends at the default. The denied call is allowed.
#[test]
fn libseccomp_loses_a_rule_among_several() {
    let conditions = [
        json!([{"index": 0, "value": 0x1_0000_0001_u64, "op": "SCMP_CMP_LT"}]),
        json!([{"index": 0, "value": 3, "op": "SCMP_CMP_LE"}]),
    ];
    let given = denying("dup2", json!([]), &conditions);
    let Some((ours, theirs)) = outcomes(&given, "dup2", [4, 0, 0, 0, 0, 0]) else { return };
    assert_eq!(ours.value, errno(libc::EPERM), "4 is less than 0x100000001");
    assert_eq!(theirs.value, ALLOW);
}

/// Where a machine does not have a call, libseccomp shows it by a negative number; two of PowerPC's share one.
#[test]
fn libseccomp_takes_two_calls_of_powerpc_for_one() {
    let Some(oracle) = oracle() else { return };
    let numbers = oracle.numbers(NATIVE, &["switch_endian", "sys_debug_setcontext"]);
    assert!(numbers[0] < 0 && numbers[0] == numbers[1], "{numbers:?}");
    assert_eq!(
        oracle.numbers(Arch::ScmpArchPpc64le, &["switch_endian", "sys_debug_setcontext"]),
        [363, 256]
    );
}
