//! `creel kill`: a signal for the container's init, or for every process of it.

use clap::Args;
use libcontainer::Runtime;

use super::find;
use crate::{failure::Failure, signal};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct KillArgs {
    /// Signal every process of the container
    #[arg(long, short)]
    all: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
    /// A signal's name or number
    #[arg(value_name = "signal", default_value = "TERM")]
    signal: String,
}

pub(super) fn run(args: &KillArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let container = find(runtime, &args.id)?;
    container.kill(signal::parse(&args.signal)?, args.all)?;
    Ok(0)
}
