//! `creel pause` and `creel resume`: the container's processes stand still, and go on.

use clap::Args;
use libcontainer::Runtime;

use super::find;
use crate::failure::Failure;

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct PauseArgs {
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

pub(super) fn pause(args: &PauseArgs, runtime: &Runtime) -> Result<i32, Failure> {
    find(runtime, &args.id)?.pause()?;
    Ok(0)
}

pub(super) fn resume(args: &PauseArgs, runtime: &Runtime) -> Result<i32, Failure> {
    find(runtime, &args.id)?.resume()?;
    Ok(0)
}
