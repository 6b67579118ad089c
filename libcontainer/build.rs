//! Builds creel-init, which the library embeds: a static program without libc, for the same target.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What makes a program out of `_start` alone.
const LINK: [&str; 11] = [
    // musl's target brings start files of its own otherwise, with a `_start` in them.
    "-Clink-self-contained=no",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nodefaultlibs",
    "-Clink-arg=-static",
    "-Clink-arg=-fuse-ld=bfd",
    "-Crelocation-model=static",
    "-Ctarget-feature=+crt-static",
    "-Clink-arg=-Wl,--build-id=none",
    "-Clink-arg=-Wl,-z,noseparate-code",
    "-Clink-arg=-Wl,-z,norelro",
    "-Cforce-unwind-tables=no",
];

fn main() {
    let source = Path::new(&variable("CARGO_MANIFEST_DIR")).join("init");
    for watched in ["init/src", "init/Cargo.toml", "init/Cargo.lock", "wire/src", "passwd/src"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = PathBuf::from(variable("OUT_DIR")).join("init");
    let target = variable("TARGET");
    let status = Command::new(variable("CARGO"))
        .current_dir(&source)
        .args(["rustc", "--locked", "--release", "--quiet", "--target", &target])
        .arg("--target-dir")
        .arg(&out)
        .arg("--")
        .args(LINK)
        // What is set for the library (coverage, sanitizers, another linker) is not for this program.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .status()
        .expect("cargo could not be started to build creel-init");
    assert!(status.success(), "creel-init did not build (see above)");
    let program = out.join(&target).join("release/creel-init");
    println!("cargo::rustc-env=CREEL_INIT={}", program.display());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo did not set {name}"))
}
