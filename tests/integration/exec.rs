//! `exec`: a further process in a running container, set up as the container's own.

use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::json;

use crate::harness::{
    Bundle, DEFAULT_CAPABILITIES, cgroup, is_runc, needs_cgroup, parse, process_exists,
    runc_deviates, unless, wait_until,
};

fn running(name: &str) -> Bundle {
    Bundle::new(name).sleeping()
}

#[test]
fn the_namespaces_are_the_containers() {
    let bundle = running("namespaces");
    let report = bundle.exec_report(&[]);
    let pid = bundle.pid();
    for (name, inode) in &report.namespaces {
        let of_init = fs::metadata(format!("/proc/{pid}/ns/{name}")).expect("a namespace").ino();
        assert_eq!(*inode, of_init, "{name}");
    }
    assert_ne!(report.pid, 1);
    assert_eq!(report.hostname, "creel-test");
    assert!(report.mount("/").expect("a root").root.ends_with("/bundle/rootfs"));
}

#[test]
fn a_cgroup_namespace_is_joined_too() {
    let bundle = Bundle::new("cgroupns").config(|c| {
        c.push("/linux/namespaces", json!({"type": "cgroup"}));
    });
    let bundle = bundle.sleeping();
    let report = bundle.exec_report(&[]);
    for line in report.cgroups {
        assert!(line.ends_with(":/"), "{line}");
    }
}

#[test]
fn the_process_settings_are_the_containers() {
    let bundle = Bundle::new("settings").dir("work").config(|c| {
        c.set("/process/cwd", "/work");
        c.set("/process/env", json!(["PATH=/bin", "OWN=1"]));
        c.set("/process/user", json!({"uid": 1000, "gid": 2000, "additionalGids": [5]}));
        c.set("/process/oomScoreAdj", 321);
        c.set("/process/rlimits", json!([{"type": "RLIMIT_CORE", "soft": 0, "hard": 200}]));
    });
    let bundle = bundle.sleeping();
    let report = bundle.exec_report(&[]);
    assert_eq!(report.cwd, "/work");
    assert_eq!(report.env("OWN"), Some("1"));
    assert_eq!(report.ids.uid, [1000; 4]);
    assert_eq!(report.ids.gid, [2000; 4]);
    assert!(report.ids.groups.contains(&5));
    assert_eq!(report.oom_score_adj, 321);
    assert_eq!(report.rlimits["RLIMIT_CORE"], (Some(0), Some(200)));
    assert!(report.no_new_privs);
}

#[test]
fn the_umask_is_the_containers() {
    runc_deviates!("exec has the umask 022");
    let bundle = Bundle::new("umask").config(|c| c.set("/process/user/umask", 0o027));
    assert_eq!(bundle.sleeping().exec_report(&[]).umask, 0o027);
}

#[test]
fn the_limit_of_open_files_is_the_containers() {
    runc_deviates!("Go may raise the soft limit after it was set");
    let bundle = Bundle::new("nofile").config(|c| {
        c.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]));
    });
    let report = bundle.sleeping().exec_report(&[]);
    assert_eq!(report.rlimits["RLIMIT_NOFILE"], (Some(100), Some(200)));
}

