//! Proves docs/spec-conformance.md: takes each field out of the configurations of the tests of its row, which then
//! have to fail.
//!
//! `hack/test --part take-out` builds the test programs and calls this. The closing line is
//! `N passed, N failed, N skipped`, counted in rows.

mod programs;
mod prove;

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use creel_conformance::{Page, Row};

use crate::programs::Programs;
use crate::prove::{Proof, prove};

/// As many rows at a time; a test waits more than it works.
const AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [integration, library, wanted @ ..] = &arguments[..] else {
        eprintln!("usage: creel-conformance INTEGRATION_TESTS LIBRARY_TESTS [FIELD...]");
        return ExitCode::from(2);
    };
    let programs = Programs::new(integration, library);
    let page = Page::read();
    let chosen =
        |row: &&Row| wanted.is_empty() || row.fields.iter().any(|field| wanted.contains(field));
    let rows: Vec<&Row> = page.rows.iter().filter(chosen).collect();

    // A test that fails anyway would prove anything.
    let mut tests: Vec<&String> = rows.iter().flat_map(|row| &row.tests).collect();
    tests.sort();
    tests.dedup();
    let failing = programs.run(&tests, None).failed;
    if !failing.is_empty() {
        println!("these tests fail with all fields there: {}", failing.join(", "));
        println!("0 passed, 1 failed, 0 skipped");
        return ExitCode::FAILURE;
    }

    let mut proofs = prove_all(&rows, &programs);
    proofs.sort_by_key(|(index, _)| *index);
    report(&rows, &proofs)
}

fn prove_all(rows: &[&Row], programs: &Programs) -> Vec<(usize, Proof)> {
    let next = Mutex::new(0..rows.len());
    let proofs = Mutex::new(Vec::new());
    let take = || next.lock().expect("no panic").next();
    let work = || {
        while let Some(index) = take() {
            let proof = prove(rows[index], programs);
            proofs.lock().expect("no panic").push((index, proof));
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    proofs.into_inner().expect("no panic")
}

fn report(rows: &[&Row], proofs: &[(usize, Proof)]) -> ExitCode {
    let (mut passed, mut failed, mut skipped, mut unseen) = (0, 0, 0, 0);
    for (index, proof) in proofs {
        let name = rows[*index].name();
        match proof {
            Proof::Shown => passed += 1,
            Proof::Unseen(why) => {
                unseen += 1;
                println!("unseen {name}: {why}");
            }
            Proof::Skipped(why) => {
                skipped += 1;
                println!("SKIP {}: its tests cannot run here: {why}", name.replace(' ', ""));
            }
            Proof::Wanting(findings) => {
                failed += 1;
                findings.iter().for_each(|finding| println!("FAILED {name}: {finding}"));
            }
        }
    }
    println!("{unseen} rows say why nobody can see their field");
    println!("{} passed, {failed} failed, {skipped} skipped", passed + unseen);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
