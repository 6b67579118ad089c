//! `hack/bench`: what each command of a runtime costs, beside other runtimes and beside the floor,
//! measured in the same run. docs/bench.md says what is measured and how; hack/bench builds this.

mod args;
mod bundle;
mod container;
mod error;
mod machine;
mod measure;
mod operation;
mod plot;
mod preflight;
mod record;
mod runtime;
mod scale;
mod stage;
mod stats;
mod table;
mod timer;
mod trace;

use std::process::ExitCode;

use args::{Action, Options};
use error::Error;
use stage::Stage;

fn main() -> ExitCode {
    let options = match args::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("bench: {message}; see hack/bench --help");
            return ExitCode::from(2);
        }
    };
    if let Action::Plot = options.action {
        return ended(plot::write(&options.docs()));
    }
    // The program runs twice: outside it makes the stage and cleans up, inside it measures.
    match stage::inside() {
        None => stage::run_inside(&options),
        Some(cgroup) => ended(inside(&options, cgroup)),
    }
}

fn ended(result: Result<(), Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Everything that a run gives.
struct Report<'a> {
    machine: machine::Machine,
    runtimes: Vec<runtime::Runtime>,
    left_out: Vec<preflight::LeftOut>,
    options: &'a Options,
    series: Vec<measure::Series>,
}

fn inside(options: &Options, cgroup: String) -> Result<(), Error> {
    let runtimes = runtime::selected(options)?;
    let stage = Stage::enter(cgroup)?;
    bundle::write_all(&stage, &runtimes, options)?;
    match options.action {
        Action::FloorTrace { check } => trace::run(&stage, options, check),
        Action::Budget { check } => {
            let creel = runtime::creel(&runtimes)?;
            trace::budget::run(&stage, creel, options, check)
        }
        Action::Scale => scale::run(&stage, runtimes, options),
        Action::Plot => plot::write(&options.docs()),
        Action::Measure => {
            let mut timer = timer::Timer::start(&stage, options)?;
            let (runtimes, left_out) = preflight::check(&stage, runtimes, options, &mut timer)?;
            let series = measure::all(&stage, &runtimes, options, &mut timer)?;
            let machine = machine::Machine::look();
            let report = Report { machine, runtimes, left_out, options, series };
            table::print(&report);
            options.json.as_ref().map_or(Ok(()), |path| record::write(path, &report))
        }
    }
}
