//! The runtime's commands, each with a limit of time.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::watch;
use crate::world::RUNTIME;

/// Far more than any command takes, on a machine that has much else to do.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) words: Vec<String>,
    /// `None` when it did not end in time.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// What all processes were doing when it did not end.
    pub(crate) processes: String,
}

impl Outcome {
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// What may never come of a command, whatever it was given.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut found = Vec::new();
        match self.status {
            None => found.push(format!("took over {LIMIT:?}; {}", self.processes)),
            Some(status) if status.signal().is_some() => {
                found.push(format!("ended by a signal: {status}"))
            }
            Some(status) if !status.success() && self.stderr.trim().is_empty() => {
                found.push("failed without a word".to_owned())
            }
            Some(_) => {}
        }
        for word in ["panicked", "defect", "internal error", "could not be read by creel-init"] {
            if self.stderr.contains(word) {
                found.push(format!("said \"{word}\""));
            }
        }
        found
            .iter()
            .map(|fault| format!("{}: {fault}: {}", self.words.join(" "), self.stderr.trim()))
            .collect()
    }
}

/// A command of the runtime with its state root before it; its output goes to files, for a container keeps it open.
pub(crate) fn start(words: &[&str]) -> io::Result<Child> {
    let output = |name: &str| File::create(format!("/scratch/round/io/{name}"));
    Command::new(RUNTIME)
        .args(["--root", "/scratch/round/state"])
        .args(words)
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(output("stdout")?)
        .stderr(output("stderr")?)
        .spawn()
}

/// Runs one to its end.
pub(crate) fn run(words: &[&str]) -> io::Result<Outcome> {
    finish(start(words)?, words)
}

/// Waits for one that was started.
pub(crate) fn finish(mut child: Child, words: &[&str]) -> io::Result<Outcome> {
    let begin = Instant::now();
    let mut pause = Duration::from_micros(200);
    let mut status = child.try_wait()?;
    let mut processes = String::new();
    while status.is_none() {
        if begin.elapsed() > LIMIT {
            processes = all_processes();
            child.kill()?;
            child.wait()?;
            break;
        }
        std::thread::sleep(pause);
        // The first process of a container ends when all others are reaped.
        watch::reap(Some(child.id()));
        pause = (pause * 2).min(Duration::from_millis(10));
        status = child.try_wait()?;
    }
    let stderr = fs::read("/scratch/round/io/stderr")?;
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Ok(Outcome { words, status, stderr, took: begin.elapsed(), processes })
}

fn all_processes() -> String {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let of_process = |path: std::path::PathBuf| {
        let text =
            |file: &str| fs::read_to_string(path.join(file)).unwrap_or_default().trim().to_owned();
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        Some(format!("{} {} {} {}", path.display(), text("comm"), text("wchan"), text("syscall")))
    };
    names.filter_map(of_process).collect::<Vec<_>>().join("; ")
}
