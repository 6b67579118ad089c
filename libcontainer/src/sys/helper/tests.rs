//! Namespaces made ahead: entered, made after all, and never left behind; device filters attached, or not.

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
fn start_init(helper: &Helper) -> Init {
    launch(&Launch {
        steps: &[Step::Ready {}],
        descriptors: &[],
        handed: Handed::nothing(),
        namespaces: NETWORK | u64::from(Namespace::Uts.flag()),
        entrance: helper.entrance(),
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

fn pidfd(helper: &Helper) -> OwnedFd {
    helper.pidfd.as_ref().expect("it was started").try_clone().expect("a descriptor")
}

/// Waits until the child is further than that, or has ended.
fn wait_past(helper: &Helper, reached: u32) {
    let state = &helper.room().state;
    loop {
        match state.load(Ordering::Acquire) {
            waiting @ 1.. if waiting <= reached => wait_while(state, waiting),
            _ => return,
        }
    }
}

#[test]
fn a_process_enters_what_was_made() {
    if !needs_root() {
        return;
    }
    let helper = Helper::begin(NETWORK);
    wait_past(&helper, CALLED);
    let mut init = start_init(&helper);
    assert_is_in_its_own(&init);
    let maker = pidfd(&helper);
    drop(helper);
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
    let refused = Helper::begin(NETWORK | 1 << 31);
    let killed = Helper::begin(NETWORK);
    send_signal(pidfd(&killed).as_fd(), libc::SIGKILL).expect("a process");
    assert!(is_readable_within(&pidfd(&killed), 10_000).expect("poll"), "it does not end");
    for helper in [refused, killed] {
        let mut init = start_init(&helper);
        assert_is_in_its_own(&init);
        init.end();
    }
}

/// As on a machine that has no processor free for it.
#[test]
fn one_that_did_not_run_in_time_makes_nothing() {
    let myself = crate::sys::pidfd_open(std::process::id() as i32).expect("a pidfd");
    let helper = Helper { pidfd: Some(myself), room: Room::new(NETWORK), filters: false };
    assert!(helper.entrance().is_none());
    assert!(helper.entrance().is_none(), "it was told not to");
    assert_eq!(helper.room().state.load(Ordering::Acquire), UNNEEDED);
    let late = start(helper.room).expect("a child");
    await_end(&late);
    assert_eq!(helper.room().state.load(Ordering::Acquire), 0);
}

#[test]
fn unused_ones_leave_nothing() {
    for kinds in [NETWORK, 0] {
        let helper = Helper::begin(kinds);
        let maker = pidfd(&helper);
        drop(helper);
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
        let helper = Helper::begin(NETWORK);
        let maker = pidfd(&helper);
        // Until then only the end of the whole program counts.
        wait_past(&helper, MAKING);
        std::mem::forget(helper);
        maker
    });
    let maker = began.join().expect("no panic");
    assert!(is_readable_within(&maker, 10_000).expect("poll"), "it stays");
    await_end(&maker);
}
