//! `creel list`: the containers of a root as a table, as JSON, or their ids alone.

use std::borrow::Cow;
use std::iter::repeat_n;

use clap::Args;
use libcontainer::{Runtime, State};

use crate::{
    cli::{Quick, Value},
    failure::Failure,
    report::print,
};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct ListArgs {
    /// table or json
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// Show the ids alone
    #[arg(long, short)]
    quiet: bool,
}

impl Quick for ListArgs {
    fn unset() -> Self {
        Self { format: "table".to_owned(), quiet: false }
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"format" | b"f" => self.format = value.text()?,
            b"quiet" | b"q" => self.quiet = value.switch()?,
            _ => return None,
        }
        Some(())
    }

    fn arguments(&mut self, _: Vec<String>) -> Option<()> {
        Some(())
    }
}

pub(super) fn run(args: &ListArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let write = match (args.quiet, args.format.as_str()) {
        (true, _) => ids,
        (false, "table") => table,
        (false, "json") => json,
        (false, other) => {
            let allowed = "table or json";
            return Err(Failure::Format { found: other.to_owned(), allowed });
        }
    };
    print(&write(&runtime.list()?)?)?;
    Ok(0)
}

fn ids(states: &[State]) -> Result<String, Failure> {
    Ok(states.iter().flat_map(|state| [state.id.as_str(), "\n"]).collect())
}

/// One line of JSON; no containers are `null`, as runc has it.
fn json(states: &[State]) -> Result<String, Failure> {
    let states = Some(states).filter(|states| !states.is_empty());
    let text = serde_json::to_string(&states);
    Ok(text.map_err(|error| Failure::Print { source: error.into() })? + "\n")
}

/// Columns of at least twelve characters with three spaces between them.
fn table(states: &[State]) -> Result<String, Failure> {
    let header = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"].map(Cow::Borrowed);
    let lines: Vec<[Cow<'_, str>; 6]> =
        [header].into_iter().chain(states.iter().map(row)).collect();
    let width = |column: usize| {
        let longest = lines.iter().map(|line| line[column].chars().count()).max();
        longest.map_or(12, |longest| (longest + 3).max(12))
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        for (cell, width) in line.iter().zip(widths) {
            text.push_str(cell);
            text.extend(repeat_n(' ', width - cell.chars().count()));
        }
        text.push_str(&line[5]);
        text.push('\n');
    }
    Ok(text)
}

fn row(state: &State) -> [Cow<'_, str>; 6] {
    [
        state.id.as_str().into(),
        state.pid.to_string().into(),
        state.status.name().into(),
        state.bundle.to_string_lossy(),
        state.created.as_str().into(),
        state.owner.as_str().into(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use libcontainer::Status;

    fn state(id: &str, bundle: &str, annotations: &[(&str, &str)]) -> State {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        State {
            oci_version: "1.3.0".to_owned(),
            id: id.to_owned(),
            pid: 14127,
            status: Status::Created,
            bundle: bundle.into(),
            rootfs: format!("{bundle}/rootfs").into(),
            created: "2026-11-22T03:53:17.749541559Z".to_owned(),
            annotations: annotations.iter().map(owned).collect::<BTreeMap<_, _>>(),
            owner: "root".to_owned(),
        }
    }

    #[test]
    fn a_table_without_containers_is_its_header() {
        let header = "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n";
        assert_eq!(table(&[]).unwrap(), header);
    }

    #[test]
    fn columns_grow_with_what_is_in_them() {
        let found =
            table(&[state("cc1", "/tmp/rs/b", &[]), state("long-name-1", "/b", &[])]).unwrap();
        let expected = "\
ID            PID         STATUS      BUNDLE      CREATED                          OWNER
cc1           14127       created     /tmp/rs/b   2026-11-22T03:53:17.749541559Z   root
long-name-1   14127       created     /b          2026-11-22T03:53:17.749541559Z   root
";
        assert_eq!(found, expected);
    }

    #[test]
    fn json_has_the_properties_in_runcs_order() {
        assert_eq!(json(&[]).unwrap(), "null\n");
        let found = json(&[state("cc1", "/b", &[("a.b", "c")]), state("cc2", "/b", &[])]).unwrap();
        let expected = |id: &str, annotations: &str| {
            format!(
                "{{\"ociVersion\":\"1.3.0\",\"id\":\"{id}\",\"pid\":14127,\"status\":\"created\",\
                 \"bundle\":\"/b\",\"rootfs\":\"/b/rootfs\",\
                 \"created\":\"2026-11-22T03:53:17.749541559Z\",{annotations}\"owner\":\"root\"}}"
            )
        };
        let first = expected("cc1", "\"annotations\":{\"a.b\":\"c\"},");
        assert_eq!(found, format!("[{first},{}]\n", expected("cc2", "")));
    }
}
