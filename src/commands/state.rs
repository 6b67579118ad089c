//! `creel state`: the state of one container, indented.

use libcontainer::Runtime;

use super::{find, one_container::OneContainer};
use crate::{failure::Failure, report::print};

pub(super) fn run(args: &OneContainer, runtime: &Runtime) -> Result<i32, Failure> {
    let state = find(runtime, &args.id)?.state()?;
    let text = serde_json::to_string_pretty(&state)
        .map_err(|error| Failure::Print { source: error.into() })?;
    // No newline at the end: runc writes none either.
    print(&text)?;
    Ok(0)
}
