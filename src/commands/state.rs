//! `creel state`: the state of one container, indented.

use clap::Args;
use libcontainer::Runtime;

use super::find;
use crate::{
    cli::{Quick, Value},
    failure::Failure,
    report::print,
};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct StateArgs {
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

impl Quick for StateArgs {
    fn unset() -> Self {
        Self { id: String::new() }
    }

    fn flag(&mut self, _: &[u8], _: &mut Value<'_, '_>) -> Option<()> {
        None
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        self.id = arguments.into_iter().next()?;
        Some(())
    }
}

pub(super) fn run(args: &StateArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let state = find(runtime, &args.id)?.state()?;
    let text = serde_json::to_string_pretty(&state)
        .map_err(|error| Failure::Print { source: error.into() })?;
    // No newline at the end: runc writes none either.
    print(&text)?;
    Ok(0)
}
