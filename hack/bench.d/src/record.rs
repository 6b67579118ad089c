//! The results as JSON, with every sample, for plots and for later comparisons.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Report;
use crate::error::{At, Error};
use crate::measure::Series;
use crate::operation::Operation;
use crate::runtime::Runtime;
use crate::stats::{paired_ratio, spread};
use crate::table::wall_ms;
use crate::timer::Sample;

/// The layout's version: raised when a reader would misunderstand a new file.
const FORMAT: u32 = 1;

pub(crate) fn write(path: &Path, report: &Report<'_>) -> Result<(), Error> {
    let Report { machine, runtimes, left_out, options, series } = report;
    let runtime = |r: &Runtime| json!({"name": r.name, "version": r.version});
    let record = json!({
        "format": FORMAT,
        "machine": machine,
        "time": machine.time,
        "settings": {
            "runs": options.runs,
            "pauseMs": options.pause.as_millis() as u64,
            "configMerged": options.merge.is_some(),
        },
        "runtimes": runtimes.iter().map(runtime).collect::<Vec<_>>(),
        "leftOut": left_out,
        "results": series.iter().flat_map(|row| results(row, runtimes)).collect::<Vec<_>>(),
    });
    std::fs::write(path, format!("{record:#}\n")).at("write", path)
}

fn results(row: &Series, runtimes: &[Runtime]) -> Vec<Value> {
    let times: Vec<Vec<f64>> = row.samples.iter().map(|samples| wall_ms(samples)).collect();
    let one = |(i, runtime): (usize, &Runtime)| {
        let spread = spread(times[i].iter().copied());
        let ratios: Map<String, Value> = (0..runtimes.len())
            .filter(|&j| runtimes[j].is_reference() && !Operation::is_difference(row.row))
            .map(|j| (runtimes[j].name.clone(), json!(paired_ratio(&times[i], &times[j]))))
            .collect();
        json!({
            "command": row.row,
            "mode": row.mode.name(),
            "runtime": runtime.name,
            "wallMs": {"median": spread.median, "p10": spread.p10, "p90": spread.p90},
            "ratios": ratios,
            "peakKiB": median(&row.samples[i], |sample| sample.peak_kib),
            "userUs": median(&row.samples[i], |sample| sample.user_us),
            "systemUs": median(&row.samples[i], |sample| sample.system_us),
            "pageFaults": median(&row.samples[i], |sample| sample.faults),
            "samplesUs": row.samples[i].iter().map(|s| s.wall_ns / 1000).collect::<Vec<_>>(),
        })
    };
    runtimes.iter().enumerate().map(one).collect()
}

fn median(samples: &[Sample], field: impl Fn(&Sample) -> i64) -> f64 {
    spread(samples.iter().map(|sample| field(sample) as f64)).median
}
