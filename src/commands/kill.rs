//! `creel kill`: a signal for the container's init, or for every process of it.

use clap::Args;
use libcontainer::Runtime;

use super::{find, matching};
use crate::{
    cli::{Quick, Value},
    failure::Failure,
    report::Report,
    signal,
};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct KillArgs {
    /// Signal every process of the container
    #[arg(long, short)]
    all: bool,
    /// Take the id for a regular expression, and signal every container that it matches
    #[arg(long, short)]
    regex: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
    /// A signal's name or number
    #[arg(value_name = "signal", default_value = "TERM")]
    signal: String,
}

impl Quick for KillArgs {
    fn unset() -> Self {
        Self { all: false, regex: false, id: String::new(), signal: "TERM".to_owned() }
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"all" | b"a" => self.all = value.switch()?,
            _ => return None,
        }
        Some(())
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        let mut arguments = arguments.into_iter();
        self.id = arguments.next()?;
        if let Some(signal) = arguments.next() {
            self.signal = signal;
        }
        Some(())
    }
}

pub(super) fn run(args: &KillArgs, runtime: &Runtime, report: &mut Report) -> Result<i32, Failure> {
    let kill = |id: &str| {
        let container = find(runtime, id)?;
        container.kill(signal::parse(&args.signal)?, args.all)?;
        Ok(0)
    };
    match args.regex {
        true => matching::each(runtime, &args.id, report, kill),
        false => kill(&args.id),
    }
}
