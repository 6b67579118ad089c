//! Processes that end while they are followed.

use super::super::start::follow;
use super::*;
use crate::process::StepError;
use crate::sys::pidfd_open;
use creel_wire::message::{Kind, Message};
use nix::sys::socket::send;
use serde_json::json;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command};

fn sleep(seconds: &str) -> Child {
    Command::new("sleep").arg(seconds).spawn().expect("sleep")
}

/// Of a container whose filter asks the agent at this path.
fn record(path: &Path) -> Record {
    let record = json!({
        "version": 1, "ociVersion": "1.0.0", "id": "c", "bundle": "/b", "rootfs": "/b/rootfs",
        "created": "", "owner": 0, "namespaces": [], "joinedPid": false, "noNewKeyring": true,
        "cgroup": {"driver": "cgroupfs", "paths": {}, "made": false},
        "process": {"cwd": "/", "user": {"uid": 0, "gid": 0}},
        "seccomp": {"flags": 0, "program": "", "listener": {"path": path}},
    });
    serde_json::from_value(record).expect("a record")
}

/// It would be killed with this program.
#[test]
fn a_process_that_only_has_the_number_is_let_go() {
    let mut ended = Command::new("true").spawn().expect("true");
    let pidfd = pidfd_open(ended.id() as i32).expect("a child");
    ended.wait().expect("wait");
    let mut other = sleep("600");
    let asked = Asked { pid: other.id() as i32, pidfd: pidfd.as_fd() };
    let refused = stop(&asked).map(drop).expect_err("another process");
    assert_eq!(refused.raw_os_error(), Some(libc::ESRCH));
    let status = std::fs::read_to_string(format!("/proc/{}/status", other.id())).expect("it");
    assert!(status.contains("TracerPid:\t0\n"), "{status}");
    let right = pidfd_open(other.id() as i32).expect("a child");
    let asked = Asked { pid: other.id() as i32, pidfd: right.as_fd() };
    drop(stop(&asked).expect("the process itself"));
    other.kill().expect("kill");
    other.wait().expect("wait");
}

/// The end of the conversation looks like execve.
#[test]
fn a_process_that_ends_before_its_filter_was_not_started() {
    let path = std::env::temp_dir().join(format!("creel-agent-{}.sock", std::process::id()));
    let _agent = UnixListener::bind(&path).expect("bind");
    let record = record(&path);
    let mut process = sleep("0.3");
    let pidfd = pidfd_open(process.id() as i32).expect("a child");
    let asked = Asked { pid: process.id() as i32, pidfd: pidfd.as_fd() };
    let agent = Agent::of(&record, asked, Status::Created).expect("an agent");

    let (ours, theirs) = Conversation::pair().expect("a socket pair");
    let executing = Message::new(Kind::Executing).to_bytes();
    send(theirs.as_raw_fd(), &executing, MsgFlags::MSG_NOSIGNAL).expect("send");
    // Go is not read: what it was sent over is closed when the process is gone.
    let end = pidfd.try_clone().expect("a descriptor");
    let closing = std::thread::spawn(move || {
        // Not reaped here: waiting would take the tracer's news away.
        let ended = crate::process::wait::is_readable_within(&end, 10_000);
        drop(theirs);
        ended.is_ok_and(|ended| ended)
    });
    let outcome = follow(&ours, Some(&agent), |report| StepError::new(report, &[]));
    assert!(closing.join().expect("a thread"), "it ends");
    process.wait().expect("wait");
    std::fs::remove_file(&path).expect("remove");
    assert!(matches!(outcome, Err(Error::Died { .. })), "{outcome:?}");
}
