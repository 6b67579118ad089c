//! Many in a row, four at a time: none hangs, no status is lost, nothing is left.
//!
//! `CREEL_TEST_SOAK=2000` for as many of each; without it a few.

use std::fs;
use std::time::{Duration, Instant};

use crate::harness::{Bundle, orphans_reap, stat_fields};

const THREADS: usize = 4;

fn count() -> usize {
    let asked = std::env::var("CREEL_TEST_SOAK").ok();
    asked.map_or(40, |text| text.parse().expect("CREEL_TEST_SOAK is a number"))
}

/// A bundle of which a thread runs containers.
fn bundle(number: usize) -> Bundle {
    Bundle::new(&format!("soak{number}")).busybox().config(|c| c.probe(&["sleep", "86400"]))
}

/// The statuses that are asked for in turn, and the programs for them: mostly /bin/true.
fn status(number: usize) -> (i32, Vec<String>) {
    let shell = |script: &str| ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    match number % 8 {
        7 => (3 + (number % 200) as i32, shell(&format!("exit {}", 3 + number % 200))),
        _ => (0, vec!["/bin/true".to_owned()]),
    }
}

/// Mounts of this test's bundles on the host.
fn mounts() -> usize {
    fs::read_to_string("/proc/self/mountinfo")
        .expect("mountinfo")
        .lines()
        .filter(|line| line.contains("-soak"))
        .count()
}

/// Children of this process that have ended and that nobody reaped, after the orphans that came here were.
fn zombies() -> Vec<u32> {
    orphans_reap();
    let me = std::process::id();
    let pids = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat_fields(*pid).is_some_and(|stat| stat.ppid == me && stat.state == 'Z'))
        .collect()
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count()
}

/// Does it `count()` times from four threads, each with a bundle of its own; the longest time of one.
fn soak(what: &str, prepare: impl Fn(&Bundle) + Sync, one: impl Fn(&mut Bundle, usize) + Sync) {
    let begin = Instant::now();
    let each = count().div_ceil(THREADS);
    let longest: Vec<Duration> = std::thread::scope(|scope| {
        let work = |thread| {
            let (prepare, one) = (&prepare, &one);
            move || {
                let mut bundle = bundle(thread);
                prepare(&bundle);
                let times = (0..each).map(|number| {
                    let begin = Instant::now();
                    one(&mut bundle, number);
                    begin.elapsed()
                });
                times.max().unwrap_or_default()
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread's runs")).collect()
    });
    assert_eq!(mounts(), 0, "mounts are left");
    // A zombie is one that stays: other tests have children that are just ending.
    let dead = zombies();
    std::thread::sleep(Duration::from_millis(500));
    let dead: Vec<u32> = zombies().into_iter().filter(|pid| dead.contains(pid)).collect();
    assert_eq!(dead, [0; 0], "zombies are left");
    let longest = longest.into_iter().max().unwrap_or_default();
    println!("{} {what} in {:?}, the longest {longest:?}", each * THREADS, begin.elapsed());
}

#[test]
fn runs_in_the_foreground() {
    soak(
        "runs",
        |_| {},
        |bundle, number| {
            let (status, args) = status(number);
            bundle.reconfigure(|c| c.set("/process/args", args));
            let output = bundle.run().exits(status);
            assert_eq!(output.stderr(), "");
            if number % 50 == 0 {
                bundle.assert_nothing_left();
            }
        },
    );
}

#[test]
fn execs_in_a_row() {
    soak(
        "execs",
        |bundle| {
            bundle.cmd(&["run", "--detach", "--bundle", &bundle.bundle_path(), &bundle.id]).ok();
        },
        |bundle, number| {
            let init = bundle.pid();
            let before = (descriptors(init), bundle.processes());
            let (status, args) = status(number);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let output = bundle
                .cmd(&[&["exec", bundle.id.as_str()], &args[..]].concat())
                .output()
                .exits(status);
            assert_eq!(output.stderr(), "");
            assert_eq!(
                (descriptors(init), bundle.processes()),
                before,
                "something is left in the container"
            );
        },
    );
}
