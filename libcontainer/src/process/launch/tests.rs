//! Ending a creel-init, on its way into a pid namespace or frozen.

use super::*;
use crate::plan::Namespace;
use crate::skip::skip;
use creel_wire::Slot;
use creel_wire::message::{Kind, Message};
use creel_wire::owned::Step;
use nix::sys::socket::MsgFlags;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child as Holder, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

/// A process with a pid namespace for its children; one at a time, for [`children_inside`] cannot tell zombies apart.
struct Namespaced {
    holder: Holder,
    _one: MutexGuard<'static, ()>,
}

impl Namespaced {
    fn new() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
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
        Namespaced { holder, _one: one }
    }

    fn open(&self) -> OwnedFd {
        let file = format!("/proc/{}/ns/pid_for_children", self.holder.id());
        fs::File::open(file).expect("the namespace").into()
    }
}

impl Drop for Namespaced {
    fn drop(&mut self) {
        let child = format!("/proc/{0}/task/{0}/children", self.holder.id());
        for pid in fs::read_to_string(child).unwrap_or_default().split_whitespace() {
            let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a pid"));
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
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
        Step::EnterPidNamespace { at_once: false },
        Step::Ready {},
    ];
    let mut told = 0;
    for attempt in 0..150 {
        let mut init = launched(&steps, &[namespace.as_fd()]);
        thread::sleep(Duration::from_micros(attempt * 10));
        let first = init.pid;
        init.end();
        told += usize::from(init.pid != first);
        assert_eq!(children_inside(&namespace), [""; 0], "after attempt {attempt}");
    }
    assert!(told > 0, "none ever came to its second process");
}

/// A cgroup of version 1 that freezes; thawed and removed in the end.
struct Freezer(PathBuf);

impl Freezer {
    fn write(&self, file: &str, value: &str) {
        fs::write(self.0.join(file), value).expect("a file of the freezer");
    }

