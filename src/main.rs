//! The creel command line: argv in, text and an exit code out. What it does with containers is
//! the library's.

#![cfg_attr(not(test), no_main)]

mod cli;
mod commands;
mod environment;
mod failure;
mod global;
mod report;
mod root;
mod signal;
mod sys;

use std::ffi::OsString;

use cli::{Globals, Stop};
use failure::Failure;
use report::Report;

/// Called by [`sys`] with the arguments; returns the exit code.
fn main(argv: Vec<OsString>) -> i32 {
    libcontainer::keep_exit_statuses();
    let mut report = Report::to_stderr();
    let code = match run(argv, &mut report) {
        Ok(code) => code,
        Err(failure) => {
            report.error(&failure);
            failure.exit_code()
        }
    };
    // An exit code has eight bits, exit(3).
    code & 0xff
}

/// Returns the exit code. Once the global flags are known, `report` is the one they ask for.
fn run(argv: Vec<OsString>, report: &mut Report) -> Result<i32, Failure> {
    let (globals, rest) = match Globals::parse(argv) {
        Ok(parsed) => parsed,
        Err(stop) => return stopped(stop),
    };
    *report =
        Report::open(globals.log.as_deref(), &globals.log_format, global::log_level(&globals)?)?;
    report.listen_to_library()?;
    global::check(&globals)?;
    if globals.criu.is_some() {
        report.warning("--criu is ignored: the criu program is looked up in $PATH");
    }
    match cli::parse_command(rest) {
        Ok(command) => commands::run(command, &globals, report),
        Err(stop) => stopped(stop),
    }
}

/// Help and the version are answers, bad usage is an error.
fn stopped(stop: Stop) -> Result<i32, Failure> {
    match stop {
        Stop::Answer(text) => {
            // In one piece: whoever reads the first line only closes the pipe after it.
            report::print(&format!("{}\n", text.trim_end()))?;
            Ok(0)
        }
        Stop::Usage(error) => Err(Failure::Usage(error)),
    }
}
