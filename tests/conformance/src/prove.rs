//! One row: which of its tests notice that a field is gone.

use creel_conformance::Row;

use crate::programs::Programs;

/// What came of a row.
pub(crate) enum Proof {
    /// Its tests fail without its fields.
    Shown,
    /// It says why nobody can see the field.
    Unseen(String),
    /// Its tests cannot run on this machine.
    Skipped(String),
    /// What the row claims and the tests do not show.
    Wanting(Vec<String>),
}

/// For each field of a row one test has to fail, and each test has to fail for one of the fields.
pub(crate) fn prove(row: &Row, programs: &Programs) -> Proof {
    if let Some(why) = &row.unseen {
        return Proof::Unseen(why.clone());
    }
    let tests: Vec<&String> = row.tests.iter().collect();
    let mut findings = Vec::new();
    let mut noticed: Vec<String> = Vec::new();
    let mut skips: Vec<String> = Vec::new();
    for field in &row.fields {
        let outcome = programs.run(&tests, Some(field));
        if outcome.failed.is_empty() && outcome.skipped.is_empty() {
            findings.push(format!("no test notices that {field} is gone"));
        }
        noticed.extend(outcome.failed);
        skips.extend(outcome.skipped);
        findings.extend(outcome.missing.iter().map(|test| format!("{test} did not run")));
    }
    let skipped = |test: &String| skips.iter().find(|line| line.contains(test.as_str()));
    for test in &row.tests {
        if !noticed.contains(test) && skipped(test).is_none() {
            findings.push(format!("{test} passes without it"));
        }
    }
    match (findings.is_empty(), noticed.is_empty()) {
        (false, _) => Proof::Wanting(findings),
        (true, false) => Proof::Shown,
        (true, true) => Proof::Skipped(skips.first().cloned().unwrap_or_default()),
    }
}
