//! Ending a creel-init that is on its way into a pid namespace.

use super::*;
use crate::plan::Namespace;
use crate::skip::skip;
use creel_wire::Slot;
use creel_wire::owned::Step;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Child as Holder, Command};
use std::thread;

/// A process with a pid namespace for its children.
struct Namespaced(Holder);

impl Namespaced {
    fn new() -> Self {
        let holder = Command::new("unshare").args(["--pid", "--fork", "sleep", "600"]).spawn();
        let holder = holder.expect("unshare, of util-linux");
        let namespace = |kind: &str| {
            fs::metadata(format!("/proc/{}/ns/{kind}", holder.id())).map(|found| found.ino()).ok()
        };
        let end = Instant::now() + Duration::from_secs(10);
        while namespace("pid_for_children").is_none_or(|found| Some(found) == namespace("pid")) {
            assert!(Instant::now() < end, "unshare makes no pid namespace");
            thread::sleep(Duration::from_millis(1));
        }
        Namespaced(holder)
    }

    fn open(&self) -> OwnedFd {
        let file = format!("/proc/{}/ns/pid_for_children", self.0.id());
        fs::File::open(file).expect("the namespace").into()
    }
}

impl Drop for Namespaced {
    fn drop(&mut self) {
        let child = format!("/proc/{0}/task/{0}/children", self.0.id());
        for pid in fs::read_to_string(child).unwrap_or_default().split_whitespace() {
            let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a pid"));
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The children of this program that are in the pid namespace, ended or not.
fn children_inside(namespace: &OwnedFd) -> Vec<String> {
    let inode = fs::metadata(format!("/proc/self/fd/{}", namespace.as_raw_fd())).expect("it").ino();
    let parent = format!("PPid:\t{}\n", std::process::id());
    let status = |pid: &str| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let names = fs::read_dir("/proc").expect("/proc").flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|pid| {
            pid.bytes().all(|byte| byte.is_ascii_digit()) && status(pid).contains(&parent)
        })
        .filter(|pid| {
            let own = fs::metadata(format!("/proc/{pid}/ns/pid")).map(|found| found.ino());
            // A zombie has no namespaces that one could ask for, but a pid in each of them.
            own.is_ok_and(|own| own == inode) || status(pid).lines().any(is_nested)
        })
        .collect()
}

fn is_nested(line: &str) -> bool {
    line.strip_prefix("NSpid:").is_some_and(|pids| pids.split_whitespace().count() > 1)
}

/// The first process goes on while it is ended: whether it has cloned the second by then or not, none is left.
#[test]
fn a_second_process_that_did_not_tell_its_pid_is_reaped() {
    if !nix::unistd::geteuid().is_root() {
        return skip("joining a pid namespace needs root");
    }
    let holder = Namespaced::new();
    let namespace = holder.open();
    let steps = [
        Step::JoinNamespace { namespace: Slot(1), kind: Namespace::Pid.flag() },
        Step::EnterPidNamespace {},
        Step::Ready {},
    ];
    let mut told = 0;
    for attempt in 0..150 {
        let mut init = launch(&Launch {
            steps: &steps,
            descriptors: &[namespace.as_fd()],
            handed: Handed::nothing(),
            namespaces: 0,
            cgroup: None,
            vfork: false,
        })
        .expect("creel-init");
        thread::sleep(Duration::from_micros(attempt * 10));
        let first = init.pid;
        init.end();
        told += usize::from(init.pid != first);
        assert_eq!(children_inside(&namespace), [""; 0], "after attempt {attempt}");
    }
    assert!(told > 0, "none ever came to its second process");
}

fn talking(steps: &[Step]) -> Init {
    launch(&Launch {
        steps,
        descriptors: &[],
        handed: Handed::nothing(),
        namespaces: 0,
        cgroup: None,
        vfork: false,
    })
    .expect("creel-init")
}

/// The pid of a second process comes once, where the plan has one, and is a child of this process.
#[test]
fn a_pid_that_cannot_be_the_second_process_is_refused() {
    let mut other = Command::new("sleep").arg("600").spawn().expect("sleep");
    let unplanned = (vec![Step::Ready {}], other.id() as i32);
    let strange = (vec![Step::Ready {}, Step::EnterPidNamespace {}], 1);
    for (steps, pid) in [unplanned, strange] {
        let mut init = talking(&steps);
        let first = init.pid;
        let refused = init.enter_second_process(pid).expect_err("no second process");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
        assert_eq!(init.pid, first);
        init.end();
    }
    assert!(other.try_wait().expect("a child").is_none(), "it is left alone");
    other.kill().expect("kill");
    other.wait().expect("wait");
}
