//! What flags do that no other test is about: each is seen with the flag and without it.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use serde_json::json;

use crate::harness::{
    Bundle, Passed, cgroup, driver, is_runc, needs_cgroup, needs_root, parse, process_exists,
    runc_deviates, stat_fields, unless, wait_until,
};

#[test]
fn another_configuration_than_the_bundles() {
    runc_deviates!("there is no --config");
    let bundle = Bundle::new("config").config(|c| c.probe(&["exit", "3"]));
    let mut other = bundle.config.clone();
    other.probe(&["exit", "4"]);
    let file = bundle.outside("other").join("other.json");
    fs::write(&file, other.0.to_string()).expect("a file");
    let file = file.to_str().expect("UTF-8");
    bundle.run().exits(3);
    bundle.run_with(&["--config", file]).exits(4);
    bundle.run_with(&["-f", file]).exits(4);
    // A relative one is relative to the caller, not to the bundle.
    let run = bundle.on_bundle("run", &["--config", "other.json"]);
    run.current_dir(&bundle.outside("other")).output().exits(4);
    let plan = bundle.cmd(&["plan", "--bundle", &bundle.bundle_path(), "--config", file]).ok();
    assert!(plan.stdout().contains("\"4\""), "{}", plan.stdout());
    bundle.on_bundle("create", &["--config", file]).ok();
    fs::remove_file(file).expect("remove");
    bundle.start();
    bundle.on_bundle("run", &["--config", file]).output().refused(&[file]);
}

