//! The results as a table for people, in Markdown, so that it can stand in the README as it is.

use std::fmt::Write;

use crate::Report;
use crate::measure::{Mode, Series};
use crate::operation::Operation;
use crate::preflight::LeftOut;
use crate::runtime::Runtime;
use crate::stats::{paired_ratio, spread};
use crate::timer::Sample;

/// Prints everything to stdout.
pub(crate) fn print(report: &Report<'_>) {
    println!("{}", heading(report));
    for mode in Mode::ALL {
        let rows: Vec<_> = report.series.iter().filter(|row| row.mode == mode).collect();
        println!("{}", table(mode, &report.runtimes, &rows));
    }
}

/// A sample's wall times in milliseconds.
pub(crate) fn wall_ms(samples: &[Sample]) -> Vec<f64> {
    samples.iter().map(|sample| sample.wall_ns as f64 / 1e6).collect()
}

fn heading(Report { machine, runtimes, left_out, options, .. }: &Report<'_>) -> String {
    let mut text = format!("{machine}\n");
    for runtime in runtimes {
        if let Some(version) = &runtime.version {
            let _ = writeln!(text, "- {}: {version}", runtime.name);
        }
    }
    for LeftOut { name, version, reason } in left_out {
        let version = version.as_deref().unwrap_or("unknown version");
        let _ = writeln!(text, "- {name}: {version}, left out, it does not work here: {reason}");
    }
    let _ = writeln!(
        text,
        "\nMedians of {} runs (p10 to p90), ratios of paired runs; peak is the median peak \
         resident size. Paused: {} ms before each.",
        options.runs,
        options.pause.as_millis()
    );
    text
}

fn table(mode: Mode, runtimes: &[Runtime], rows: &[&Series]) -> String {
    let references: Vec<usize> =
        (0..runtimes.len()).filter(|&i| runtimes[i].is_reference()).collect();
    let mut head: Vec<String> =
        ["command", mode.name(), "ms", "p10 to p90"].map(str::to_owned).into();
    head.extend(references.iter().map(|&i| format!("× {}", runtimes[i].name)));
    head.push("peak KiB".into());
    let mut lines = vec![head];
    for row in rows {
        let times: Vec<Vec<f64>> = row.samples.iter().map(|s| wall_ms(s)).collect();
        for (i, runtime) in runtimes.iter().enumerate() {
            let spread = spread(times[i].iter().copied());
            let peak = crate::stats::spread(row.samples[i].iter().map(|s| s.peak_kib as f64));
            let name = if i == 0 { row.row } else { "" };
            let mut line = vec![name.to_owned(), runtime.name.clone()];
            line.push(format!("{:.2}", spread.median));
            line.push(format!("{:.2} to {:.2}", spread.p10, spread.p90));
            let without = Operation::is_difference(row.row);
            line.extend(references.iter().map(|&j| match without {
                true => String::new(),
                false => ratio(&times[i], &times[j], i == j),
            }));
            line.push(format!("{:.0}", peak.median));
            lines.push(line);
        }
    }
    aligned(&lines)
}

fn ratio(times: &[f64], reference: &[f64], same: bool) -> String {
    match paired_ratio(times, reference) {
        _ if same => "1".into(),
        small if small < 0.1 => format!("{small:.3}"),
        ratio => format!("{ratio:.2}"),
    }
}

/// The first two columns to the left, the others to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let width = |c: usize| lines.iter().map(|line| line[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for (n, line) in lines.iter().enumerate() {
        for (c, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            let _ = match c {
                0 | 1 => write!(text, "| {cell:<width$} "),
                _ => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if n == 0 {
            for (c, &width) in widths.iter().enumerate() {
                let (dashes, end) = ("-".repeat(width), if c < 2 { "-" } else { ":" });
                let _ = write!(text, "|-{dashes}{end}");
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Kind;

    #[test]
    fn a_row_has_median_spread_ratios_and_peak() {
        let runtime = |name: &str, kind| Runtime {
            name: name.into(),
            path: "/x".into(),
            kind,
            version: None,
        };
        let runtimes = [runtime("floor", Kind::Floor), runtime("creel", Kind::Oci)];
        let sample = |wall_ms: i64, peak_kib| Sample {
            wall_ns: wall_ms * 1_000_000,
            peak_kib,
            ..Sample::default()
        };
        let samples = vec![vec![sample(2, 500); 3], vec![sample(3, 900); 3]];
        let series = Series { row: "run", mode: Mode::BackToBack, samples };
        let expected = "\
| command | back to back |   ms |   p10 to p90 | × floor | peak KiB |
|---------|--------------|-----:|-------------:|--------:|---------:|
| run     | floor        | 2.00 | 2.00 to 2.00 |       1 |      500 |
|         | creel        | 3.00 | 3.00 to 3.00 |    1.50 |      900 |
";
        assert_eq!(table(Mode::BackToBack, &runtimes, &[&series]), expected);
    }
}
