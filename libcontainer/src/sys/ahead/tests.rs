//! Namespaces made ahead: entered, made after all, and never left behind.

use super::*;
use crate::plan::Namespace;
use crate::process::Handed;
use crate::process::launch::{Init, Launch, launch};
use crate::process::wait::is_readable_within;
use crate::skip::skip;
use crate::sys::send_signal;
use creel_wire::owned::Step;
use std::fs;
use std::thread;

const NETWORK: u64 = libc::CLONE_NEWNET as u64;

fn needs_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        skip("making namespaces needs root");
    }
    root
}

/// creel-init in new uts and network namespaces, with nothing to do but wait.
fn start_init(ahead: &Ahead) -> Init {
    launch(&Launch {
        steps: &[Step::Ready {}],
        descriptors: &[],
        handed: Handed::nothing(),
        namespaces: NETWORK | u64::from(Namespace::Uts.flag()),
        ahead: Some(ahead),
        cgroup: None,
        vfork: true,
    })
    .expect("creel-init")
}

fn namespace(pid: &str, kind: &str) -> String {
    let link = fs::read_link(format!("/proc/{pid}/ns/{kind}")).expect("a namespace");
    link.to_string_lossy().into_owned()
}

fn assert_is_in_its_own(init: &Init) {
    for kind in ["net", "uts"] {
        assert_ne!(namespace(&init.pid.to_string(), kind), namespace("self", kind));
    }
}

fn pidfd(ahead: &Ahead) -> OwnedFd {
    ahead.pidfd.as_ref().expect("it was started").try_clone().expect("a descriptor")
}

#[test]
fn a_process_enters_what_was_made() {
    if !needs_root() {
        return;
    }
    let ahead = Ahead::begin(NETWORK);
    let mut init = start_init(&ahead);
    assert_is_in_its_own(&init);
    let maker = pidfd(&ahead);
    drop(ahead);
    assert_eq!(send_signal(maker.as_fd(), 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    let routes = fs::read_to_string(format!("/proc/{}/net/fib_trie", init.pid));
    assert!(routes.expect("a file of procfs").contains("127.0.0.1"), "the loopback device is down");
    init.end();
}

#[test]
fn what_could_not_be_made_is_made_by_the_clone() {
    if !needs_root() {
        return;
    }
    // The highest bit is no kind of namespace.
    let refused = Ahead::begin(NETWORK | 1 << 31);
    let killed = Ahead::begin(NETWORK);
    send_signal(pidfd(&killed).as_fd(), libc::SIGKILL).expect("a process");
    assert!(is_readable_within(&pidfd(&killed), 10_000).expect("poll"), "it does not end");
    for ahead in [refused, killed] {
        let mut init = start_init(&ahead);
        assert_is_in_its_own(&init);
        init.end();
    }
}

#[test]
fn unused_ones_leave_nothing() {
    for kinds in [NETWORK, 0] {
        let ahead = Ahead::begin(kinds);
        let maker = pidfd(&ahead);
        drop(ahead);
        assert_eq!(send_signal(maker.as_fd(), 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
    }
}

/// As with a program that is killed.
#[test]
fn they_end_with_the_thread_that_began_them() {
    if !needs_root() {
        return;
    }
    let began = thread::spawn(|| {
        let ahead = Ahead::begin(NETWORK);
        let maker = pidfd(&ahead);
        // Until then only the end of the whole program counts.
        while ahead.room().state.load(Ordering::Acquire) == MAKING {
            wait_while(&ahead.room().state, MAKING);
        }
        std::mem::forget(ahead);
        maker
    });
    let maker = began.join().expect("no panic");
    assert!(is_readable_within(&maker, 10_000).expect("poll"), "it stays");
    await_end(&maker);
}
