//! The seccomp compiler beside libseccomp, for a profile as an engine makes it: how long it takes, how large the
//! program is, and how many instructions the kernel carries out for the calls of real programs.
//!
//! `hack/seccomp-bench` fetches the profile and libseccomp, records the calls and runs this.
#![allow(missing_docs, reason = "criterion makes public items")]

// A benchmark sees what a library shows; these are for tests.
#[allow(dead_code)]
#[path = "../src/seccomp/interpreter.rs"]
mod interpreter;
#[allow(dead_code)]
#[path = "../src/seccomp/tests/oracle.rs"]
mod oracle;

use criterion::Criterion;
use interpreter::{Data, run};
use libcontainer::seccomp::Filter;
use libcontainer::spec::parse_spec;
use oci_spec::runtime::{Arch, LinuxSeccomp};
use oracle::Oracle;
use seccompiler::sock_filter;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const NATIVE: Arch = Arch::ScmpArchX86_64;
const ALLOW: u32 = 0x7fff_0000;

/// A config.json with the profile.
const PROFILE: &str = "CREEL_BENCH_PROFILE";
/// The calls of real programs, as `strace -n -e raw=all` prints them.
const CALLS: &str = "CREEL_BENCH_CALLS";

fn main() -> ExitCode {
    let (Some(profile), Some(calls)) = (std::env::var_os(PROFILE), std::env::var_os(CALLS)) else {
        eprintln!("nothing is measured without {PROFILE} and {CALLS}: run hack/seccomp-bench");
        return ExitCode::SUCCESS;
    };
    let (text, without) = read_configs(Path::new(&profile));
    let profile = read_profile(&text);
    let calls = read_calls(Path::new(&calls));
    let oracle = match Oracle::build() {
        Ok(oracle) => oracle,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::FAILURE;
        }
    };
    let time = Times::measure(&oracle, &profile, &text, &without);
    let ours = Filter::compile_for(&profile, NATIVE).expect("a program").program;
    let theirs = oracle.program(NATIVE, &profile).expect("a program");
    let tree = oracle.laid_out(NATIVE, &profile, 2).expect("a program");
    let cost = [&ours, &theirs, &tree].map(|program| Cost::of(program, &calls));

    println!("| | creel | libseccomp | libseccomp with a binary tree |");
    println!("|---|---|---|---|");
    println!("| compile, median µs | {:.1} | {:.0} | |", time.creel / 1e3, time.libseccomp / 1e3);
    println!("| read from JSON, median µs | {:.1} | | |", time.reading / 1e3);
    println!("| instructions | {} | {} | {} |", ours.len(), theirs.len(), tree.len());
    let [a, b, c] = &cost;
    println!(
        "| carried out per allowed call, mean | {:.1} | {:.1} | {:.1} |",
        a.mean, b.mean, c.mean
    );
    println!("| the same, most | {} | {} | {} |", a.most, b.most, c.most);
    println!("over {} calls, {} of them allowed, of {} kinds", calls.len(), a.allowed, a.kinds);
    let good = [
        (time.libseccomp >= 40.0 * time.creel, "compiling takes at most 1/40 of libseccomp's time"),
        (b.mean >= 3.0 * a.mean, "a call carries out at most 1/3 of libseccomp's instructions"),
        (b.most >= 3 * a.most, "so does the worst call"),
        (a.allowed > 1000 && a.allowed == b.allowed, "thousands of calls, allowed by both"),
    ];
    for (holds, what) in good {
        println!("{}: {what}", if holds { "yes" } else { "NO" });
    }
    ExitCode::from(u8::from(good.iter().any(|(holds, _)| !holds)))
}

/// The configuration, and the same without its profile.
fn read_configs(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut value: Value = serde_json::from_slice(&text).expect("JSON");
    value["linux"].as_object_mut().expect("linux").remove("seccomp").expect("a profile");
    (text, serde_json::to_vec(&value).expect("JSON"))
}

fn read_profile(text: &[u8]) -> LinuxSeccomp {
    let value: Value = serde_json::from_slice(text).expect("JSON");
    serde_json::from_value(value["linux"]["seccomp"].clone()).expect("a profile")
}

/// Lines such as `123 [ 257] openat(0xffffff9c, 0x7f, 0x80000, 0) = 0x3`; a call that was interrupted by another
/// process's goes on in a line without a number in parentheses behind its name, which is left out.
fn read_calls(path: &Path) -> Vec<Data> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter_map(read_call).collect()
}

fn read_call(line: &str) -> Option<Data> {
    let (_, rest) = line.split_once('[')?;
    let (number, rest) = rest.split_once(']')?;
    if rest.trim_start().starts_with("<...") {
        return None;
    }
    let (_, rest) = rest.split_once('(')?;
    let inside = rest.split([')', '<']).next()?;
    let mut arguments = [0; 6];
    for (place, word) in arguments.iter_mut().zip(inside.split(',').map(str::trim)) {
        *place = word.strip_prefix("0x").map_or(0, |hex| u64::from_str_radix(hex, 16).unwrap_or(0));
    }
    let number = number.trim().parse().ok()?;
    Some(Data { number, architecture: NATIVE as u32, arguments, ..Data::default() })
}

/// Medians in nanoseconds.
struct Times {
    /// The program, with the bytes for the kernel.
    creel: f64,
    libseccomp: f64,
    /// What reading config.json takes longer for the profile in it.
    reading: f64,
}

impl Times {
    fn measure(oracle: &Oracle, profile: &LinuxSeccomp, with: &[u8], without: &[u8]) -> Times {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("criterion");
        let mut criterion = Criterion::default().output_directory(&directory).without_plots();
        let mut group = criterion.benchmark_group("seccomp");
        group.bench_function("creel", |bencher| {
            bencher.iter(|| Filter::compile_for(profile, NATIVE).expect("a program").bytes());
        });
        group.bench_function("libseccomp", |bencher| {
            bencher.iter_custom(|times| oracle.time(NATIVE, profile, times).expect("a time"));
        });
        group.bench_function("read with", |b| b.iter(|| parse_spec(with).expect("a spec")));
        group.bench_function("read without", |b| b.iter(|| parse_spec(without).expect("a spec")));
        group.finish();
        let median = |name: &str| {
            let path = directory.join("seccomp").join(name).join("new/estimates.json");
            let text = std::fs::read(path).expect("estimates");
            let value: Value = serde_json::from_slice(&text).expect("JSON");
            value["median"]["point_estimate"].as_f64().expect("a median")
        };
        Times {
            creel: median("creel"),
            libseccomp: median("libseccomp"),
            reading: median("read with") - median("read without"),
        }
    }
}

/// What the allowed calls cost.
struct Cost {
    allowed: usize,
    kinds: usize,
    mean: f64,
    most: usize,
}

impl Cost {
    fn of(program: &[sock_filter], calls: &[Data]) -> Cost {
        let outcomes = calls.iter().map(|call| (call.number, run(program, call).expect("an end")));
        let allowed: Vec<(u32, usize)> = outcomes
            .filter(|(_, outcome)| outcome.value == ALLOW)
            .map(|(number, outcome)| (number, outcome.steps))
            .collect();
        let kinds: std::collections::BTreeSet<u32> = allowed.iter().map(|(n, _)| *n).collect();
        let sum: usize = allowed.iter().map(|(_, steps)| steps).sum();
        Cost {
            allowed: allowed.len(),
            kinds: kinds.len(),
            mean: sum as f64 / allowed.len().max(1) as f64,
            most: allowed.iter().map(|(_, steps)| *steps).max().unwrap_or(0),
        }
    }
}
