//! The library in a program of somebody else's, with threads, children and terminals of its own.
//!
//! All tests run in one process at the same time, so what one does to it the others see.

mod descriptors;
mod life;
mod others;
mod process_state;
mod sockets;
mod statuses;
#[path = "../../examples/supervisor.rs"]
#[allow(dead_code)]
mod supervisor;
mod sys;
mod terminals;

use libcontainer::{CreateOptions, Running, Runtime, Stdio};
use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use supervisor::support::Bundle;

type Outcome = Result<(), Box<dyn Error>>;

/// Runs a test with a bundle, where containers can be made.
fn with_bundle(name: &str, test: impl FnOnce(&Bundle) -> Outcome) {
    let bundle = Bundle::new(name).expect("a bundle");
    let Some(bundle) = bundle else { return };
    let outcome = test(&bundle);
    let runtime = Runtime::new(bundle.state_root());
    let left = runtime.list().expect("the list");
    for state in &left {
        runtime.delete_force(&state.id).expect("delete --force");
    }
    outcome.unwrap();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// A container that runs this, its output in a socket of ours.
fn run(bundle: &Bundle, id: &str, args: &[&str]) -> Result<(Running, UnixStream), Box<dyn Error>> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(Duration::from_secs(30)))?;
    let options = CreateOptions::new(bundle.path())
        .spec(bundle.spec(args))
        .stdio(Stdio::null()?.output(theirs.try_clone()?).error(theirs));
    Ok((Runtime::new(bundle.state_root()).run(id, &options)?, ours))
}

/// All that comes until the end.
fn read_all(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the container's output");
    text
}

/// Waits until the condition holds, and fails when it does not within ten seconds.
#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says why a test ends here, as the bundle does.
fn skip(test: &str, reason: &str) {
    let line = format!("SKIP {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
    if let Some(log) = std::env::var_os("CREEL_SKIP_LOG") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("CREEL_SKIP_LOG");
    }
}

/// A file of /proc/thread-self or /proc/self: what stands behind `name:`.
fn status_line(file: &str, name: &str) -> String {
    let text = std::fs::read_to_string(file).expect("a status file");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {file}")).trim().to_owned()
}

#[test]
fn the_supervisor_of_the_examples_restarts_one_and_leaves_nothing() {
    let bundle = Bundle::new("supervisor").expect("a bundle");
    let Some(bundle) = bundle else { return };
    assert_eq!(supervisor::supervise(&bundle).unwrap(), 1);
}
