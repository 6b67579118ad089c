//! Profiles: whatever stands in `linux.seccomp`, compiling it does not panic; what comes out is a program that
//! the kernel takes; and its verdicts are those of a plain model of the profile.
//!
//! An input that begins with `{` is the profile's JSON; of any other a profile is made up ([`make_up`]).
#![no_main]

#[allow(dead_code, unused_imports)]
#[path = "../../../libcontainer/src/seccomp/architecture.rs"]
mod architecture;
#[path = "../../../libcontainer/src/seccomp/interpreter.rs"]
mod interpreter;
mod kernel;
mod make_up;
mod model;
#[allow(dead_code)]
#[path = "../../../libcontainer/src/seccomp/tables.rs"]
mod tables;

use interpreter::run;
use libcontainer::seccomp::Filter;
use libfuzzer_sys::fuzz_target;
use make_up::Bytes;
use model::Model;
use oci_spec::runtime::{Arch, LinuxSeccomp};

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes::new(data);
    let text = std::str::from_utf8(data).ok().filter(|text| text.starts_with('{'));
    let (profile, native) = match text {
        Some(text) => (serde_json::from_str(text), Arch::ScmpArchX86_64),
        None => {
            let native = make_up::native(&mut bytes);
            (serde_json::from_value(make_up::profile(&mut bytes)), native)
        }
    };
    match profile {
        Ok(profile) => compiled(&profile, native, &mut bytes),
        // What is made up has the shape of a profile.
        Err(error) => assert!(text.is_some(), "{error}"),
    }
});

fn compiled(profile: &LinuxSeccomp, native: Arch, bytes: &mut Bytes<'_>) {
    let Ok(filter) = Filter::compile_for(profile, native) else {
        assert!(model::may_be_refused(profile), "refused: {profile:?}");
        return;
    };
    kernel::check(&filter.program);
    let model = Model::of(profile, native);
    for call in model.calls(bytes) {
        let verdict = run(&filter.program, &call).expect("an end").value;
        assert_eq!(verdict, model.verdict(&call), "{native:?} {call:?} {profile:?}");
    }
}
