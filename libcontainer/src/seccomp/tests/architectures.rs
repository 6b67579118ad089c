//! Several architectures in one profile.

use super::{ALLOW, KILL, errno, profile, verdict};
use crate::seccomp::Filter;
use oci_spec::runtime::Arch;
use serde_json::{Value, json};

const X32: u32 = 0x4000_0000;
const NOT_IMPLEMENTED: i32 = libc::ENOSYS;

fn allowing(names: &[&str], architectures: Value, native: Arch) -> Filter {
    let profile = profile(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": architectures,
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    }));
    Filter::compile_for(&profile, native).expect("a program")
}

#[test]
fn each_has_its_own_numbers() {
    let all = json!(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]);
    let filter = allowing(&["read", "execve", "openat2"], all, Arch::ScmpArchX86_64);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86_64, 59, &[]), ALLOW);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86, 11, &[]), ALLOW);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86, 59, &[]), errno(1));
    assert_eq!(verdict(&filter, Arch::ScmpArchX32, X32 + 520, &[]), ALLOW);
    assert_eq!(verdict(&filter, Arch::ScmpArchX32, X32 + 59, &[]), errno(1));
    assert_eq!(verdict(&filter, Arch::ScmpArchAarch64, 63, &[]), KILL);
}

#[test]
fn the_machines_own_is_always_there() {
    let filter = allowing(&["read"], json!(["SCMP_ARCH_X86"]), Arch::ScmpArchX86_64);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86_64, 0, &[]), ALLOW);
    let filter = allowing(&["read"], json!(["SCMP_ARCH_NATIVE"]), Arch::ScmpArchAarch64);
    assert_eq!(verdict(&filter, Arch::ScmpArchAarch64, 63, &[]), ALLOW);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86_64, 0, &[]), KILL);
}

#[test]
fn what_is_not_listed_is_killed_whatever_the_default() {
    let profile = profile(json!({"defaultAction": "SCMP_ACT_ALLOW"}));
    let filter = Filter::compile_for(&profile, Arch::ScmpArchX86_64).unwrap();
    assert_eq!(verdict(&filter, Arch::ScmpArchX86_64, 1, &[]), ALLOW);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86, 1, &[]), KILL);
    assert_eq!(verdict(&filter, Arch::ScmpArchX32, X32 + 1, &[]), KILL);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86_64, u32::MAX, &[]), ALLOW, "a skipped call");
}

#[test]
fn x32_does_not_exist_when_it_is_not_listed_and_calls_are_denied() {
    let filter = allowing(&["read"], json!(["SCMP_ARCH_X86_64"]), Arch::ScmpArchX86_64);
    assert_eq!(verdict(&filter, Arch::ScmpArchX32, X32, &[]), errno(NOT_IMPLEMENTED));
}

#[test]
fn the_age_of_the_profile_is_counted_for_each() {
    let both = json!(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    let filter = allowing(&["read", "write", "set_tls"], both, Arch::ScmpArchAarch64);
    assert_eq!(verdict(&filter, Arch::ScmpArchAarch64, 65, &[]), errno(NOT_IMPLEMENTED));
    assert_eq!(verdict(&filter, Arch::ScmpArchArm, 5, &[]), errno(NOT_IMPLEMENTED));
    assert_eq!(verdict(&filter, Arch::ScmpArchArm, 0xf_0005, &[]), ALLOW, "a private call");
}

#[test]
fn unknown_calls_of_s390x_show_as_setup() {
    let filter = allowing(&["read"], json!([]), Arch::ScmpArchS390x);
    assert_eq!(verdict(&filter, Arch::ScmpArchS390x, 0, &[]), errno(NOT_IMPLEMENTED));
    assert_eq!(verdict(&filter, Arch::ScmpArchS390x, 3, &[]), ALLOW);
}

#[test]
fn socket_calls_come_by_socketcall_too() {
    let filter = allowing(&["connect"], json!(["SCMP_ARCH_X86"]), Arch::ScmpArchX86_64);
    let socketcall = |which| verdict(&filter, Arch::ScmpArchX86, 102, &[which, 0xffff_0000]);
    assert_eq!(socketcall(3), ALLOW);
    assert_eq!(socketcall(2), errno(1));
    assert_eq!(verdict(&filter, Arch::ScmpArchX86, 362, &[]), ALLOW);
}

#[test]
fn what_exists_only_inside_of_ipc_is_found_there() {
    let filter = allowing(&["read", "semop"], json!(["SCMP_ARCH_X86"]), Arch::ScmpArchX86_64);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86, 117, &[1]), ALLOW);
    assert_eq!(verdict(&filter, Arch::ScmpArchX86, 117, &[2]), errno(1));
}

#[test]
fn the_other_byte_order_cannot_occur() {
    let filter = allowing(&["read"], json!(["SCMP_ARCH_S390X"]), Arch::ScmpArchX86_64);
    let alone = allowing(&["read"], json!([]), Arch::ScmpArchX86_64);
    assert_eq!(filter, alone);
}
