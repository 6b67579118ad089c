//! docs/commands.md: every flag has a row, and every row names tests that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::conformance::is_test;
use crate::harness::{Bundle, is_runc, run, skip, unless};

const GLOBAL: &str = "(global)";

/// A row about a command or one of its flags.
struct Row {
    command: String,
    /// Without dashes; empty for the command itself.
    flag: String,
    /// Further spellings.
    aliases: Vec<String>,
    of: String,
    creel: String,
    tests: Vec<String>,
}

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    fs::read_to_string(page).expect("docs/commands.md")
}

/// What stands in code in a cell.
fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `--cwd DIRECTORY` is `cwd`.
fn flag_name(code: &str) -> String {
    let word = code.split_whitespace().next().unwrap_or_default();
    word.trim_start_matches('-').to_owned()
}

/// The lines of tables with this many cells, whose first cell is code.
fn table(cells: usize) -> Vec<Vec<String>> {
    let page = page();
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    let split = |line: &str| {
        let line = line.replace("\\|", "/");
        let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).expect("a row");
        line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    lines.map(split).filter(|row| row.len() == cells).collect()
}

fn rows() -> Vec<Row> {
    let rows = table(5).into_iter().map(|cells| {
        let mut flags = codes(&cells[1]).into_iter().map(|code| flag_name(&code));
        Row {
            command: codes(&cells[0]).remove(0),
            flag: flags.next().unwrap_or_default(),
            aliases: flags.collect(),
            of: cells[2].clone(),
            creel: cells[3].clone(),
            tests: codes(&cells[4]),
        }
    });
    rows.collect()
}

impl Row {
    fn is_refused(&self) -> bool {
        self.creel.starts_with("refused")
    }

    fn name(&self) -> String {
        format!("{} {}", self.command, self.flag)
    }
}

/// The flags in a help text: long and short ones.
fn flags_in(help: &str) -> BTreeSet<String> {
    let lines = help.lines().filter(|line| line.starts_with(' '));
    let flags = lines.filter_map(|line| {
        let described = line.trim_start();
        described.starts_with('-').then(|| described.split("  ").next().unwrap_or_default())
    });
    let words = flags.flat_map(|text| text.split([',', ' ', '=', '['])).map(str::to_owned);
    words.filter(|word| word.starts_with('-')).map(|word| flag_name(&word)).collect()
}

fn help(bundle: &Bundle, command: &str) -> String {
    let words: &[&str] = if command == GLOBAL { &["--help"] } else { &[command, "--help"] };
    bundle.cmd(words).ok().stdout()
}

/// creel's commands, as its help lists them.
fn commands(bundle: &Bundle) -> Vec<String> {
    let help = help(bundle, GLOBAL);
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| line.starts_with("  ")).filter_map(|line| {
        line.split_whitespace().next().filter(|name| *name != "help").map(str::to_owned)
    });
    [GLOBAL.to_owned()].into_iter().chain(names).collect()
}

#[test]
fn the_table_and_the_help_agree() {
    unless!(!is_runc(), "the table is creel's");
    let bundle = Bundle::new("table");
    let rows = rows();
    let commands = commands(&bundle);
    for command in &commands {
        let of_command = || rows.iter().filter(|row| row.command == *command && !row.is_refused());
        assert!(command == GLOBAL || of_command().any(|row| row.flag.is_empty()), "{command}");
        let help = help(&bundle, command);
        let shown = flags_in(&help);
        let listed =
            |flag: &String| of_command().any(|row| row.flag == *flag || row.aliases.contains(flag));
        // Every command has these two.
        let missing: Vec<_> = shown
            .iter()
            .filter(|flag| !listed(flag) && !["h", "help"].contains(&flag.as_str()))
            .collect();
        assert!(missing.is_empty(), "{command}: without a row: {missing:?}");
        for row in of_command().filter(|row| !row.flag.is_empty()) {
            assert!(shown.contains(&row.flag), "{}: not in the help: {help}", row.name());
            for alias in &row.aliases {
                let alias = format!("-{alias}");
                assert!(help.contains(&alias), "{}: {alias} is not in the help", row.name());
            }
        }
    }
    for row in rows.iter().filter(|row| row.is_refused()) {
        let is_command = commands.contains(&row.command);
        assert!(row.flag.is_empty() != is_command, "{}: it is there", row.name());
        let shown =
            if is_command { flags_in(&help(&bundle, &row.command)) } else { BTreeSet::new() };
        assert!(!shown.contains(&row.flag), "{}: it is accepted", row.name());
    }
    for row in rows.iter().filter(|row| !row.is_refused()) {
        assert!(commands.contains(&row.command), "there is no command {}", row.command);
    }
}

