//! `creel ps`: the processes of a container, as the ps program shows them or as a list of pids.

use std::collections::BTreeSet;
use std::process::Command;

use clap::Args;
use libcontainer::Runtime;

use super::find;
use crate::{failure::Failure, report::print};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct PsArgs {
    /// table or json
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
    /// Options for ps [default: -ef]
    #[arg(value_name = "ps options", trailing_var_arg = true)]
    options: Vec<String>,
}

pub(super) fn run(args: &PsArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let container = find(runtime, &args.id)?;
    let text = match args.format.as_str() {
        "json" => json(&container.processes()?)?,
        "table" => {
            let pids = container.processes()?;
            table(&ps(&args.options)?, &pids.into_iter().collect())?
        }
        other => {
            let (found, allowed) = (other.to_owned(), "table or json");
            return Err(Failure::Format { found, allowed });
        }
    };
    print(&text)?;
    Ok(0)
}

/// One line; no processes are `null`, as runc has it.
fn json(pids: &[i32]) -> Result<String, Failure> {
    let pids = Some(pids).filter(|pids| !pids.is_empty());
    let text = serde_json::to_string(&pids);
    Ok(text.map_err(|error| Failure::Print { source: error.into() })? + "\n")
}

fn ps(options: &[String]) -> Result<String, Failure> {
    let mut command = Command::new("ps");
    match options {
        [] => command.arg("-ef"),
        options => command.args(options),
    };
    let output = command.output().map_err(|source| Failure::RunPs { source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(Failure::PsFailed { said: said.trim().to_owned() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The header, and the lines whose PID column has one of these.
fn table(text: &str, pids: &BTreeSet<i32>) -> Result<String, Failure> {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let column = header.split_whitespace().position(|title| title == "PID");
    let column = column.ok_or(Failure::NoPidColumn)?;
    let mut table = format!("{header}\n");
    for line in lines {
        let pid = line.split_whitespace().nth(column).and_then(|word| word.parse().ok());
        if pid.is_some_and(|pid| pids.contains(&pid)) {
            table.push_str(line);
            table.push('\n');
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_containers_lines_are_left() {
        let text = "UID        PID  PPID\nroot         1     0\nroot        12     1\n";
        let found = table(text, &[12].into()).unwrap();
        assert_eq!(found, "UID        PID  PPID\nroot        12     1\n");
        assert!(matches!(table("COMMAND\nsh\n", &[12].into()), Err(Failure::NoPidColumn)));
    }

    #[test]
    fn json_is_one_line() {
        assert_eq!(json(&[3, 7]).unwrap(), "[3,7]\n");
        assert_eq!(json(&[]).unwrap(), "null\n");
    }
}
