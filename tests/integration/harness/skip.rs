//! Skips: a test that cannot run says so in one line that `hack/test` collects.

use std::fs::OpenOptions;
use std::io::Write;

/// Ends the test here, with the reason why it cannot run.
macro_rules! skip {
    ($($reason:tt)+) => {{
        fn here() {}
        crate::harness::record_skip(std::any::type_name_of_val(&here), &format!($($reason)+));
        return;
    }};
}

/// Ends the test here, with the reason given, unless the condition holds.
macro_rules! unless {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            crate::harness::skip!($($reason)+);
        }
    };
}

/// Ends the test, with the reason given, when somebody else than root runs it.
macro_rules! needs_root {
    ($($reason:tt)+) => {
        if crate::harness::rootless::is_rootless() {
            crate::harness::skip!("not root: {}", format!($($reason)+));
        }
    };
}

/// Ends the test where containers have no cgroup of their own.
macro_rules! needs_cgroup {
    () => {
        if !crate::harness::cgroup::may_be_made() {
            crate::harness::skip!("not root, and no cgroup is delegated here");
        }
    };
}

/// Ends the test when the runtime under test is runc: the text says how Debian's runc 1.1.5 differs
/// from what is asked here.
macro_rules! runc_deviates {
    ($($reason:tt)+) => {
        if crate::harness::is_runc() && !crate::harness::deviations_wanted() {
            crate::harness::skip!("runc 1.1.5: {}", format!($($reason)+));
        }
    };
}

/// The tests in which runc deviates are run all the same, to see that it still does.
pub(crate) fn deviations_wanted() -> bool {
    std::env::var_os("CREEL_TEST_DEVIATIONS").is_some()
}

pub(crate) use {needs_cgroup, needs_root, runc_deviates, skip, unless};

/// Writes `SKIP <test>: <reason>` to stderr and to the file that `CREEL_SKIP_LOG` names.
///
/// `here` is the type name of a function inside the test: `integration::mounts::test::here`.
pub(crate) fn record(here: &str, reason: &str) {
    let test = here.trim_end_matches("::here");
    let test = test.split_once("::").map_or(test, |(_crate, path)| path);
    let line = format!("SKIP {test}: {}\n", reason.replace('\n', " "));
    // stderr of the process, not eprint!: the test harness would capture that of a passing test.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(log) = std::env::var_os("CREEL_SKIP_LOG") {
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let written = file.and_then(|mut f| f.write_all(line.as_bytes()));
        written.unwrap_or_else(|e| panic!("cannot write to CREEL_SKIP_LOG {log:?}: {e}"));
    }
}
