//! Makes random hostile root file systems and configurations, has the runtime make containers of them, and looks each
//! time at what must not have changed. `hack/fuzz rootfs` starts it.

mod command;
mod configuration;
mod inside;
mod names;
mod random;
mod round;
mod swap;
mod tree;
mod watch;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const USAGE: &str = "usage: creel-hostile --runtime PROGRAM --program BUSYBOX --cgroup NAME \
                     [--seconds N | --rounds N] [--seed N]";
/// One who finds so much has seen enough.
const ENOUGH: u64 = 10;

struct Options {
    runtime: PathBuf,
    program: PathBuf,
    /// In every hierarchy, the directory of the containers' cgroups.
    cgroup: String,
    end: End,
    seed: u64,
}

enum End {
    After(Duration),
    Rounds(u64),
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(what) => {
            eprintln!("creel-hostile: {what}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match fuzz(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("creel-hostile: {error}");
            ExitCode::from(2)
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64);
    let (mut runtime, mut program, mut cgroup) = (None, None, None);
    let (mut end, mut seed) = (End::After(Duration::from_secs(20)), now);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"));
        match word.as_str() {
            "--runtime" => runtime = Some(PathBuf::from(value)),
            "--program" => program = Some(PathBuf::from(value)),
            "--cgroup" => cgroup = Some(value),
            "--seconds" => end = End::After(Duration::from_secs(number()?)),
            "--rounds" => end = End::Rounds(number()?),
            "--seed" => seed = number()?,
            _ => return Err(format!("unknown option {word}")),
        }
    }
    let missing = |name: &str| format!("{name} is missing");
    Ok(Options {
        runtime: runtime.ok_or(missing("--runtime"))?,
        program: program.ok_or(missing("--program"))?,
        cgroup: cgroup.ok_or(missing("--cgroup"))?,
        end,
        seed,
    })
}

/// What the rounds came to.
#[derive(Default)]
struct Figures {
    rounds: u64,
    made: u64,
    killed: u64,
    raced: u64,
    commands: u64,
    longest: Duration,
    findings: u64,
    /// Why containers were refused: the kernel's words, and how often.
    refusals: BTreeMap<String, u64>,
}

/// The number of findings.
fn fuzz(options: &Options) -> std::io::Result<u64> {
    println!("the first seed is {}; --rounds 1 --seed N repeats a round", options.seed);
    world::enter(&options.runtime, &options.program).map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot make a world for it: {error}"))
    })?;
    let begin = Instant::now();
    let mut figures = Figures::default();
    loop {
        let is_over = match options.end {
            End::After(time) => begin.elapsed() > time,
            End::Rounds(rounds) => figures.rounds >= rounds,
        };
        if is_over || figures.findings >= ENOUGH {
            break;
        }
        let seed = options.seed.wrapping_add(figures.rounds);
        let report = round::carry_out(seed, &options.cgroup)
            .map_err(|error| std::io::Error::new(error.kind(), format!("seed {seed}: {error}")))?;
        figures.count(&report);
        if !report.faults.is_empty() {
            show(seed, &report);
        }
    }
    figures.print(begin.elapsed());
    Ok(figures.findings)
}

fn show(seed: u64, report: &round::Report) {
    println!("FOUND with seed {seed}:");
    for fault in &report.faults {
        println!("  {fault}");
    }
    for outcome in &report.outcomes {
        let status = outcome.status.map_or("killed".to_owned(), |status| status.to_string());
        println!(
            "  {}: {status}, {:?}: {}",
            outcome.words.join(" "),
            outcome.took,
            outcome.stderr.trim()
        );
    }
    println!("  raced: {}, owner {}", report.was_raced, report.tree.owner);
    for (name, kind) in &report.tree.entries {
        println!("  {}: {kind:?}", name.escape_ascii());
    }
    println!("  {}", report.configuration);
}

/// The place in the configuration, its numbers taken out, and the last words; nothing of what the image has in it.
fn reason(stderr: &str) -> String {
    if stderr.contains(" exists already") {
        return "something else exists already".to_owned();
    }
    let message = stderr.rsplit("failed: ").next().unwrap_or("").trim().trim_end_matches('"');
    let place: String =
        message.split(": ").next().unwrap_or("").chars().filter(|c| !c.is_ascii_digit()).collect();
    let words = message.rsplit(": ").next().unwrap_or("");
    format!(
        "{place}: {}",
        words.split(';').next().unwrap_or("").chars().take(60).collect::<String>()
    )
}

impl Figures {
    fn count(&mut self, report: &round::Report) {
        self.rounds += 1;
        self.made += u64::from(report.was_made);
        self.killed += u64::from(report.was_killed);
        self.raced += u64::from(report.was_raced);
        self.commands += report.outcomes.len() as u64;
        self.findings += u64::from(!report.faults.is_empty());
        for outcome in &report.outcomes {
            self.longest = self.longest.max(outcome.took);
        }
        let first =
            report.outcomes.first().filter(|outcome| !outcome.is_success() && !report.was_killed);
        if let Some(outcome) = first {
            *self.refusals.entry(reason(&outcome.stderr)).or_default() += 1;
        }
    }

    fn print(&self, took: Duration) {
        println!(
            "{} rounds in {} s: {} containers made, {} raced, {} with the runtime killed; {} commands, the longest {:?}; {} findings",
            self.rounds,
            took.as_secs(),
            self.made,
            self.raced,
            self.killed,
            self.commands,
            self.longest,
            self.findings,
        );
        let mut refusals: Vec<_> = self.refusals.iter().collect();
        refusals.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (words, count) in refusals.iter().take(15) {
            println!("  refused {count} times: {words}");
        }
    }
}
