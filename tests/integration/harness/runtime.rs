//! The runtime under test.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::orphans;

/// The program under test, as an absolute path.
pub(crate) fn runtime() -> &'static Path {
    static RUNTIME: OnceLock<PathBuf> = OnceLock::new();
    RUNTIME.get_or_init(|| match env::var_os("CREEL_TEST_RUNTIME") {
        Some(name) => find(&name),
        None => PathBuf::from(env!("CARGO_BIN_EXE_creel")),
    })
}

/// A name is looked up in PATH, a path is made absolute.
fn find(name: &OsStr) -> PathBuf {
    if name.as_encoded_bytes().contains(&b'/') {
        return std::path::absolute(name).expect("the path of CREEL_TEST_RUNTIME");
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("CREEL_TEST_RUNTIME: no {name:?} in PATH"))
}

/// The runtime under test is runc, whose texts and old deviations the tests make allowance for.
pub(crate) fn is_runc() -> bool {
    static IS_RUNC: OnceLock<bool> = OnceLock::new();
    *IS_RUNC.get_or_init(|| version().starts_with("runc "))
}

/// What `--version` prints.
fn version() -> String {
    let output = orphans::run(Command::new(runtime()).arg("--version"));
    let output = output.unwrap_or_else(|e| panic!("cannot run {}: {e}", runtime().display()));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
