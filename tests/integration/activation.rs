//! What a service manager has to do with a container: sockets that it passes on, and the one on which it is told that
//! the service is ready.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Bundle, Cmd, Output, needs_root, parse, runc_deviates, wait_until};

/// The manager's socket.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Manager {
    fn listen(bundle: &Bundle) -> Manager {
        let path = bundle.outside("manager").join("notify");
        Manager { socket: UnixDatagram::bind(&path).expect("a socket"), path }
    }

    /// A command that is told of it.
    fn tells(&self, bundle: &Bundle, words: &[&str]) -> Cmd {
        bundle.wrapped(&["env", &format!("NOTIFY_SOCKET={}", self.path.display())], words)
    }

    fn next_within(&self, milliseconds: u64) -> io::Result<String> {
        self.socket.set_read_timeout(Some(Duration::from_millis(milliseconds))).expect("timeout");
        let mut text = [0u8; 4096];
        // What comes with a barrier is closed, since nothing takes it.
        let length = self.socket.recv(&mut text)?;
        Ok(String::from_utf8_lossy(&text[..length]).into_owned())
    }

    #[track_caller]
    fn hears(&self, text: &str) {
        assert_eq!(self.next_within(10_000).expect("a message"), text);
    }

    #[track_caller]
    fn hears_nothing(&self) {
        let found = self.next_within(200);
        assert!(found.is_err(), "{found:?}");
    }
}

/// A container whose program, once it gets USR1, says these things and stays.
fn saying(name: &str, texts: &[&str]) -> Bundle {
    Bundle::new(name).config(|c| c.probe(&[&["notify"], texts].concat()))
}

#[track_caller]
fn wait_for_program(output: &Output) {
    wait_until("the program", || output.stdout() == "ready\n");
}

#[test]
fn start_returns_when_the_program_is_ready() {
    runc_deviates!("it looks for READY=1 in the first line alone");
    // What else it says is not for the manager: it could take itself for the main process.
    let bundle = saying("ready", &["STATUS=up\nMAINPID=1", "MAINPID=1\nREADY=1\nFDSTORE=1"]);
    let manager = Manager::listen(&bundle);
    let create = ["create", "--bundle", &bundle.bundle_path(), &bundle.id];
    let output = manager.tells(&bundle, &create).ok();
    let start = manager.tells(&bundle, &["start", &bundle.id]).spawn();
    wait_for_program(&output);
    manager.hears_nothing();
    assert_eq!(bundle.status(), "running");
    bundle.kill("USR1");
    manager.hears(&format!("MAINPID={}\nREADY=1\n", bundle.pid()));
    manager.hears("BARRIER=1");
    start.output().ok();
    manager.hears_nothing();
    // exec gets nothing of it.
    assert_eq!(bundle.exec_report(&[]).env("NOTIFY_SOCKET"), None);
}

#[test]
fn run_in_the_foreground_says_that_the_program_is_ready() {
    let bundle = saying("foreground", &["READY=1"]);
    let manager = Manager::listen(&bundle);
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let run = manager.tells(&bundle, &words).spawn();
    wait_until("the program", || run.stdout() == "ready\n");
    manager.hears_nothing();
    bundle.kill("USR1");
    // The main process is the runtime.
    manager.hears("READY=1\n");
    bundle.kill("KILL");
    run.output().exits(128 + 9);
    bundle.assert_nothing_left();
}

#[test]
fn run_detached_waits_for_the_program_or_its_end() {
    runc_deviates!("it names the main process in a second message");
    for (signal, heard) in [("USR1", true), ("KILL", false)] {
        let bundle = saying("detached", &["READY=1"]);
        let manager = Manager::listen(&bundle);
        let words = ["run", "--detach", "--bundle", &bundle.bundle_path(), &bundle.id];
        let run = manager.tells(&bundle, &words).spawn();
        wait_until("the program", || run.stdout() == "ready\n");
        let pid = bundle.pid();
        bundle.kill(signal);
        match heard {
            true => manager.hears(&format!("MAINPID={pid}\nREADY=1\n")),
            false => manager.hears_nothing(),
        }
        run.output().ok();
    }
}

