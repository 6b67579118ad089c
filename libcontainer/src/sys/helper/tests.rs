//! Namespaces made ahead: entered, made after all, and never left behind; device filters attached, or not.

use super::*;
use crate::plan::Namespace;
use crate::process::Handed;
use crate::process::launch::{Init, Launch, launch};
use crate::process::wait::is_readable_within;
use crate::skip::skip;
use crate::sys::send_signal;
use creel_wire::owned::Step;
use nix::sched::sched_getaffinity;
use nix::unistd::Pid;
use std::fs;
use std::os::fd::IntoRawFd;
use std::process::Command;
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

fn process(helper: &Helper) -> &Process {
    helper.process.as_ref().expect("it was started")
}

fn pidfd(helper: &Helper) -> OwnedFd {
    process(helper).pidfd.try_clone().expect("a descriptor")
}

/// Waits until the child is further than that, or has ended.
fn wait_past(helper: &Helper, reached: u32) {
    let state = &helper.room().state;
    loop {
        match state.load(Ordering::Acquire) {
            waiting @ 1.. if waiting <= reached => _ = wait_while(state, waiting, false),
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
    assert!(is_readable_within(&pidfd(&refused), 10_000).expect("poll"), "it does not end");
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
    let mut helper = not_begun();
    helper.attach(filter());
    assert!(helper.entrance().is_none());
    assert!(helper.entrance().is_none(), "it was told not to");
    assert_eq!(helper.room().state.load(Ordering::Acquire), UNNEEDED);
    assert!(!helper.has_attached());
    let late = start(helper.room).expect("a child");
    assert!(await_end(&late.pidfd));
    assert_eq!(helper.room().state.load(Ordering::Acquire), 0);
    assert!(helper.entrance().is_none() && !helper.has_attached());
}

/// One whose child has not run. In its place is one that has ended.
fn not_begun() -> Helper {
    let mut ended = Command::new("true").spawn().expect("true");
    let pid = ended.id() as i32;
    let pidfd = crate::sys::pidfd_open(pid).expect("a pidfd");
    ended.wait().expect("wait");
    Helper { process: Some(Process { pid, pidfd }), room: Room::new(NETWORK), filters: false }
}

/// One that can be loaded, for what is no cgroup.
fn filter() -> DeviceFilter {
    let directory = fs::File::open("/").expect("a directory");
    DeviceFilter::new(&[0x0000_0001_0000_00b7, 0x95], directory.as_fd()).expect("a descriptor")
}

#[test]
fn a_filter_is_not_attached_by_one_that_was_killed() {
    if !needs_root() {
        return;
    }
    for reached in [CALLED, MAKING] {
        let mut helper = Helper::begin(NETWORK);
        wait_past(&helper, reached);
        send_signal(pidfd(&helper).as_fd(), libc::SIGKILL).expect("a process");
        helper.attach(filter());
        assert!(!helper.has_attached());
    }
}

/// The namespaces are there, whatever came of the filter.
#[test]
fn namespaces_are_entered_while_and_after_a_filter_is_attached() {
    if !needs_root() {
        return;
    }
    for reached in [MADE, ATTACHED, NOT_ATTACHED] {
        let helper = Helper::begin(NETWORK);
        wait_past(&helper, MAKING);
        helper.room().state.store(reached, Ordering::Release);
        let made = namespace(&process(&helper).pid.to_string(), "net");
        let mut init = start_init(&helper);
        assert_eq!(namespace(&init.pid.to_string(), "net"), made, "{reached}");
        init.end();
    }
}

#[test]
fn one_that_was_stopped_is_not_waited_for_without_end() {
    if !needs_root() {
        return;
    }
    let mut helper = Helper::begin(NETWORK);
    wait_past(&helper, MAKING);
    let stopped = pidfd(&helper);
    send_signal(stopped.as_fd(), libc::SIGSTOP).expect("a process");
    helper.attach(filter());
    assert!(!helper.has_attached());
    drop(helper);
    assert_eq!(send_signal(stopped.as_fd(), 0).unwrap_err().raw_os_error(), Some(libc::ESRCH));
}

/// It shares the table of descriptors.
#[test]
fn what_a_killed_one_had_open_is_closed() {
    let helper = not_begun();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    helper.room().open.store(OwnedFd::from(writer).into_raw_fd(), Ordering::Release);
    drop(helper);
    assert_eq!(std::io::read_to_string(reader).expect("the end of it"), "");
}

/// It began elsewhere, but may run where this thread may.
#[test]
fn one_may_run_on_all_processors() {
    let allowed = |pid| sched_getaffinity(Pid::from_raw(pid)).expect("a process");
    let helper = Helper::begin(0);
    wait_past(&helper, CALLED);
    assert_eq!(allowed(process(&helper).pid), allowed(0));
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
