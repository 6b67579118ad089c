//! `creel delete`: removes what is left of a container.

use clap::Args;
use libcontainer::Runtime;

use super::find;
use crate::failure::Failure;

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct DeleteArgs {
    /// Kill the container if it still runs, and do not mind if there is none
    #[arg(long, short)]
    force: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

pub(super) fn run(args: &DeleteArgs, runtime: &Runtime) -> Result<i32, Failure> {
    if args.force {
        runtime.delete_force(&args.id)?;
    } else {
        find(runtime, &args.id)?.delete(false)?;
    }
    Ok(0)
}
