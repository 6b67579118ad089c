//! docs/security-tests.md: every attack that is named has tests, and they are there.

use crate::conformance::is_test;

/// What a release has to keep closed.
const ATTACKS: [&str; 20] = [
    "2016-9962",
    "2019-5736",
    "2019-16884",
    "2019-19921",
    "2023-27561",
    "2023-28642",
    "2021-30465",
    "2021-43784",
    "2022-29162",
    "2022-27650",
    "2023-25809",
    "2024-21626",
    "2024-45310",
    "2025-31133",
    "2025-52565",
    "2025-52881",
    "2026-41579",
    "2026-47766",
    "2026-30892",
    "pid reuse",
];

/// The cells of each row.
fn rows() -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/security-tests.md");
    let lines = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack"));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
    lines.map(cells).collect()
}

#[test]
fn every_attack_has_a_row() {
    let rows = rows();
    for attack in ATTACKS {
        assert!(rows.iter().any(|row| row[0].contains(attack)), "{attack} has no row");
    }
}

#[test]
fn every_row_names_tests_that_are_there_and_what_shows_that_they_work() {
    for row in rows() {
        assert_eq!(row.len(), 4, "{row:?}");
        let tests: Vec<&str> = row[2].split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{} names no test", row[0]);
        for test in tests {
            assert!(is_test(test), "{}: there is no test {test}", row[0]);
        }
        assert!(row[3].len() > 20, "{}: nothing shows that the tests notice", row[0]);
    }
}

/// docs/hardening.md names the steps as the code does, and all of them.
#[test]
fn every_step_is_in_the_description_of_the_process() {
    let script = include_str!("../../../libcontainer/init/src/script.rs");
    let page = include_str!("../../../docs/hardening.md");
    let steps = |text: &str, before: &str| -> Vec<String> {
        let names = text.split(before).skip(1);
        let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        names.map(name).collect()
    };
    let in_code: Vec<String> =
        steps(script, " Step::").into_iter().filter(|s| !s.is_empty()).collect();
    assert!(in_code.len() > 40, "{in_code:?}");
    for step in &in_code {
        assert!(page.contains(&format!("`{step}`")), "docs/hardening.md does not name {step}");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    for row in rows {
        for named in row.split('|').nth(1).unwrap_or("").split('`').skip(1).step_by(2) {
            assert!(in_code.iter().any(|step| step == named), "there is no step {named}");
        }
    }
}