#[test]
fn the_capabilities_are_the_containers() {
    let mut names = running("caps").exec_report(&[]).capabilities.bounding;
    names.sort();
    let mut expected = DEFAULT_CAPABILITIES.map(str::to_owned);
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn the_process_is_in_the_containers_cgroup() {
    needs_cgroup!();
    let bundle = running("cgroup");
    let report = bundle.exec_report(&[]);
    let with_path = report.cgroups.iter().filter(|line| line.ends_with(&bundle.cgroup())).count();
    assert!(with_path > 0, "{:?}", report.cgroups);
    let of_init = fs::read_to_string(format!("/proc/{}/cgroup", bundle.pid())).expect("cgroup");
    assert_eq!(report.cgroups, of_init.lines().collect::<Vec<_>>());
}

#[test]
fn the_session_keyring_is_the_containers() {
    let bundle = running("keyring");
    let report = bundle.exec_report(&[]);
    assert_eq!(report.session_keyring, Some(format!("_ses.{}", bundle.id)));
}

#[test]
fn home_is_looked_up() {
    let bundle = Bundle::new("home").file("etc/passwd", "me:x:1000:1000::/home/me:/bin/sh\n");
    let bundle = bundle.sleeping();
    assert_eq!(bundle.exec_report(&["--user", "1000"]).env("HOME"), Some("/home/me"));
}

#[test]
fn options_change_the_process() {
    let bundle = running("options");
    let report = bundle.exec_report(&[
        "--env",
        "A=1",
        "--env",
        "B=2",
        "--cwd",
        "/bin",
        "--user",
        "1000:2000",
        "--additional-gids",
        "30",
    ]);
    assert_eq!((report.env("A"), report.env("B")), (Some("1"), Some("2")));
    assert_eq!(report.env("TERM"), Some("xterm"), "the container's variables stay");
    assert_eq!(report.cwd, "/bin");
    assert_eq!((report.ids.uid, report.ids.gid), ([1000; 4], [2000; 4]));
    assert!(report.ids.groups.contains(&30));
}

#[test]
fn a_variable_given_wins_over_the_containers() {
    let report = running("override").exec_report(&["--env", "TERM=dumb"]);
    assert_eq!(report.env("TERM"), Some("dumb"));
}

#[test]
fn the_exit_status_comes_back() {
    let bundle = running("status");
    for status in [0, 7, 255] {
        let words = ["exec", &bundle.id, "/bin/probe", "exit", &status.to_string()];
        bundle.cmd(&words).output().exits(status);
    }
    let words = ["exec", &bundle.id, "/bin/probe", "die", "SIGTERM"];
    bundle.cmd(&words).output().exits(128 + 15);
    assert_eq!(bundle.status(), "running");
}

#[test]
fn options_after_the_program_are_the_programs() {
    let bundle = running("flags");
    let words = ["exec", &bundle.id, "/bin/probe", "echo", "--cwd", "-e", "--help"];
    assert_eq!(bundle.cmd(&words).ok().stdout(), "--cwd -e --help\n");
}

#[test]
fn stdin_and_stdout_are_passed() {
    let bundle = running("stdio");
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/probe", "cat"]).stdin("some text\n").ok();
    assert_eq!(output.stdout(), "some text\n");
}

#[test]
fn the_program_is_looked_up_in_the_containers_path() {
    let bundle = running("path");
    let output = bundle.cmd(&["exec", &bundle.id, "probe", "echo", "found"]).ok();
    assert_eq!(output.stdout(), "found\n");
}

#[test]
fn a_program_that_is_not_there() {
    let bundle = running("missing");
    let output = bundle.cmd(&["exec", &bundle.id, "nonesuch"]).output().exits(255);
    let stderr = output.stderr();
    assert!(stderr.contains("nonesuch"), "{stderr}");
    assert!(stderr.contains("executable file not found in $PATH"), "{stderr}");
    let output = bundle.cmd(&["exec", &bundle.id, "/none/such"]).output().exits(255);
    assert!(output.stderr().contains("no such file or directory"), "{}", output.stderr());
    assert_eq!(bundle.status(), "running");
    assert_eq!(bundle.processes(), [bundle.pid()], "a process stayed");
}

#[test]
fn detached_with_a_pid_file() {
    let bundle = running("detach");
    let file = bundle.outside("out").join("pid");
    let file = file.to_str().expect("UTF-8");
    let words = ["exec", "--detach", "--pid-file", file, &bundle.id, "/bin/probe", "sigwait"];
    let output = bundle.cmd(&words).ok();
    let pid: u32 = fs::read_to_string(file).expect("the pid file").parse().expect("a number");
    wait_until("the probe", || output.stdout() == "ready\n");
    assert!(process_exists(pid));
    assert!(bundle.processes().contains(&pid));
    let parent = crate::harness::stat_fields(pid).expect("the process").ppid;
    assert_eq!(parent, std::process::id(), "it is not a child of the subreaper");
    // Whoever adopted the process has to reap it, or the container's init cannot end either.
    let deleting = std::thread::scope(|scope| {
        let delete = scope.spawn(|| bundle.cmd(&["delete", "--force", &bundle.id]));
        wait_until("delete to end", || {
            crate::harness::orphans_reap();
            delete.is_finished()
        });
        delete.join().expect("delete")
    });
    deleting.ok();
    wait_until("the process to be gone", || !process_exists(pid));
    bundle.assert_nothing_left();
}

#[test]
fn a_process_file_replaces_the_settings() {
    let bundle = running("process");
    let process = json!({
        "args": ["/bin/probe", "report"],
        "env": ["ONLY=this"],
        "cwd": "/bin",
        "user": {"uid": 0, "gid": 0},
        "rlimits": [{"type": "RLIMIT_CORE", "soft": 50, "hard": 60}],
        "noNewPrivileges": false,
    });
    let file = bundle.outside("in").join("process.json");
    fs::write(&file, process.to_string()).expect("process.json");
    let words = ["exec", "--process", file.to_str().expect("UTF-8"), &bundle.id];
    let report = parse(&bundle.cmd(&words).ok());
    assert_eq!(report.env("ONLY"), Some("this"));
    assert_eq!(report.env("TERM"), None);
    assert_eq!(report.cwd, "/bin");
    assert_eq!(report.rlimits["RLIMIT_CORE"], (Some(50), Some(60)));
    assert!(!report.no_new_privs);
    // What the file does not say about capabilities, the container's settings do.
    assert_eq!(report.capabilities.bounding.len(), DEFAULT_CAPABILITIES.len());
}

#[test]
fn exec_works_in_a_created_container() {
    let bundle = Bundle::new("created");
    bundle.create();
    let report = bundle.exec_report(&[]);
    assert_eq!(report.hostname, "creel-test");
    assert_eq!(bundle.status(), "created");
}

#[test]
fn many_at_once() {
    let bundle = running("many");
    let words = ["exec", &bundle.id, "/bin/probe", "exit", "9"];
    let all: Vec<_> = (0..8).map(|_| bundle.cmd(&words).spawn()).collect();
    for one in all {
        one.output().exits(9);
    }
    assert_eq!(bundle.processes(), [bundle.pid()], "a process stayed");
}

#[test]
fn without_a_program_it_is_refused() {
    let bundle = running("noprogram");
    let output = bundle.cmd(&["exec", &bundle.id]).output();
    assert!([1, 255].contains(&output.code()), "exit {}", output.code());
    assert!(!output.stderr().is_empty());
    if !is_runc() {
        assert_eq!(output.stderr().lines().count(), 1, "{}", output.stderr());
    }
}

/// Directories below the container's cgroup, gone when dropped.
struct Below(Vec<std::path::PathBuf>);

impl Below {
    fn make(bundle: &Bundle, name: &str) -> Below {
        let dirs: Vec<_> = cgroup::dirs(&bundle.cgroup()).iter().map(|d| d.join(name)).collect();
        for dir in &dirs {
            std::fs::create_dir(dir).expect("a cgroup below the container's");
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let parent = std::fs::read_to_string(dir.with_file_name(file));
                if let Ok(value) = parent.as_deref().map(str::trim).map(str::to_owned) {
                    let _ = std::fs::write(dir.join(file), value);
                }
            }
        }
        Below(dirs)
    }
}

