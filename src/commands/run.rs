//! `creel run`: create, start, wait and delete in one.

use clap::Args;
use libcontainer::{ForegroundOptions, Orphans, Runtime, spec::check_id};

use super::create::CreateFlags;
use crate::{
    cli::{Globals, Quick, Value},
    failure::Failure,
    sys,
};

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

impl Quick for RunArgs {
    fn unset() -> Self {
        Self {
            flags: CreateFlags::unset(),
            detach: false,
            keep: false,
            no_subreaper: false,
            id: String::new(),
        }
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"detach" | b"d" => self.detach = value.switch()?,
            b"keep" => self.keep = value.switch()?,
            b"no-subreaper" => self.no_subreaper = value.switch()?,
            _ => self.flags.flag(name, value)?,
        }
        Some(())
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        self.id = arguments.into_iter().next()?;
        Some(())
    }
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
    let foreground = ForegroundOptions { keep, orphans, when_quiet: Some(sys::give_back) };
    let exit = runtime.run_in_foreground(&id, &options, &foreground)?;
    Ok(exit.code())
}