#[test]
fn a_mapped_root_can_say_that_it_is_ready() {
    needs_root!("it maps ids that are not the user's");
    runc_deviates!("it cannot bind below its own state");
    let bundle = saying("usernsready", &["READY=1"]).config(|c| {
        c.push("/linux/namespaces", json!({"type": "user"}));
        for map in ["/linux/uidMappings", "/linux/gidMappings"] {
            c.set(map, json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]));
        }
    });
    bundle.reachable();
    std::os::unix::fs::chown(bundle.rootfs(""), Some(100_000), Some(100_000)).expect("chown");
    let manager = Manager::listen(&bundle);
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let run = manager.tells(&bundle, &words).spawn();
    wait_until("the program", || run.stdout() == "ready\n");
    bundle.kill("USR1");
    manager.hears("READY=1\n");
    bundle.kill("KILL");
    run.output().exits(128 + 9);
}

#[test]
fn without_a_manager_there_is_no_socket() {
    let report = Bundle::new("nomanager").report();
    assert_eq!(report.env("NOTIFY_SOCKET"), None);
    assert!(report.mount("/run/notify").is_none());
}

#[test]
fn a_manager_that_is_none_is_told_of_in_time() {
    runc_deviates!("it ignores the address until the program is ready");
    let bundle = Bundle::new("badmanager").config(|c| c.probe(&["exit", "0"]));
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let output = bundle.wrapped(&["env", "NOTIFY_SOCKET=relative"], &words).output();
    output.refused(&["NOTIFY_SOCKET"]);
    bundle.assert_nothing_left();
}

/// Runs a command with two sockets of sd_listen_fds(3), 3 and 4, and a further descriptor, 5.
fn listening(bundle: &Bundle, words: &[&str]) -> Cmd {
    let script = "exec 3</etc/hostname 4</etc/passwd 5</etc/group; \
                  LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:admin exec \"$@\"";
    bundle.wrapped(&["sh", "-c", script, "sh"], words)
}

#[test]
fn sockets_are_passed_on_with_their_number() {
    let bundle = Bundle::new("listen");
    let path = bundle.bundle_path();
    let run = |options: &[&str]| {
        let words = [&["run", "--bundle", &path], options, &[&bundle.id]].concat();
        parse(&listening(&bundle, &words).ok())
    };
    let report = run(&[]);
    assert_eq!(report.fds.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!((report.env("LISTEN_FDS"), report.env("LISTEN_PID")), (Some("2"), Some("1")));
    runc_deviates!("it has no names");
    assert_eq!(report.env("LISTEN_FDNAMES"), Some("web:admin"));
    let report = run(&["--preserve-fds", "1"]);
    assert_eq!(report.fds.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(report.env("LISTEN_FDS"), Some("2"));
}

#[test]
fn the_pid_is_the_one_that_the_program_has() {
    runc_deviates!("it says 1 whatever it is");
    let bundle = Bundle::new("listenpid").config(|c| c.without_namespace("pid"));
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let report = parse(&listening(&bundle, &words).ok());
    assert_eq!(report.env("LISTEN_PID"), Some(report.pid.to_string().as_str()));
}

#[test]
fn sockets_for_somebody_else_are_not_passed_on() {
    let bundle = Bundle::new("listenother");
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let script = "exec 3</etc/hostname; LISTEN_PID=1 LISTEN_FDS=1 exec \"$@\"";
    let report = parse(&bundle.wrapped(&["sh", "-c", script, "sh"], &words).ok());
    assert_eq!(report.fds.into_keys().collect::<Vec<_>>(), [0, 1, 2]);
    assert!(!report.env.iter().any(|variable| variable.starts_with("LISTEN_")));
    runc_deviates!("it ignores what it cannot read");
    let script = "LISTEN_PID=$$ LISTEN_FDS=many exec \"$@\"";
    bundle.wrapped(&["sh", "-c", script, "sh"], &words).output().refused(&["LISTEN_FDS", "many"]);
}
