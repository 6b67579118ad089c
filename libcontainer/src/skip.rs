//! Skips: a unit test that cannot run on this host says so in one line that `hack/test` collects.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;

/// Writes `SKIP <test>: <reason>` to stderr and to the file that `CREEL_SKIP_LOG` names. The caller
/// returns from the test afterwards.
///
/// The test is the thread's name, as the test harness gives it; a test that starts a thread names
/// it likewise.
pub(crate) fn skip(reason: &str) {
    let thread = thread::current();
    let line = format!("SKIP {}: {reason}\n", thread.name().unwrap_or("unnamed"));
    // stderr of the process, not eprint!: the test harness would capture that of a passing test.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(log) = std::env::var_os("CREEL_SKIP_LOG") {
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.unwrap_or_else(|e| panic!("cannot write to CREEL_SKIP_LOG {log:?}: {e}"));
    }
}