#[test]
fn a_pidfd_of_the_container_is_handed_over() {
    runc_deviates!("there is no --pidfd-socket");
    let bundle = Bundle::new("pidfd").config(|c| c.probe(&["sleep", "600"]));
    let passed = Passed::listen(&bundle);
    bundle.on_bundle("create", &["--pidfd-socket", passed.path()]).ok();
    let file = passed.take();
    assert_eq!((file.name.as_str(), file.link.as_str()), ("standard", "anon_inode:[pidfd]"));
    assert_eq!(file.pid(), Some(bundle.pid()));
    bundle.start();
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    bundle.on_bundle("run", &["--detach", "--pidfd-socket", passed.path()]).ok();
    assert_eq!(passed.take().pid(), Some(bundle.pid()));
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    let options = ["--pidfd-socket", "/none/such"];
    bundle.on_bundle("create", &options).output().refused(&["/none/such", "pidfd"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_pidfd_of_an_exec_is_handed_over() {
    runc_deviates!("there is no --pidfd-socket");
    let bundle = Bundle::new("execpidfd").sleeping();
    let passed = Passed::listen(&bundle);
    let file = bundle.outside("out").join("pid");
    let pid_file = file.to_str().expect("UTF-8");
    let words = ["exec", "-d", "--pid-file", pid_file, "--pidfd-socket", passed.path()];
    bundle.cmd(&[&words[..], &[&bundle.id, "/bin/probe", "sleep", "600"]].concat()).ok();
    let pid = fs::read_to_string(&file).expect("the pid file").parse().ok();
    assert_eq!(passed.take().pid(), pid);
}

#[test]
fn a_terminal_goes_to_the_console_socket() {
    let bundle = Bundle::new("console").config(|c| {
        c.set("/process/terminal", true);
        c.probe(&["sleep", "600"]);
    });
    let passed = Passed::listen(&bundle);
    bundle.on_bundle("create", &["--console-socket", passed.path()]).ok();
    let terminal = passed.take();
    assert!(terminal.link.ends_with("ptmx"), "{terminal:?}");
    bundle.start();
    let words = ["exec", "--detach", "--console-socket", passed.path()];
    let program = [&bundle.id, "/bin/probe", "sleep", "600"];
    bundle.cmd(&[&words[..], &["--tty"], &program].concat()).ok();
    let second = passed.take();
    assert!(second.link.ends_with("ptmx"), "{second:?}");
    // Without --tty there is no terminal that could be handed over.
    let output = bundle.cmd(&[&words[..], &program].concat()).output();
    assert_eq!(output.code(), 255, "{}", output.stderr());
    for running in bundle.processes() {
        let stdin = fs::read_link(format!("/proc/{running}/fd/0")).expect("stdin");
        assert!(stdin.starts_with("/dev/pts"), "{}", stdin.display());
    }
}

#[test]
fn a_container_can_be_kept_when_it_has_ended() {
    let bundle = Bundle::new("keep").config(|c| c.probe(&["exit", "5"]));
    bundle.run().exits(5);
    bundle.cmd(&["state", &bundle.id]).output().refused(&["container does not exist"]);
    bundle.run_with(&["--keep"]).exits(5);
    assert_eq!(bundle.status(), "stopped");
    bundle.delete();
    bundle.assert_nothing_left();
}

/// Without a pid namespace orphans of the container go to the next subreaper, which is the runtime unless told otherwise.
#[test]
fn orphans_go_to_the_runtime_unless_told_otherwise() {
    needs_cgroup!();
    let bundle = Bundle::new("orphans").busybox().config(|c| {
        c.without_namespace("pid");
        c.args(&["/bin/sh", "-c", "(sleep 600 &); sleep 599"]);
    });
    let path = bundle.bundle_path();
    let adopter = |options: &[&str]| {
        let words = [&["run", "--bundle", &path], options, &[&bundle.id]].concat();
        let run = bundle.cmd(&words).spawn();
        let parent = |pid: u32| stat_fields(pid).map_or(0, |stat| stat.ppid);
        let orphan = || {
            let processes = bundle.processes();
            let is_orphan = |pid: &u32| is_sleeping(*pid) && !processes.contains(&parent(*pid));
            processes.iter().copied().find(is_orphan)
        };
        wait_until("the orphan", || orphan().is_some());
        let pid = orphan().expect("the orphan");
        let is_runtime = parent(pid) == run.pid();
        bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        drop(run);
        wait_until("the end", || !process_exists(pid));
        is_runtime
    };
    assert!(adopter(&[]), "the runtime is no subreaper");
    assert!(!adopter(&["--no-subreaper"]), "the runtime is a subreaper");
}

fn is_sleeping(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.ends_with(b"\x00600\0"))
}

#[test]
fn several_containers_by_a_regular_expression() {
    needs_root!("it takes the path of the cgroup out");
    runc_deviates!("there is no --regex");
    let bundle = Bundle::new("regex").config(|c| {
        c.remove("/linux/cgroupsPath");
        c.probe(&["sigwait"]);
    });
    let path = bundle.bundle_path();
    let id = |suffix: &str| format!("{}-{suffix}", bundle.id);
    for suffix in ["a1", "a2", "b"] {
        let output = bundle.cmd(&["create", "--bundle", &path, &id(suffix)]).ok();
        bundle.cmd(&["start", &id(suffix)]).ok();
        wait_until("the probe", || output.stdout() == "ready\n");
    }
    let stopped = |suffix: &str| {
        let text = bundle.cmd(&["state", &id(suffix)]).ok().stdout();
        text.contains("\"stopped\"")
    };
    let pattern = format!("^{}-a[0-9]$", bundle.id);
    // As an id it names nobody.
    bundle.cmd(&["kill", &pattern, "USR1"]).output().refused(&[]);
    bundle.cmd(&["kill", "--regex", &pattern, "USR1"]).ok();
    wait_until("their end", || {
        crate::harness::orphans_reap();
        stopped("a1") && stopped("a2")
    });
    assert!(!stopped("b"));
    bundle.cmd(&["delete", "--regex", &pattern]).ok();
    let left = bundle.cmd(&["list", "-q"]).ok().stdout();
    assert_eq!(left, format!("{}\n", id("b")));
    // One that runs is not deleted without force.
    bundle.cmd(&["delete", "-r", "."]).output().refused(&["cannot delete", &id("b")]);
    bundle.cmd(&["delete", "-r", "--force", "."]).ok();
    assert_eq!(bundle.cmd(&["list", "-q"]).ok().stdout(), "");
    bundle.cmd(&["kill", "-r", "("]).output().refused(&["no regular expression"]);
    bundle.cmd(&["delete", "-r", "nobody"]).ok();
}

#[test]
fn without_a_cgroup_the_container_stays_in_the_callers() {
    unless!(!driver::is_systemd(), "--systemd-cgroup asks for another manager");
    needs_cgroup!();
    runc_deviates!("there is no --cgroup-manager");
    let mut bundle = Bundle::new("nocgroup").sleeping();
    let own = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("cgroup");
    assert_ne!(own(bundle.pid()), own(std::process::id()));
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    let disabled = ["--cgroup-manager", "disabled"];
    let path = bundle.bundle_path();
    let id = bundle.id.clone();
    let create = ["create", "--bundle", &path, &id];
    bundle.cmd(&[&disabled[..], &create].concat()).ok();
    bundle.start();
    assert_eq!(own(bundle.pid()), own(std::process::id()));
    assert_eq!(cgroup::dirs(&bundle.cgroup()), [] as [std::path::PathBuf; 0]);
    let report = bundle.exec_report(&[]);
    assert_eq!(report.pid, 2);
    bundle.cmd(&["pause", &bundle.id]).output().refused(&["cgroup"]);
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
    bundle.wait_stopped();
    bundle.delete();
    bundle.reconfigure(|c| c.set("/linux/resources/pids", json!({"limit": 5})));
    let output = bundle.cmd(&[&disabled[..], &create].concat()).output();
    output.refused(&["linux.resources.pids", "--cgroup-manager disabled"]);
    bundle.assert_nothing_left();
}

#[test]
fn the_cgroup_manager_has_three_values() {
    runc_deviates!("there is no --cgroup-manager");
    let bundle = Bundle::new("manager").config(|c| c.probe(&["exit", "3"]));
    let path = bundle.bundle_path();
    let run = |manager: &str| {
        let words = ["--cgroup-manager", manager, "run", "--bundle", &path, &bundle.id];
        bundle.cmd(&words).output()
    };
    run("nonesuch").refused(&["cgroup-manager", "nonesuch"]);
    unless!(!std::path::Path::new("/run/systemd/system").exists(), "systemd runs here");
    run("cgroupfs").exits(3);
    run("systemd").refused(&["systemd"]);
    let both = ["--systemd-cgroup", "--cgroup-manager", "cgroupfs", "list"];
    bundle.cmd(&both).output().refused(&["--cgroup-manager"]);
}

#[test]
fn rootless_takes_no_other_words() {
    let bundle = Bundle::new("rootless");
    bundle.cmd(&["--rootless", "auto", "list"]).ok();
    runc_deviates!("list does not look at it");
    bundle.cmd(&["--rootless", "maybe", "list"]).output().refused(&["rootless", "maybe"]);
}

/// As a user who may make no cgroup: with `true` none is planned, with `false` the error is to come.
#[test]
fn rootless_does_without_cgroups_that_may_not_be_made() {
    needs_root!("it becomes another user");
    unless!(!driver::is_systemd(), "a user that root becomes has no systemd of its own");
    runc_deviates!("there is no plan");
    let bundle = Bundle::new("rootlessplan").config(|c| {
        c.remove("/linux/cgroupsPath");
        c.push("/linux/namespaces", json!({"type": "user"}));
        c.without_mount("/dev/pts");
        for map in ["/linux/uidMappings", "/linux/gidMappings"] {
            c.set(map, json!([{"containerID": 0, "hostID": 65534, "size": 1}]));
        }
    });
    bundle.reachable();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let program = crate::harness::runtime().to_str().expect("UTF-8");
    let reaches = bundle.plain(&[&nobody[..], &["test", "-x", program]].concat()).output();
    unless!(reaches.code() == 0, "others may not execute {program}");
    let cgroups = |word: &str| {
        let words = ["--rootless", word, "plan", "--bundle", &bundle.bundle_path()];
        let text = bundle.wrapped(&nobody, &words).ok().stdout();
        let made = |line: &&str| line.starts_with("  cgroup ") && !line.contains("creel's own");
        text.lines().filter(made).count()
    };
    assert!(cgroups("false") > 0);
    assert_eq!((cgroups("true"), cgroups("auto")), (0, 0));
}

#[test]
fn criu_is_ignored_with_a_warning() {
    let bundle = Bundle::new("criu");
    assert_eq!(bundle.cmd(&["list"]).ok().stderr(), "");
    let said = bundle.cmd(&["--criu", "/bin/criu", "list"]).ok().stderr();
    assert!(is_runc() || said.contains("--criu is ignored"), "{said}");
}

#[test]
fn the_log_level_leaves_messages_out() {
    runc_deviates!("there is no --log-level");
    // An unknown capability is a warning.
    let bundle = Bundle::new("level").config(|c| {
        c.capabilities(&["CAP_NONESUCH"]);
        c.probe(&["exit", "0"]);
    });
    let path = bundle.bundle_path();
    let said = |options: &[&str]| {
        bundle.cmd(&[options, &["run", "--bundle", &path, &bundle.id]].concat()).ok().stderr()
    };
    assert!(said(&[]).contains("level=warning"));
    assert!(said(&["--log-level", "warning"]).contains("level=warning"));
    assert_eq!(said(&["--log-level", "error"]), "");
    assert!(said(&["--log-level=debug"]).contains("level=debug"));
    let bad = bundle.cmd(&["--log-level", "loud", "list"]).output();
    bad.refused(&["log-level", "loud"]);
}

#[test]
fn a_process_from_standard_input() {
    runc_deviates!("it takes - for a file");
    let bundle = Bundle::new("stdinprocess").sleeping();
    let process = json!({"args": ["/bin/probe", "echo", "from stdin"], "cwd": "/"});
    let output =
        bundle.cmd(&["exec", "--process", "-", &bundle.id]).stdin(&process.to_string()).ok();
    assert_eq!(output.stdout(), "from stdin\n");
    let bad = bundle.cmd(&["exec", "-p", "-", &bundle.id]).stdin("{\"cwd\": 5}").output();
    assert!(bad.exits(255).stderr().contains("standard input"));
}

#[test]
fn exec_flags_about_rights() {
    let bundle = Bundle::new("rights").config(|c| c.set("/process/noNewPrivileges", false));
    let bundle = bundle.sleeping();
    let (without, with) =
        (bundle.exec_report(&[]), bundle.exec_report(&["--no-new-privs", "--cap", "CAP_MKNOD"]));
    assert!(!without.no_new_privs && with.no_new_privs);
    let given = |report: &creel_probe::Report| {
        let sets = [&report.capabilities.bounding, &report.capabilities.effective];
        sets.map(|set| set.iter().any(|name| name == "CAP_MKNOD"))
    };
    assert_eq!((given(&without), given(&with)), ([false; 2], [true; 2]));
    let words = ["exec", "--cap", "CAP_NONESUCH", &bundle.id, "/bin/probe", "exit", "0"];
    let said = bundle.cmd(&words).ok().stderr();
    assert!(is_runc() || said.contains("CAP_NONESUCH"), "{said}");
}

#[test]
fn exec_labels_without_a_security_module_are_refused() {
    unless!(!std::path::Path::new("/sys/fs/selinux").exists(), "SELinux is on");
    let bundle = Bundle::new("execlabel").sleeping();
    let words = ["--process-label", "a_u:b_r:c_t:s0", &bundle.id, "/bin/probe", "exit", "0"];
    let output = bundle.cmd(&[&["exec"], &words[..]].concat()).output().exits(255);
    assert!(output.stderr().to_lowercase().contains("selinux"), "{}", output.stderr());
}

#[test]
fn exec_passes_on_the_descriptors_that_it_is_told() {
    let bundle = Bundle::new("execfds").sleeping();
    let opening = ["sh", "-c", "exec 3</etc/hostname 4</etc/passwd; exec \"$@\"", "sh"];
    let numbers = |options: &[&str]| {
        let words = [&["exec"], options, &[&bundle.id, "/bin/probe", "report"]].concat();
        let report = parse(&bundle.wrapped(&opening, &words).ok());
        report.fds.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(numbers(&[]), [0, 1, 2]);
    assert_eq!(numbers(&["--preserve-fds", "1"]), [0, 1, 2, 3]);
}

/// setns(2) takes a pidfd and all kinds at once.
#[test]
fn exec_joins_with_one_call() {
    runc_deviates!("it opens each namespace");
    unless!(std::path::Path::new("/usr/bin/strace").exists(), "there is no strace");
    let bundle = Bundle::new("onesetns").sleeping();
    let trace = bundle.outside("trace").join("calls");
    let strace = ["strace", "-f", "-e", "trace=setns", "-o", trace.to_str().expect("UTF-8")];
    bundle.wrapped(&strace, &["exec", &bundle.id, "/bin/probe", "exit", "0"]).ok();
    let calls = fs::read_to_string(trace).expect("the trace");
    let calls: Vec<&str> = calls.lines().filter(|line| line.contains("setns(")).collect();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert!(calls[0].contains("CLONE_NEWNS") && calls[0].contains("CLONE_NEWPID"), "{}", calls[0]);
}

#[test]
fn spec_writes_the_file_that_it_is_told() {
    runc_deviates!("there is no --file");
    let bundle = Bundle::new("specfile");
    let before = fs::read(bundle.path("config.json")).expect("config.json");
    bundle.cmd(&["spec", "--bundle", &bundle.bundle_path(), "--file", "other.json"]).ok();
    assert!(bundle.path("other.json").exists());
    assert_eq!(fs::read(bundle.path("config.json")).expect("config.json"), before);
}

#[test]
fn settings_that_no_kernel_has_any_more_are_said_to_be_ignored() {
    needs_root!("it wants a controller that may not be delegated");
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("kmem").sleeping();
    assert_eq!(bundle.cmd(&["update", "--pids-limit", "9", &bundle.id]).ok().stderr(), "");
    let said = bundle.cmd(&["update", "--kernel-memory", "1M", &bundle.id]).ok().stderr();
    assert!(is_runc() || said.contains("linux.resources.memory.kernel is ignored"), "{said}");
}

/// Where the kernel has groups of real-time processes the value is there, elsewhere it is refused.
#[test]
fn real_time_limits_reach_the_kernel_or_are_refused() {
    needs_cgroup!();
    let bundle = Bundle::new("realtime").sleeping();
    for (flag, file) in
        [("--cpu-rt-period", "cpu.rt_period_us"), ("--cpu-rt-runtime", "cpu.rt_runtime_us")]
    {
        let output = bundle.cmd(&["update", flag, "500000", &bundle.id]).output();
        match cgroup::read(&bundle.cgroup(), ("cpu", file), "") {
            Some(value) => assert!(output.code() != 0 || value == "500000", "{flag}: {value}"),
            None if cgroup::is_v2() => assert!(!output.stderr().is_empty(), "{flag}: silence"),
            None => drop(output.refused(&["linux.resources.cpu.realtime"])),
        }
    }
}

#[test]
fn schemata_need_a_resctrl_file_system() {
    needs_cgroup!();
    unless!(!std::path::Path::new("/sys/fs/resctrl/schemata").exists(), "there is one here");
    let bundle = Bundle::new("schemata").sleeping();
    for flag in ["--l3-cache-schema", "--mem-bw-schema"] {
        bundle.cmd(&["update", flag, "L3:0=f", &bundle.id]).output().refused(&["Rdt"]);
    }
}

#[test]
fn checkpoint_and_restore_say_that_they_are_missing() {
    runc_deviates!("it has them");
    let bundle = Bundle::new("criuless").sleeping();
    for command in ["checkpoint", "restore"] {
        bundle.cmd(&[command, &bundle.id]).output().refused(&[command, "not supported"]);
        let help = bundle.cmd(&[command, "--help"]).ok().stdout();
        assert!(help.contains("--image-path"), "{help}");
    }
    // As Podman asks whether the flag is known.
    let output = bundle.cmd(&["restore", "--lsm-mount-context"]).output();
    output.refused(&["flag needs an argument: -lsm-mount-context"]);
    assert_eq!(bundle.status(), "running");
}

/// Each is read, with its argument where it takes one, and then the command says that it is missing.
#[test]
fn every_flag_of_checkpoint_and_restore_is_read_and_refused() {
    runc_deviates!("it has them");
    let bundle = Bundle::new("criuflags");
    for command in ["checkpoint", "restore"] {
        let help = bundle.cmd(&[command, "--help"]).ok().stdout();
        let flags = help.lines().filter_map(|line| Some((line, line.split_once("--")?.1)));
        for (line, flag) in flags.filter(|(_, flag)| !flag.starts_with("help")) {
            let name = flag.split_whitespace().next().expect("a name");
            let given = match line.contains('<') {
                true => format!("--{name}=7"),
                false => format!("--{name}"),
            };
            bundle.cmd(&[command, &given, "x"]).output().refused(&[command, "not supported"]);
            if line.contains('<') {
                let output = bundle.cmd(&[command, &format!("--{name}")]).output();
                output.refused(&[&format!("flag needs an argument: -{name}")]);
            }
        }
    }
}

/// Flags of crun's that creel does not have are refused by name.
#[test]
fn flags_of_others_are_refused() {
    let bundle = Bundle::new("others");
    for words in [
        &["--usage"][..],
        &["create", "--no-subreaper", "x"],
        &["exec", "--usage", "x"],
        &["mounts", "add", "x", "y"],
        &["restore", "--ext-unix", "x"],
    ] {
        let output = bundle.cmd(words).output();
        assert_ne!(output.code(), 0, "{words:?}");
        let said = format!("{}{}", output.stderr(), output.stdout());
        let named = words[if words[0].starts_with('-') || words[0] == "mounts" { 0 } else { 1 }];
        assert!(said.contains(named.trim_start_matches('-')), "{words:?}: {said}");
    }
}

/// The state of users other than root is in their own directory, which is not to be cleaned up while it is used.
#[test]
fn the_state_root_of_a_user_is_in_xdg_runtime_dir() {
    needs_root!("see the_state_root_is_below_xdg_runtime_dir");
    let bundle = Bundle::new("xdg");
    let runtime_dir = bundle.outside("user");
    let runtime_dir = runtime_dir.to_str().expect("UTF-8");
    let program = crate::harness::runtime().to_str().expect("UTF-8");
    let variable = format!("XDG_RUNTIME_DIR={runtime_dir}");
    let debug = |words: &[&str]| {
        let words = [&["env", "-u", "USER", &variable], words, &[program, "--debug", "list"]];
        bundle.plain(&words.concat()).ok().stderr()
    };
    let name = if is_runc() { "runc" } else { "creel" };
    let own = format!("{runtime_dir}/{name}");
    let of_root = debug(&[]);
    assert!(!of_root.contains(&own), "{of_root}");
    let probe = std::process::Command::new("unshare").args(["-r", "true"]).status();
    unless!(probe.is_ok_and(|status| status.into_raw() == 0), "no user namespaces here");
    let of_user = debug(&["unshare", "-r"]);
    assert!(is_runc() || of_user.contains(&own), "{of_user}");
}
