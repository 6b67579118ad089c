//! The static probe program, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::orphans;

/// The probe to put into a root file system.
pub(crate) fn probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| match std::env::var_os("CREEL_PROBE") {
        Some(path) => PathBuf::from(path),
        None => build(),
    })
}

/// Builds in a target directory of its own: other flags would throw away the main one's work.
/// Cargo's lock on it keeps concurrent test programs apart.
fn build() -> PathBuf {
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probe");
    let triple = host_triple();
    let mut build = Command::new(cargo());
    build
        .args(["build", "--quiet", "--release", "--package", "creel-probe"])
        .args(["--target", &triple])
        .arg("--target-dir")
        .arg(&target_dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
    let output = orphans::run(&mut build).expect("cannot run cargo to build the probe");
    assert!(output.status.success(), "building the probe failed");
    target_dir.join(triple).join("release/creel-probe")
}

fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn host_triple() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = orphans::run(Command::new(rustc).arg("-vV")).expect("cannot run rustc");
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc -vV names the host").to_owned()
}
