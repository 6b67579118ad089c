//! The test programs, and what single tests of them say.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use creel_conformance::VARIABLE;

/// The two programs whose tests the page names.
pub(crate) struct Programs {
    integration: String,
    library: String,
}

/// What tests said.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) failed: Vec<String>,
    /// Their lines `SKIP name: reason`.
    pub(crate) skipped: Vec<String>,
    /// Those that the program does not have.
    pub(crate) missing: Vec<String>,
}

impl Programs {
    pub(crate) fn new(integration: &str, library: &str) -> Programs {
        Programs { integration: integration.to_owned(), library: library.to_owned() }
    }

    /// Runs tests, without a field or with all.
    pub(crate) fn run(&self, tests: &[&String], without: Option<&str>) -> Outcome {
        let mut outcome = Outcome::default();
        // Tests of containers are `module::test`, those of libcontainer are deeper.
        let (inside, units): (Vec<&String>, Vec<&String>) =
            tests.iter().partition(|test| test.matches("::").count() == 1);
        self.run_in(&self.integration, &inside, without, &mut outcome);
        self.run_in(&self.library, &units, without, &mut outcome);
        outcome
    }

    fn run_in(
        &self,
        program: &str,
        tests: &[&String],
        without: Option<&str>,
        outcome: &mut Outcome,
    ) {
        if tests.is_empty() {
            return;
        }
        let log = Log::new();
        let mut command = Command::new(program);
        command.arg("--exact").args(tests).env("CREEL_SKIP_LOG", &log.0).stdin(Stdio::null());
        command.env_remove("RUST_BACKTRACE").env_remove(VARIABLE);
        if let Some(field) = without {
            command.env(VARIABLE, field).arg("--test-threads=2");
        }
        let output = command.output().unwrap_or_else(|e| panic!("cannot run {program}: {e}"));
        let said = String::from_utf8_lossy(&output.stdout);
        for test in tests {
            let result =
                |result: &str| said.lines().any(|line| line == format!("test {test} ... {result}"));
            match () {
                () if result("FAILED") => outcome.failed.push((*test).clone()),
                () if result("ok") => {}
                () => outcome.missing.push((*test).clone()),
            }
        }
        let skips = fs::read_to_string(&log.0).unwrap_or_default();
        outcome.skipped.extend(skips.lines().map(str::to_owned));
    }
}

/// A file for skips, removed at the end.
struct Log(PathBuf);

impl Log {
    fn new() -> Log {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Log(env::temp_dir().join(format!("creel-take-out-{}-{number}", std::process::id())))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
