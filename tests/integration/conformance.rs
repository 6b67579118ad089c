//! docs/spec-conformance.md: every field of config.json has a row, and every row names tests that are there.
//! `hack/test --part take-out` proves that these tests notice the field.

use std::fs;
use std::path::{Path, PathBuf};

use creel_conformance::Page;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_field_has_one_row() {
    let rows = Page::read().rows;
    let has_row = |field: &String| rows.iter().any(|row| row.fields.contains(field));
    let fields = creel_conformance::fields();
    let missing: Vec<&String> = fields.iter().filter(|field| !has_row(field)).collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
    let listed: Vec<&String> = rows.iter().flat_map(|row| &row.fields).collect();
    for (index, field) in listed.iter().enumerate() {
        assert!(!listed[..index].contains(field), "{field} has two rows");
        let is_option = field.starts_with("mounts[].options=");
        assert!(is_option || fields.contains(field), "there is no field {field}");
    }
}

#[test]
fn every_row_says_yes_or_no_and_names_a_test() {
    for row in Page::read().rows {
        let said = row.state.starts_with("yes") || row.state.starts_with("no");
        assert!(said, "{}: {:?} is neither yes nor no", row.name(), row.state);
        assert!(row.all_tests().next().is_some(), "{} names no test", row.name());
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    for row in Page::read().rows {
        for test in row.all_tests() {
            assert!(is_test(test), "{}: there is no test {test}", row.name());
        }
    }
}

#[test]
fn every_trap_names_tests_that_are_there() {
    let traps = Page::read().traps;
    assert!(!traps.is_empty(), "no traps");
    for trap in traps {
        assert!(!trap.tests.is_empty(), "{:?} names no test", trap.what);
        for test in &trap.tests {
            assert!(is_test(test), "{:?}: there is no test {test}", trap.what);
        }
    }
}

/// `module::test` of the integration tests, or `area::module::tests::test` of libcontainer and the program.
pub(crate) fn is_test(name: &str) -> bool {
    let (module, function) = name.rsplit_once("::").unwrap_or(("", name));
    files(module).iter().filter_map(|file| fs::read_to_string(file).ok()).any(|text| {
        let wanted = format!("fn {function}(");
        text.match_indices(&wanted)
            .map(|(at, _)| at)
            .any(|at| text[..at].trim_end().ends_with("#[test]"))
    })
}

fn files(module: &str) -> Vec<PathBuf> {
    let path = module.replace("::", "/");
    let unit = root().join("libcontainer/src");
    // A module `tests` may stand in a file of its own or at the end of what it tests.
    let outer = path.strip_suffix("/tests").unwrap_or(&path);
    let program = [root().join("src"), root().join("src/commands")];
    let of_program = program
        .iter()
        .flat_map(|dir| [dir.join(format!("{path}.rs")), dir.join(format!("{outer}.rs"))]);
    let mut files = vec![
        root().join("tests/integration").join(format!("{path}.rs")),
        unit.join(format!("{path}.rs")),
        unit.join(&path).join("mod.rs"),
        unit.join(format!("{outer}.rs")),
        unit.join(outer).join("mod.rs"),
    ];
    files.extend(of_program);
    files
}
