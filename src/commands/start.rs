//! `creel start`: lets a created container run its program.

use clap::Args;
use libcontainer::{Runtime, StartOptions};

use super::find;
use crate::{environment, failure::Failure};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct StartArgs {
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

pub(super) fn run(args: &StartArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let options = StartOptions { notify_socket: environment::notify_socket() };
    find(runtime, &args.id)?.start_with(&options)?;
    Ok(0)
}