impl Drop for Below {
    fn drop(&mut self) {
        for dir in &self.0 {
            let _ = std::fs::remove_dir(dir);
        }
    }
}

/// The cgroup of each hierarchy that an exec is in, by controller.
fn cgroups_of_exec(bundle: &Bundle, given: &str) -> Vec<(String, String)> {
    let report = bundle.exec_report(&["--cgroup", given]);
    let entry = |line: &String| {
        let (_, rest) = line.split_once(':').expect("a line of /proc/self/cgroup");
        let (controllers, path) = rest.split_once(':').expect("a path");
        (controllers.to_owned(), path.to_owned())
    };
    report.cgroups.iter().map(entry).collect()
}

#[test]
fn a_cgroup_below_the_containers() {
    needs_cgroup!();
    let bundle = running("subcgroup");
    let _below = Below::make(&bundle, "sub");
    let sub = format!("{}/sub", bundle.cgroup());
    for given in ["sub", "/sub", "./a/../sub"] {
        let cgroups = cgroups_of_exec(&bundle, given);
        assert!(cgroups.iter().all(|(_, path)| *path != bundle.cgroup()), "{given}: {cgroups:?}");
        assert!(cgroups.iter().any(|(_, path)| *path == sub), "{given}: {cgroups:?}");
    }
    assert_eq!(bundle.exec_report(&[]).cgroups.iter().filter(|c| c.ends_with("/sub")).count(), 0);
}

#[test]
fn a_cgroup_of_one_controller() {
    needs_cgroup!();
    unless!(!cgroup::is_v2() && cgroup::has("cpu"), "the controllers are not apart here");
    let bundle = running("subone");
    let _below = Below::make(&bundle, "sub");
    let moved = cgroups_of_exec(&bundle, "cpu:sub");
    let moved: Vec<_> = moved.iter().filter(|(_, path)| path.ends_with("/sub")).collect();
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert!(moved[0].0.split(',').any(|name| name == "cpu"), "{moved:?}");
}

#[test]
fn a_cgroup_that_is_not_the_containers_is_refused() {
    needs_cgroup!();
    let bundle = running("subbad");
    for given in ["..", "sub/../..", "bogus:sub", "missing"] {
        let exec = ["exec", "--cgroup", given, &bundle.id, "/bin/probe", "echo", "ran"];
        let output = bundle.cmd(&exec).output().exits(255);
        assert_eq!(output.stdout(), "", "{given}");
        assert!(output.stderr().contains("exec failed"), "{given}: {}", output.stderr());
    }
}

#[test]
fn a_limit_of_processes_that_is_reached_is_named() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("pidslimit").config(|c| {
        c.set("/linux/resources/pids", json!({"limit": 1}));
    });
    let bundle = bundle.sleeping();
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/probe", "exit", "0"]).output();
    assert_ne!(output.code(), 0);
    if !is_runc() {
        assert!(output.stderr().contains("linux.resources.pids.limit"), "{}", output.stderr());
    }
}
