//! The compiler against the specification, case by case, and against libseccomp.

mod actions;
mod against_libseccomp;
mod architectures;
mod compare;
mod differences;
mod engines;
mod model;
mod notify;
mod operators;
mod oracle;
mod random;

use super::interpreter::{Data, run};
use super::{Error, Filter};
use crate::skip::skip;
use oci_spec::runtime::{Arch, LinuxSeccomp};
use oracle::Oracle;
use serde_json::{Value, json};
use std::sync::OnceLock;

pub(super) const ALLOW: u32 = 0x7fff_0000;
pub(super) const KILL: u32 = 0;

/// libseccomp; `None`, with a word about it, where it is not installed.
fn oracle() -> Option<&'static Oracle> {
    static ORACLE: OnceLock<Result<Oracle, String>> = OnceLock::new();
    match ORACLE.get_or_init(Oracle::build) {
        Ok(oracle) => Some(oracle),
        Err(reason) => {
            skip(reason);
            None
        }
    }
}

pub(super) fn errno(number: i32) -> u32 {
    0x5_0000 | number as u32
}

pub(super) fn profile(mut value: Value) -> LinuxSeccomp {
    creel_conformance::take_out_below("linux.seccomp", &mut value);
    serde_json::from_value(value).expect("a profile")
}

pub(super) fn compile(value: Value) -> Result<Filter, Error> {
    Filter::compile_for(&profile(value), Arch::ScmpArchX86_64)
}

/// A profile for x86_64 that denies all but these entries.
pub(super) fn denying(syscalls: Value) -> Filter {
    compile(json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": syscalls})).expect("a program")
}

/// What a call gets.
pub(super) fn verdict(filter: &Filter, arch: Arch, number: u32, arguments: &[u64]) -> u32 {
    let audit = match arch {
        Arch::ScmpArchX32 => Arch::ScmpArchX86_64,
        arch => arch,
    };
    let mut data = Data { number, architecture: audit as u32, ..Data::default() };
    data.arguments[..arguments.len()].copy_from_slice(arguments);
    data.big_endian = audit as u32 & 0x4000_0000 == 0;
    run(&filter.program, &data).expect("an end").value
}

pub(super) fn x86_64(filter: &Filter, number: u32, arguments: &[u64]) -> u32 {
    verdict(filter, Arch::ScmpArchX86_64, number, arguments)
}
