//! `creel delete`: removes what is left of a container.

use clap::Args;
use libcontainer::Runtime;

use super::{find, matching};
use crate::{
    cli::{Quick, Value},
    failure::Failure,
    report::Report,
};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct DeleteArgs {
    /// Kill the container if it still runs, and do not mind if there is none
    #[arg(long, short)]
    force: bool,
    /// Take the id for a regular expression, and delete every container that it matches
    #[arg(long, short)]
    regex: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

impl Quick for DeleteArgs {
    fn unset() -> Self {
        Self { force: false, regex: false, id: String::new() }
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"force" | b"f" => self.force = value.switch()?,
            _ => return None,
        }
        Some(())
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        self.id = arguments.into_iter().next()?;
        Some(())
    }
}

pub(super) fn run(
    args: &DeleteArgs,
    runtime: &Runtime,
    report: &mut Report,
) -> Result<i32, Failure> {
    match args.regex {
        true => matching::each(runtime, &args.id, report, |id| delete(runtime, id, args.force)),
        false => delete(runtime, &args.id, args.force),
    }
}

fn delete(runtime: &Runtime, id: &str, force: bool) -> Result<i32, Failure> {
    if force {
        runtime.delete_force(id)?;
    } else {
        find(runtime, id)?.delete(false)?;
    }
    Ok(0)
}
