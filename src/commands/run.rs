//! `creel run`: create, start, wait and delete in one.

use clap::Args;
use libcontainer::{ForegroundOptions, Orphans, Runtime, spec::check_id};

use super::create::CreateFlags;
use crate::{cli::Globals, failure::Failure};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    flags: CreateFlags,
    /// Return once the container runs
    #[arg(long, short)]
    detach: bool,
    /// Do not delete the container when it has exited
    #[arg(long)]
    keep: bool,
    /// Do not become the reaper of the container's orphans
    #[arg(long)]
    no_subreaper: bool,
    /// The name of the new container
    #[arg(value_name = "container-id")]
    id: String,
}

pub(super) fn run(args: RunArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    run_container(args, globals, runtime)
        .map_err(|source| Failure::Run { source: Box::new(source) })
}

fn run_container(args: RunArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    check_id(&args.id)?;
    let RunArgs { flags, detach, keep, no_subreaper, id } = args;
    let options = flags.options(globals)?;
    if detach {
        runtime.run(&id, &options)?;
        return Ok(0);
    }
    let orphans = if no_subreaper { Orphans::Leave } else { Orphans::Adopt };
    let exit = runtime.run_in_foreground(&id, &options, &ForegroundOptions { keep, orphans })?;
    Ok(exit.code())
}
