//! The results as a table for people, in Markdown: how each subject is at both ends.

use std::fmt::Write;

use crate::runtime::{CREEL, FLOOR};

use super::record::{Point, Record, Subject};

pub(crate) fn text(record: &Record) -> String {
    let mut text = String::from("| command, as this grows |");
    for runtime in &record.runtimes {
        let _ = write!(text, " {} |", runtime.label());
    }
    text.push_str(" growth, creel's / the floor's |\n|---|");
    text.push_str(&"--:|".repeat(record.runtimes.len() + 1));
    text.push('\n');
    for subject in Subject::ALL {
        row(record, subject, &mut text);
    }
    text
}

fn row(record: &Record, subject: Subject, text: &mut String) {
    let ends = |name| ends(record.points(subject, name));
    let Some((first, last)) = ends(CREEL) else { return };
    let (command, grows) = words(subject);
    let _ = write!(text, "| {command}, {} to {} {grows} |", first.at, last.at);
    for runtime in &record.runtimes {
        let _ = match ends(&runtime.name) {
            Some((first, last)) => write!(
                text,
                " {} to {} (×{}) |",
                short(first.median),
                short(last.median),
                short(last.median / first.median)
            ),
            None => write!(text, " - |"),
        };
    }
    let growth = |name| ends(name).map(|(first, last)| last.median / first.median);
    let _ = match (growth(CREEL), growth(FLOOR)) {
        (Some(creel), Some(floor)) => writeln!(text, " {:.2} |", creel / floor),
        _ => writeln!(text, " - |"),
    };
}

fn ends(points: &[Point]) -> Option<(&Point, &Point)> {
    Some((points.first()?, points.last()?))
}

/// What is measured with its unit, and what grows.
pub(super) fn words(subject: Subject) -> (&'static str, &'static str) {
    match subject {
        Subject::Create => ("`create`, ms", "containers alive"),
        Subject::Start => ("`start`, ms", "containers alive"),
        Subject::State => ("`state`, ms", "containers alive"),
        Subject::List => ("`list`, ms", "containers alive"),
        Subject::DeleteForce => ("`delete --force`, ms", "containers alive"),
        Subject::RunByMounts => ("`run`, ms", "mounts on the host"),
        Subject::RunByCgroups => ("`run`, ms", "cgroups beside it"),
        Subject::RunByDevices => ("`run`, ms", "devices"),
        Subject::Throughput => ("`run`s a second", "creators at the same time"),
    }
}

/// Three digits, more where they stand before the point.
fn short(value: f64) -> String {
    match value {
        _ if value < 10.0 => format!("{value:.2}"),
        _ if value < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