/// A flag that the help hides has a row as well.
#[test]
fn no_flag_is_hidden() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![source.join("cli.rs")];
    let list = fs::read_dir(source.join("commands")).expect("src/commands").flatten();
    files.extend(list.map(|entry| entry.path()));
    let rows = rows();
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a source file");
        for (_, behind) in text.match_indices("#[arg(long").map(|(at, _)| text.split_at(at)) {
            let (attribute, field) = behind.split_once(")]").expect("the attribute's end");
            assert!(!attribute.contains("hide"), "{}: {attribute}", file.display());
            let field = field.split_once(':').expect("a field").0;
            let name = field.split_whitespace().next_back().expect("a name").replace('_', "-");
            let has_row = rows.iter().any(|row| row.flag == name && !row.is_refused());
            assert!(has_row, "{}: --{name} has no row", file.display());
            count += 1;
        }
    }
    assert!(count > 80, "only {count} flags were found");
}

#[test]
fn every_row_names_tests_that_are_there() {
    let rows = rows();
    assert!(rows.len() > 100, "only {} rows", rows.len());
    for (index, row) in rows.iter().enumerate() {
        assert!(!row.tests.is_empty(), "{} names no test", row.name());
        assert!(!row.creel.is_empty() && !row.of.is_empty(), "{}", row.name());
        for test in &row.tests {
            assert!(is_test(test), "{}: there is no test {test}", row.name());
        }
        let same = |other: &Row| (&other.command, &other.flag) == (&row.command, &row.flag);
        assert!(!rows[..index].iter().any(same), "{} has two rows", row.name());
    }
    let others = table(3);
    assert!(others.len() > 7, "environment and exit codes");
    for test in others.iter().flat_map(|cells| codes(&cells[2])) {
        assert!(is_test(&test), "there is no test {test}");
    }
}

/// What runc and crun of this machine know has a row.
#[test]
fn the_flags_of_other_runtimes_have_rows() {
    let rows = rows();
    let mut asked = 0;
    for runtime in ["runc", "crun"] {
        let names = rows.iter().map(|row| row.command.as_str()).filter(|name| *name != GLOBAL);
        for command in names.collect::<BTreeSet<_>>().into_iter().chain([GLOBAL]) {
            let mut words: Vec<&str> = vec!["--help"];
            words.splice(0..0, (command != GLOBAL).then_some(command));
            let mut help = Command::new(runtime);
            let Ok(output) = run(help.args(&words).stderr(Stdio::null())) else { break };
            // An unknown command has no help.
            if !output.status.success() {
                continue;
            }
            asked += 1;
            for flag in flags_in(&String::from_utf8_lossy(&output.stdout)) {
                let known = rows.iter().any(|row| {
                    row.command == command && (row.flag == flag || row.aliases.contains(&flag))
                });
                let everywhere = ["h", "help", "?", "usage"].contains(&flag.as_str());
                assert!(known || everywhere, "{runtime} {command}: {flag:?} has no row");
            }
        }
    }
    if asked == 0 {
        skip!("neither runc nor crun is here");
    }
}
