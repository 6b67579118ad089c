//! `creel start`: lets a created container run its program.

use clap::Args;
use libcontainer::{Runtime, StartOptions};

use super::find;
use crate::{
    cli::{Quick, Value},
    environment,
    failure::Failure,
};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct StartArgs {
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

impl Quick for StartArgs {
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

pub(super) fn run(args: &StartArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let options = StartOptions { notify_socket: environment::notify_socket() };
    find(runtime, &args.id)?.start_with(&options)?;
    Ok(0)
}
