//! `creel start`: lets a created container run its program.

use clap::Args;
use libcontainer::Runtime;

use super::find;
use crate::failure::Failure;

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct StartArgs {
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

pub(super) fn run(args: &StartArgs, runtime: &Runtime) -> Result<i32, Failure> {
    find(runtime, &args.id)?.start()?;
    Ok(0)
}
