//! The tables of docs/spec-conformance.md.

use std::fs;
use std::path::{Path, PathBuf};

/// The heading of the table whose rows are words among the options of a mount.
const OPTIONS: &str = "Mount options";
const TRAPS: &str = "Traps";

/// What the page says.
#[derive(Debug)]
pub struct Page {
    /// The rows of all fields, in their order.
    pub rows: Vec<Row>,
    /// The table of what other implementations got wrong.
    pub traps: Vec<Trap>,
}

/// What is done with a field, or with several that are alike.
#[derive(Debug)]
pub struct Row {
    /// The fields as [`remove`](crate::remove) takes them.
    pub fields: Vec<String>,
    /// Begins with yes or no.
    pub state: String,
    /// Each has to fail when one of the fields is taken out, and for each of the fields one has to.
    pub tests: Vec<String>,
    /// Tests of what holds without the field, or whatever it says.
    pub besides: Vec<String>,
    /// Why no test can fail when it is taken out.
    pub unseen: Option<String>,
}

/// A mistake that others made.
#[derive(Debug)]
pub struct Trap {
    /// The mistake.
    pub what: String,
    /// The tests that would find it here.
    pub tests: Vec<String>,
}

impl Page {
    /// Reads the page of the tree that this was built in.
    ///
    /// # Panics
    /// If it is not there, or a table is not as it should be: that is for who edits the page.
    pub fn read() -> Page {
        let file = root().join("docs/spec-conformance.md");
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Page::parse(&text)
    }

    fn parse(text: &str) -> Page {
        let mut page = Page { rows: Vec::new(), traps: Vec::new() };
        let mut heading = "";
        for line in text.lines() {
            if let Some(found) = line.strip_prefix("## ") {
                heading = found;
            }
            // The lines of a table but its head.
            let is_row = line.starts_with("| ") && !line.starts_with("| field ");
            if heading.starts_with(TRAPS) {
                if is_row && !line.starts_with("| trap ") {
                    page.traps.push(Trap::parse(line));
                }
            } else if is_row {
                page.rows.push(Row::parse(line, heading.starts_with(OPTIONS)));
            }
        }
        page
    }

    /// The words of mounts that have a row of their own.
    pub fn options(&self) -> Vec<&str> {
        let fields = self.rows.iter().flat_map(|row| &row.fields);
        fields.filter_map(|field| field.strip_prefix("mounts[].options=")).collect()
    }
}

/// The top of the tree.
fn root() -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    top.canonicalize().unwrap_or(top)
}

impl Row {
    fn parse(line: &str, is_option: bool) -> Row {
        let cells = cells(line);
        let [field, state, _, shown] = &cells[..] else { panic!("not four cells: {line}") };
        let (shown, unseen) = match shown.split_once("not seen: ") {
            Some((shown, why)) => (shown, Some(why.to_owned())),
            None => (shown.as_str(), None),
        };
        let (tests, besides) = shown.split_once("besides: ").unwrap_or((shown, ""));
        let fields = code(field).into_iter().map(|field| match is_option {
            true => format!("mounts[].options={field}"),
            false => field,
        });
        let ignored = state.starts_with("no: ignored").then(|| state.clone());
        Row {
            fields: fields.collect(),
            state: state.clone(),
            tests: code(tests),
            besides: code(besides),
            unseen: unseen.or(ignored),
        }
    }

    /// The name of the row.
    pub fn name(&self) -> String {
        self.fields.join(", ")
    }

    /// All tests that are named.
    pub fn all_tests(&self) -> impl Iterator<Item = &String> {
        self.tests.iter().chain(&self.besides)
    }
}

impl Trap {
    fn parse(line: &str) -> Trap {
        let cells = cells(line);
        let [what, shown] = &cells[..] else { panic!("not two cells: {line}") };
        Trap { what: what.clone(), tests: code(shown) }
    }
}

/// A bar inside code is escaped.
fn cells(line: &str) -> Vec<String> {
    let line = line.replace("\\|", "/");
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_has_to_fail_and_what_need_not() {
        let page = Page::parse(
            "## Process\n| field | carried out | by | shown by |\n|---|---|---|---|\n\
             | `a.b` | yes | x | `m::t`, `m::u`; besides: `m::v` |\n\
             | `c` | no: ignored | x | `m::t` |\n\
             | `d` | yes | x | `m::t`; not seen: `d` is the default |\n\
             ## Mount options\n| `ro`, `rw` | yes | x | `m::t` |\n\
             ## Traps\n| trap | test |\n|---|---|\n| a mistake | `m::t` |\n",
        );
        let [first, second, third, options] = &page.rows[..] else { panic!("{page:?}") };
        assert_eq!((first.tests.len(), first.besides.len()), (2, 1));
        assert!(first.unseen.is_none() && second.unseen.is_some());
        assert_eq!(third.unseen.as_deref(), Some("`d` is the default"));
        assert_eq!(third.tests, ["m::t"]);
        assert_eq!(options.fields, ["mounts[].options=ro", "mounts[].options=rw"]);
        assert_eq!(page.options(), ["ro", "rw"]);
        assert_eq!(page.traps[0].tests, ["m::t"]);
    }
}
