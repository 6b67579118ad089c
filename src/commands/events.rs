//! `creel events`: what a container uses, as lines of JSON, and word of what it lacked.

use std::time::Duration;

use clap::Args;
use libcontainer::{Event, Runtime, cgroups::stats::Stats};
use serde::Serialize;

use super::find;
use crate::{failure::Failure, report::print};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct EventsArgs {
    /// The time between two statistics, such as 5s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    interval: Duration,
    /// Show the statistics once
    #[arg(long)]
    stats: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'a str,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Stats>,
}

#[inline(never)]
pub(super) fn run(args: &EventsArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let container = find(runtime, &args.id)?;
    if args.interval.is_zero() {
        return Err(Failure::Interval);
    }
    if args.stats {
        write("stats", &args.id, Some(&container.stats()?))?;
        return Ok(0);
    }
    let mut events = container.events(args.interval)?;
    while let Some(event) = events.wait()? {
        match event {
            Event::Stats(stats) => write("stats", &args.id, Some(&stats))?,
            Event::Oom => write("oom", &args.id, None)?,
        }
    }
    Ok(0)
}

fn write(kind: &str, id: &str, data: Option<&Stats>) -> Result<(), Failure> {
    let text = serde_json::to_string(&Line { r#type: kind, id, data });
    print(&(text.map_err(|error| Failure::Print { source: error.into() })? + "\n"))
}

/// A time as Go writes it: numbers with units, `1m30s`, `1.5s`, `500ms`. What is below zero counts as zero.
fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "parse error";
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() || seconds == 0.0 {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(WRONG)?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(WRONG),
        };
        seconds += number.parse::<f64>().map_err(|_| WRONG)? * unit;
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    match negative {
        true => Ok(Duration::ZERO),
        false => Duration::try_from_secs_f64(seconds).map_err(|_| WRONG),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_gos() {
        let cases =
            [("5s", 5000), ("1m30s", 90_000), ("1.5s", 1500), ("500ms", 500), ("0", 0), ("-1s", 0)];
        for (text, milliseconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "5x", "1..5s", "5s3", "-", "1e9s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
