//! Conditions on arguments.

use super::{ALLOW, denying, errno, profile, verdict, x86_64};
use crate::seccomp::Filter;
use oci_spec::runtime::Arch;
use serde_json::{Value, json};

const WRITE: u32 = 1;
const HIGH: u64 = 1 << 32;

/// Values around the halves' borders.
const VALUES: [u64; 12] = [
    0,
    1,
    2,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    HIGH,
    HIGH + 1,
    HIGH + 2,
    5 * HIGH,
    u64::MAX - 1,
    u64::MAX,
];

fn write_when(args: Value) -> Filter {
    denying(json!([{"names": ["write"], "action": "SCMP_ACT_ALLOW", "args": args}]))
}

fn compare(operator: &str, holds: impl Fn(u64, u64) -> bool) {
    for value in VALUES {
        for index in 0..6 {
            let filter = write_when(json!([{"index": index, "value": value, "op": operator}]));
            for given in VALUES {
                let mut arguments = [u64::MAX / 3; 6];
                arguments[index] = given;
                let expected = if holds(given, value) { ALLOW } else { errno(1) };
                assert_eq!(
                    x86_64(&filter, WRITE, &arguments),
                    expected,
                    "{given:#x} {operator} {value:#x} at {index}"
                );
            }
        }
    }
}

#[test]
fn equal() {
    compare("SCMP_CMP_EQ", |given, value| given == value);
}

#[test]
fn not_equal() {
    compare("SCMP_CMP_NE", |given, value| given != value);
}

#[test]
fn less_than() {
    compare("SCMP_CMP_LT", |given, value| given < value);
}

#[test]
fn less_or_equal() {
    compare("SCMP_CMP_LE", |given, value| given <= value);
}

#[test]
fn greater_or_equal() {
    compare("SCMP_CMP_GE", |given, value| given >= value);
}

#[test]
fn greater_than() {
    compare("SCMP_CMP_GT", |given, value| given > value);
}

#[test]
fn masked_equal() {
    for mask in VALUES {
        for two in VALUES {
            let filter = write_when(json!([
                {"index": 2, "value": mask, "valueTwo": two, "op": "SCMP_CMP_MASKED_EQ"}
            ]));
            for given in VALUES {
                let expected = if given & mask == two & mask { ALLOW } else { errno(1) };
                let found = x86_64(&filter, WRITE, &[0, 0, given]);
                assert_eq!(found, expected, "{given:#x} & {mask:#x} == {two:#x}");
            }
        }
    }
}

/// As in Docker's default profile: engines written in Go leave out what is 0.
#[test]
fn a_mask_without_a_value_compares_with_zero() {
    let filter =
        write_when(json!([{"index": 0, "value": 0x7e02_0000_u64, "op": "SCMP_CMP_MASKED_EQ"}]));
    assert_eq!(x86_64(&filter, WRITE, &[0x11, 0, 0]), ALLOW);
    assert_eq!(x86_64(&filter, WRITE, &[0x1000_0000, 0, 0]), errno(1));
}

#[test]
fn conditions_on_several_arguments_all_have_to_hold() {
    let filter = write_when(json!([
        {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
        {"index": 2, "value": 10, "op": "SCMP_CMP_LT"},
    ]));
    assert_eq!(x86_64(&filter, WRITE, &[1, 0, 9]), ALLOW);
    assert_eq!(x86_64(&filter, WRITE, &[1, 0, 10]), errno(1));
    assert_eq!(x86_64(&filter, WRITE, &[2, 0, 9]), errno(1));
}

#[test]
fn conditions_on_one_argument_are_alternatives() {
    let filter = write_when(json!([
        {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"},
        {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"},
        {"index": 1, "value": 7, "op": "SCMP_CMP_EQ"},
    ]));
    for allowed in [[1, 0], [2, 0], [3, 7]] {
        assert_eq!(x86_64(&filter, WRITE, &allowed), ALLOW, "{allowed:?}");
    }
    assert_eq!(x86_64(&filter, WRITE, &[3, 0]), errno(1));
}

#[test]
fn entries_with_conditions_are_tried_in_order() {
    let filter = denying(json!([
        {"names": ["write"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5,
         "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]},
        {"names": ["write"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_LT"}]},
    ]));
    assert_eq!(x86_64(&filter, WRITE, &[1]), errno(5));
    assert_eq!(x86_64(&filter, WRITE, &[2]), ALLOW);
    assert_eq!(x86_64(&filter, WRITE, &[3]), errno(1));
}

#[test]
fn an_entry_without_conditions_stands_above_those_with_some() {
    let conditional = json!({"names": ["write"], "action": "SCMP_ACT_TRAP",
        "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]});
    let all = json!({"names": ["write"], "action": "SCMP_ACT_ALLOW"});
    let later = json!({"names": ["write"], "action": "SCMP_ACT_TRAP"});
    for order in [json!([conditional, all, later]), json!([all, later, conditional])] {
        assert_eq!(x86_64(&denying(order), WRITE, &[1]), ALLOW);
    }
}

#[test]
fn registers_of_32_bits_are_compared_as_such() {
    let profile = profile(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [{"names": ["write"], "action": "SCMP_ACT_ALLOW",
                      "args": [{"index": 0, "value": u64::MAX, "op": "SCMP_CMP_EQ"}]}],
    }));
    let filter = Filter::compile_for(&profile, Arch::ScmpArchX86_64).unwrap();
    let x86 = |argument| verdict(&filter, Arch::ScmpArchX86, 4, &[argument]);
    assert_eq!(x86(0xffff_ffff), ALLOW);
    assert_eq!(x86(0xffff_fffe), errno(1));
    assert_eq!(x86_64(&filter, WRITE, &[0xffff_ffff]), errno(1));
}

#[test]
fn the_halves_change_places_on_big_endian_machines() {
    let profile = profile(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["write"], "action": "SCMP_ACT_ALLOW",
                      "args": [{"index": 1, "value": 3 * HIGH + 7, "op": "SCMP_CMP_GT"}]}],
    }));
    let filter = Filter::compile_for(&profile, Arch::ScmpArchS390x).unwrap();
    let s390x = |argument| verdict(&filter, Arch::ScmpArchS390x, 4, &[0, argument]);
    assert_eq!(s390x(3 * HIGH + 8), ALLOW);
    assert_eq!(s390x(3 * HIGH + 7), errno(1));
    assert_eq!(s390x(7 * HIGH + 3), ALLOW);
    assert_eq!(s390x(0xffff_ffff), errno(1));
}
