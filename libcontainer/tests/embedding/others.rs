//! The rest of the program has children and signals, too.

use super::{Outcome, run, status_line, sys, with_bundle};
use libcontainer::{CreateOptions, Exit, Foreground, ForegroundOptions, Orphans, Runtime, Stdio};
use nix::sys::signal::{SigSet, Signal};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Mutex;

#[test]
fn other_children_are_not_reaped() {
    with_bundle("children", |bundle| -> Outcome {
        let mut other = Command::new("/bin/sh").args(["-c", "exit 3"]).spawn()?;
        let options = CreateOptions::new(bundle.path())
            .spec(bundle.spec(&["sh", "-c", "exit 6"]))
            .stdio(Stdio::null()?);
        let foreground = ForegroundOptions::default();
        let runtime = Runtime::new(bundle.state_root());
        let exit = runtime.run_in_foreground(&bundle.id("c"), &options, &foreground)?;
        assert_eq!(exit, Exit::Status(6));
        assert_eq!(other.wait()?.code(), Some(3));
        Ok(())
    });
}

/// A signal for the thread that attends: another one would have to block it for the program.
#[test]
fn signals_are_taken_only_while_they_are_asked_for() {
    with_bundle("signals", |bundle| -> Outcome {
        let mask = || status_line("/proc/thread-self/status", "SigBlk");
        let before = mask();
        let foreground = Foreground::begin(Orphans::Leave)?;
        assert_ne!(mask(), before);
        let script = "trap 'exit 44' USR1; echo ready; while :; do sleep 0.1; done";
        let (running, mut output) = run(bundle, &bundle.id("c"), &["sh", "-c", script])?;
        let mut ready = [0; 6];
        std::io::Read::read_exact(&mut output, &mut ready)?;
        let thread = nix::unistd::gettid();
        let sender = std::thread::spawn(move || sys::signal_thread(thread, Signal::SIGUSR1));
        assert_eq!(foreground.attend(&running.process, None)?, Exit::Status(44));
        assert_eq!(sender.join().expect("the sender"), 0);
        drop(foreground);
        assert_eq!(mask(), before);
        assert!(!SigSet::thread_get_mask()?.contains(Signal::SIGUSR1));
        running.container.delete(true)?;
        Ok(())
    });
}

/// What the container waits for: the end of its standard input.
static INPUT: Mutex<Option<OwnedFd>> = Mutex::new(None);

#[test]
fn a_quiet_container_is_told_of_once() {
    with_bundle("quiet", |bundle| -> Outcome {
        let (input, end) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        *INPUT.lock().expect("the input") = Some(end);
        let options = CreateOptions::new(bundle.path())
            .spec(bundle.spec(&["sh", "-c", "cat; sleep 1; exit 6"]))
            .stdio(Stdio::null()?.input(input));
        let when_quiet =
            || drop(INPUT.lock().expect("the input").take().expect("it is called once"));
        let foreground =
            ForegroundOptions { when_quiet: Some(when_quiet), ..ForegroundOptions::default() };
        let runtime = Runtime::new(bundle.state_root());
        let exit = runtime.run_in_foreground(&bundle.id("c"), &options, &foreground)?;
        assert_eq!(exit, Exit::Status(6));
        Ok(())
    });
}
