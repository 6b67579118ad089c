//! Attacks that runtimes fell to, each carried out. docs/security-tests.md says which test is for which attack.
//!
//! An attack that is a race is run again and again: [`Swap`] exchanges two names all the while. Refusing and doing
//! what was asked for inside the root are both right, so a round is judged by what the attacker wanted.

mod console;
mod exec;
mod labels;
mod mounts;
mod procfs;
mod runtime;
mod table;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::harness::{Bundle, Output};

/// How often a race is run; `CREEL_TEST_ROUNDS` for more.
fn rounds() -> u32 {
    let given = std::env::var("CREEL_TEST_ROUNDS").ok();
    given.map_or(25, |text| text.parse().expect("CREEL_TEST_ROUNDS is a number"))
}

/// Somebody who exchanges two names until this is dropped.
struct Swap {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swap {
    fn start(one: PathBuf, other: PathBuf) -> Swap {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let exchange = move || {
            let flags = RenameFlags::RENAME_EXCHANGE;
            while !stopped.load(Ordering::Relaxed) {
                renameat2(AT_FDCWD, &one, AT_FDCWD, &other, flags).expect("exchange");
            }
            // As it was before the first exchange or not: the next round begins with either.
        };
        Swap { stop, thread: Some(std::thread::spawn(exchange)) }
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().expect("joined once").join();
        assert!(ended.is_ok() || std::thread::panicking(), "the exchanging failed");
    }
}

/// A line of /proc/PID/mountinfo.
#[derive(Debug)]
struct Mount {
    /// What of the file system it shows.
    root: String,
    target: String,
    fstype: String,
    source: String,
}

fn mounts_of(pid: u32) -> Vec<Mount> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("mountinfo");
    text.lines()
        .map(|line| {
            let (mount, filesystem) = line.split_once(" - ").expect("a mount");
            let words: Vec<&str> = mount.split(' ').collect();
            let filesystem: Vec<&str> = filesystem.split(' ').collect();
            Mount {
                root: words[3].to_owned(),
                target: words[4].to_owned(),
                fstype: filesystem[0].to_owned(),
                source: filesystem[1].to_owned(),
            }
        })
        .collect()
}

/// Creates the container while two names are exchanged, and gives its mounts if it was made.
fn create_while_swapping(
    bundle: &Bundle,
    names: [&Path; 2],
    options: &[&str],
) -> Option<Vec<Mount>> {
    let swap = Swap::start(names[0].to_owned(), names[1].to_owned());
    let created: Output = bundle.on_bundle("create", options).output();
    drop(swap);
    let mounts = (created.code() == 0).then(|| mounts_of(bundle.pid()));
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    mounts
}

/// At least one round has to come through, or nothing was attacked.
struct Tally {
    wanted: u32,
    made: u32,
    rounds: u32,
}

impl Tally {
    fn new(wanted: u32) -> Tally {
        Tally { wanted, made: 0, rounds: 0 }
    }

    /// The number of the next round: of as many as are wanted, and of more while all were refused, for who wins a race
    /// is chance.
    fn next(&self) -> Option<u32> {
        let enough = if self.made == 0 { 40 * self.wanted } else { self.wanted };
        (self.rounds < enough).then_some(self.rounds)
    }

    fn count(&mut self, made: bool) {
        self.rounds += 1;
        self.made += u32::from(made);
    }

    #[track_caller]
    fn some_were_made(&self) {
        assert!(self.made > 0, "all of {} rounds were refused: nothing was tried", self.rounds);
    }
}
