//! docs/spec-conformance.md: every field of config.json has a row, and every row names tests that are there.

use std::fs;
use std::path::{Path, PathBuf};

use oci_spec::runtime;
use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};

/// A row of the table.
struct Row {
    field: String,
    state: String,
    tests: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every line of a table whose first cell is code.
fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/spec-conformance.md")).expect("the page");
    let lines = text.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            // A bar inside code is escaped.
            let cells = line.replace("\\|", "/");
            let cells: Vec<&str> = cells.trim_matches('|').split('|').map(str::trim).collect();
            let [field, state, _, tests] = cells[..] else { panic!("not four cells: {line}") };
            Row {
                field: field.trim_matches('`').to_owned(),
                state: state.to_owned(),
                tests: tests.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
            }
        })
        .collect()
}

/// Answers a type that asks for a struct with nothing but the names of its fields.
struct Names<'a>(&'a mut Vec<String>);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields.iter().map(|field| (*field).to_owned()));
        Err(Error::custom("the names are all that was wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields of a type as config.json spells them, behind the path that leads to it.
fn fields<T: for<'de> Deserialize<'de>>(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    assert!(T::deserialize(Names(&mut names)).is_err());
    assert!(!names.is_empty(), "{path} has no fields");
    names.iter().map(|name| format!("{path}{name}")).collect()
}

fn all_fields() -> Vec<String> {
    [
        fields::<runtime::Spec>(""),
        fields::<runtime::Root>("root."),
        fields::<runtime::Mount>("mounts[]."),
        fields::<runtime::Process>("process."),
        fields::<runtime::Box>("process.consoleSize."),
        fields::<runtime::User>("process.user."),
        fields::<runtime::LinuxCapabilities>("process.capabilities."),
        fields::<runtime::PosixRlimit>("process.rlimits[]."),
        fields::<runtime::LinuxIOPriority>("process.ioPriority."),
        fields::<runtime::Scheduler>("process.scheduler."),
        fields::<runtime::ExecCPUAffinity>("process.execCPUAffinity."),
        fields::<runtime::Hooks>("hooks."),
        fields::<runtime::Hook>("hooks.*[]."),
        fields::<runtime::Linux>("linux."),
        fields::<runtime::LinuxIdMapping>("linux.uidMappings[]."),
        fields::<runtime::LinuxNamespace>("linux.namespaces[]."),
        fields::<runtime::LinuxDevice>("linux.devices[]."),
        fields::<runtime::LinuxNetDevice>("linux.netDevices{}."),
        fields::<runtime::LinuxTimeOffset>("linux.timeOffsets{}."),
        fields::<runtime::LinuxPersonality>("linux.personality."),
        fields::<runtime::LinuxMemoryPolicy>("linux.memoryPolicy."),
        fields::<runtime::LinuxIntelRdt>("linux.intelRdt."),
        fields::<runtime::LinuxSeccomp>("linux.seccomp."),
        fields::<runtime::LinuxSyscall>("linux.seccomp.syscalls[]."),
        fields::<runtime::LinuxSeccompArg>("linux.seccomp.syscalls[].args[]."),
        fields::<runtime::LinuxResources>("linux.resources."),
        fields::<runtime::LinuxDeviceCgroup>("linux.resources.devices[]."),
        fields::<runtime::LinuxMemory>("linux.resources.memory."),
        fields::<runtime::LinuxCpu>("linux.resources.cpu."),
        fields::<runtime::LinuxPids>("linux.resources.pids."),
        fields::<runtime::LinuxBlockIo>("linux.resources.blockIO."),
        fields::<runtime::LinuxHugepageLimit>("linux.resources.hugepageLimits[]."),
        fields::<runtime::LinuxNetwork>("linux.resources.network."),
        fields::<runtime::LinuxRdma>("linux.resources.rdma{}."),
    ]
    .concat()
}

#[test]
fn every_field_has_one_row() {
    let rows = rows();
    let fields = all_fields();
    let missing: Vec<&String> =
        fields.iter().filter(|field| !rows.iter().any(|row| row.field == **field)).collect();
    assert!(missing.is_empty(), "without a row: {missing:#?}");
    for (index, row) in rows.iter().enumerate() {
        let twice = rows[..index].iter().any(|other| other.field == row.field);
        assert!(!twice, "{} has two rows", row.field);
    }
}

#[test]
fn every_row_says_yes_or_no_and_names_a_test() {
    for row in rows() {
        let said = row.state.starts_with("yes") || row.state.starts_with("no");
        assert!(said, "{}: {:?} is neither yes nor no", row.field, row.state);
        assert!(!row.tests.is_empty(), "{} names no test", row.field);
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    for row in rows() {
        for test in &row.tests {
            assert!(is_test(test), "{}: there is no test {test}", row.field);
        }
    }
}

/// `module::test` of the integration tests, or `area::module::tests::test` of libcontainer.
fn is_test(name: &str) -> bool {
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
    vec![
        root().join("tests/integration").join(format!("{path}.rs")),
        unit.join(format!("{path}.rs")),
        unit.join(&path).join("mod.rs"),
        unit.join(format!("{outer}.rs")),
        unit.join(outer).join("mod.rs"),
    ]
}