    fn freeze(&self) {
        self.write("freezer.state", "FROZEN");
        let end = Instant::now() + Duration::from_secs(10);
        while fs::read_to_string(self.0.join("freezer.state")).expect("its state") != "FROZEN\n" {
            assert!(Instant::now() < end, "it does not freeze");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("freezer.state"), "THAWED");
        let end = Instant::now() + Duration::from_secs(10);
        while fs::remove_dir(&self.0).is_err() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// It outlasts SIGKILL until it is thawed.
#[test]
fn one_that_is_frozen_is_not_waited_for_without_end() {
    let top = Path::new("/sys/fs/cgroup/freezer");
    if !nix::unistd::geteuid().is_root() || !top.join("cgroup.procs").exists() {
        return skip("it needs root and version 1's freezer");
    }
    let freezer = Freezer(top.join(format!("creel-unit-{}-frozen", std::process::id())));
    fs::create_dir(&freezer.0).expect("a cgroup");
    let mut init = launched(&[Step::Ready {}], &[]);
    freezer.write("cgroup.procs", &init.pid.to_string());
    freezer.freeze();
    let (ended, end) = mpsc::channel();
    let ending = thread::spawn(move || {
        init.end();
        let _ = ended.send(());
        init
    });
    let waited = end.recv_timeout(Duration::from_secs(20));
    drop(freezer);
    let init = ending.join().expect("no panic");
    wait::reap(init.pidfd.as_fd());
    waited.expect("it was waited for until it was thawed");
}

/// A creel-init in no namespace or cgroup of its own.
pub(crate) fn launched(steps: &[Step], descriptors: &[BorrowedFd<'_>]) -> Init {
    launch(&Launch {
        steps,
        descriptors,
        handed: Handed::nothing(),
        namespaces: 0,
        entrance: None,
        cgroup: None,
        vfork: false,
    })
    .expect("creel-init")
}

/// creel-init's end of the conversation.
fn end_of(init: &Init) -> Conversation {
    let cmdline = format!("/proc/{}/cmdline", init.pid);
    let end = Instant::now() + Duration::from_secs(10);
    let number = loop {
        // Until it is executed it is a copy of this program.
        let words = fs::read_to_string(&cmdline).expect("its arguments");
        match words.split('\0').collect::<Vec<_>>()[..] {
            ["creel-init", _, number, ..] => break number.parse().expect("a number"),
            _ => assert!(Instant::now() < end, "it is not executed: {words}"),
        }
        thread::sleep(Duration::from_millis(1));
    };
    Conversation::over(sys::get_descriptor(init.pidfd.as_fd(), number).expect("its socket"))
}

/// Says it as if it were creel-init; false when the socket is full.
fn say(end: &Conversation, kind: Kind, step: u32) -> bool {
    let mut message = Message::new(kind);
    message.step = step;
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    match nix::sys::socket::send(end.as_fd().as_raw_fd(), &message.to_bytes(), flags) {
        Err(nix::Error::EAGAIN) => false,
        sent => sent.is_ok_and(|length| length > 0),
    }
}

fn steps_into_pid_namespace() -> [Step; 4] {
    [
        Step::AwaitAdmission {},
        Step::JoinNamespace { namespace: Slot(1), kind: Namespace::Pid.flag() },
        Step::EnterPidNamespace { at_once: true },
        Step::Ready {},
    ]
}

/// As by the OOM killer. The second would be waited for without end, and keep its pid namespace from ending.
#[test]
fn a_first_process_that_is_killed_before_it_tells_is_noticed() {
    if !nix::unistd::geteuid().is_root() {
        return skip("joining a pid namespace needs root");
    }
    let holder = Namespaced::new();
    let namespace = holder.open();
    let mut init = launched(&steps_into_pid_namespace(), &[namespace.as_fd()]);
    let socket = end_of(&init);
    // So it cannot tell.
    while say(&socket, Kind::Mounted, 0) {}
    drop(socket);
    init.conversation.go().expect("go");
    let end = Instant::now() + Duration::from_secs(10);
    while children_inside(&namespace).is_empty() {
        assert!(Instant::now() < end, "it makes no second process");
        thread::sleep(Duration::from_millis(1));
    }
    sys::send_signal(init.pidfd.as_fd(), libc::SIGKILL).expect("a first process");
    let (heard, noticed) = mpsc::channel();
    let listening = thread::spawn(move || {
        while !matches!(init.next().expect("an event"), Event::Closed) {}
        let _ = heard.send(());
        init
    });
    noticed.recv_timeout(Duration::from_secs(20)).expect("it is waited for");
    let mut init = listening.join().expect("no panic");
    init.end();
    assert_eq!(children_inside(&namespace), [""; 0]);
}

/// Whoever traces the second process has its end of the conversation, and could name any child of this one.
#[test]
fn a_pid_is_believed_of_the_first_process_alone() {
    if !nix::unistd::geteuid().is_root() {
        return skip("joining a pid namespace needs root");
    }
    let holder = Namespaced::new();
    let namespace = holder.open();
    let other =
        Command::new("sleep").arg("600").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut other = other.expect("sleep");
    let mut init = launched(&steps_into_pid_namespace(), &[namespace.as_fd()]);
    let first = init.pid;
    assert!(say(&end_of(&init), Kind::Pid, other.id()));
    let Ok(Event::Pid(pid)) = init.next() else { panic!("a pid") };
    assert_eq!(pid, other.id() as i32);
    let refused = init.enter_second_process(pid).expect_err("it is another's");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
    assert_eq!(init.pid, first);
    // The true one is found all the same.
    init.conversation.go().expect("go");
    init.end();
    assert_ne!(init.pid, first);
    assert_eq!(children_inside(&namespace), [""; 0]);
    assert!(other.try_wait().expect("a child").is_none(), "it is left alone");
    other.kill().expect("kill");
    other.wait().expect("wait");
}

#[test]
fn a_second_process_that_was_not_planned_is_refused() {
    let mut init = launched(&[Step::Ready {}], &[]);
    let first = init.pid;
    init.sender = Some(first);
    let refused = init.enter_second_process(1).expect_err("no second process");
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{refused}");
    assert_eq!(init.pid, first);
    init.end();
}
