//! Somebody at a terminal: what is typed, shown, resized, and how the terminal is left. Driven by tmux.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::harness::{Bundle, Config, Tmux, runc_deviates, stat_fields, unless, wait_until};

const SMALL: (u16, u16) = (100, 30);
const LARGE: (u16, u16) = (120, 40);

/// A container with a shell, whose prompt is `inner>`, on a terminal.
fn shell(name: &str) -> Bundle {
    Bundle::new(name).busybox().config(|c| {
        c.set("/process/terminal", true);
        c.args(&["/bin/sh"]);
        prompting(c);
    })
}

fn prompting(c: &mut Config) {
    c.push("/process/env", "PS1=inner> ");
    c.push("/process/env", "HOME=/tmp");
    c.without_mount("/tmp");
    c.mount("tmpfs", "/tmp", "tmpfs", &["mode=1777"]);
}

/// The runtime's command line for a shell.
fn command(bundle: &Bundle, words: &[&str]) -> String {
    let runtime = crate::harness::runtime().display().to_string();
    let root = bundle.root().display().to_string();
    let options = crate::harness::driver::options();
    [&[runtime.as_str(), "--root", &root], options, words].concat().join(" ")
}

fn run_line(bundle: &Bundle) -> String {
    command(bundle, &["run", "--bundle", &bundle.bundle_path(), &bundle.id])
}

/// Waits until keys at the terminal reach this program in the container: the shell starts it after what it printed before.
fn wait_for_foreground(bundle: &Bundle, program: &str) {
    let is_there = |pid: u32| {
        let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let reached =
            stat_fields(pid).is_some_and(|stat| stat.group == stat.foreground && stat.state == 'S');
        comm.trim() == program && reached
    };
    wait_until("the program in the foreground", || bundle.processes().into_iter().any(is_there));
}

/// What a shell inside can do at its terminal, until it ends with status 7.
fn session(bundle: &Bundle, tmux: &Tmux, begin: &str) {
    tmux.clear();
    tmux.line(&format!("{begin}; echo code=$?"));
    tmux.wait_for("inner>");
    tmux.line("stty size");
    tmux.wait_for_line("30 100");
    tmux.resize(LARGE);
    tmux.line("stty size");
    tmux.wait_for_line("40 120");

    tmux.line("echo go; sleep 1000; echo slept $?");
    tmux.wait_for_line("go");
    wait_for_foreground(bundle, "sleep");
    tmux.keys(&["C-c"]);
    tmux.wait_for("^C");
    tmux.line("echo after $?");
    tmux.wait_for_line("after 130");

    tmux.clear();
    tmux.line("sh -c 'echo go; sleep 1001'");
    tmux.wait_for_line("go");
    wait_for_foreground(bundle, "sleep");
    tmux.keys(&["C-z"]);
    tmux.wait_for("Stopped");
    tmux.line("jobs | cut -c 1-10");
    tmux.wait_for_line("[1]+  Stop");
    tmux.clear();
    tmux.line("fg");
    tmux.wait_for("sleep 1001");
    wait_for_foreground(bundle, "sleep");
    tmux.keys(&["C-c"]);
    tmux.line("echo again");
    tmux.wait_for_line("again");

    tmux.clear();
    tmux.line("vi /tmp/file");
    tmux.wait_for("/tmp/file");
    let empty = |screen: &str| screen.lines().filter(|line| line.trim_end() == "~").count();
    wait_until("vi on the whole screen", || empty(&tmux.screen()) >= 38);
    tmux.keys(&["i"]);
    tmux.wait_for("I /tmp/file");
    tmux.line("typed into vi");
    tmux.wait_for_line("typed into vi");
    // Alone: with what follows at once it would be another key.
    tmux.keys(&["Escape"]);
    tmux.wait_for("- /tmp/file");
    tmux.line(":wq");
    tmux.wait_for("inner>");
    tmux.clear();
    tmux.line("cat /tmp/file; stty -a | grep -c ' icanon'");
    tmux.wait_for_line("typed into vi");
    tmux.wait_for_line("1");
    tmux.line("exit 7");
    tmux.wait_for("code=7");
}

#[test]
fn a_shell_in_the_foreground() {
    unless!(Tmux::is_there(), "there is no tmux");
    let bundle = shell("tty");
    let tmux = Tmux::new(&bundle, SMALL);
    let before = tmux.settings(&bundle);
    session(&bundle, &tmux, &run_line(&bundle));
    assert_eq!(tmux.settings(&bundle), before);
    drop(tmux);
    bundle.assert_nothing_left();
}

#[test]
fn a_shell_by_exec() {
    unless!(Tmux::is_there(), "there is no tmux");
    let bundle = Bundle::new("ttyexec").busybox().config(prompting).sleeping();
    let tmux = Tmux::new(&bundle, SMALL);
    let before = tmux.settings(&bundle);
    session(&bundle, &tmux, &command(&bundle, &["exec", "-t", &bundle.id, "/bin/sh"]));
    assert_eq!(tmux.settings(&bundle), before);
}

#[test]
fn the_terminal_is_as_before_however_it_ends() {
    unless!(Tmux::is_there(), "there is no tmux");
    let bundle = shell("ttyends");
    let tmux = Tmux::new(&bundle, SMALL);
    let before = tmux.settings(&bundle);

    tmux.clear();
    tmux.line(&format!("{}; echo code=$?", run_line(&bundle)));
    tmux.wait_for("inner>");
    assert_ne!(settings_of_pane(&tmux, &bundle), before, "not raw while it runs");
    bundle.kill("KILL");
    tmux.wait_for("code=137");
    assert_eq!(tmux.settings(&bundle), before, "after SIGKILL");

    tmux.clear();
    tmux.line(&format!("{}; echo code=$?", run_line(&bundle)));
    tmux.wait_for("inner>");
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    tmux.wait_for("code=137");
    assert_eq!(tmux.settings(&bundle), before, "after delete --force");
}

/// What would end the runtime goes to the container.
#[test]
fn the_terminal_is_as_before_after_signals_to_the_runtime() {
    unless!(Tmux::is_there(), "there is no tmux");
    let bundle = shell("ttysignals").config(|c| {
        let traps = "for s in HUP INT QUIT TERM USR1; do trap \"exit 9\" $s; done";
        c.args(&["/bin/sh", "-c", &format!("{traps}; echo 'inner>'; while :; do sleep 0.1; done")]);
    });
    let tmux = Tmux::new(&bundle, SMALL);
    let before = tmux.settings(&bundle);
    for signal in
        [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGUSR1]
    {
        let runtime = start_known(&tmux, &bundle, "; echo code=$?");
        kill(runtime, signal).expect("kill");
        tmux.wait_for("code=9");
        assert_eq!(tmux.settings(&bundle), before, "after {signal}");
    }
}

#[test]
fn the_terminal_is_as_before_when_the_run_fails() {
    unless!(Tmux::is_there(), "there is no tmux");
    let bundle = shell("ttyfails").config(|c| c.args(&["/no/such/program"]));
    let tmux = Tmux::new(&bundle, SMALL);
    let before = tmux.settings(&bundle);
    tmux.clear();
    tmux.line(&format!("{}; echo code=$?", run_line(&bundle)));
    tmux.wait_for_line("code=1");
    assert_eq!(tmux.settings(&bundle), before);
}

/// A runtime that is stopped loses the terminal to the shell, and gets it back.
#[test]
fn a_runtime_that_was_stopped_goes_on_with_its_terminal() {
    runc_deviates!("the terminal is not raw any more");
    unless!(Tmux::is_there(), "there is no tmux");
    let bundle = shell("ttystop").config(|c| {
        // One that does not ask the terminal where its cursor is, as busybox's does: the other shell would get the answer.
        c.args(&["/bin/sh", "-c", "echo 'inner>'; while read -r line; do eval \"$line\"; done"]);
    });
    let tmux = Tmux::new(&bundle, SMALL);
    let before = tmux.settings(&bundle);
    let runtime = start_known(&tmux, &bundle, "");
    let raw = settings_of_pane(&tmux, &bundle);
    kill(runtime, Signal::SIGSTOP).expect("kill");
    tmux.wait_for("Stopped");
    assert_eq!(tmux.settings(&bundle), before, "the shell has not got its terminal");
    tmux.resize(LARGE);
    tmux.clear();
    tmux.line("fg");
    tmux.wait_for("run");
    wait_until("the terminal to be raw again", || settings_of_pane(&tmux, &bundle) == raw);
    tmux.line("stty size");
    tmux.wait_for_line("40 120");
    tmux.clear();
    tmux.line("exit 0");
    tmux.wait_for("outer>");
    assert_eq!(tmux.settings(&bundle), before);
}

/// Types the command line of a run, and returns the runtime's pid once the container prompts.
fn start_known(tmux: &Tmux, bundle: &Bundle, end: &str) -> Pid {
    let file = bundle.outside("out").join("runtime");
    tmux.clear();
    // The shell that tells its pid becomes the runtime.
    tmux.line(&format!("sh -c 'echo $$ > {}; exec {}'{end}", file.display(), run_line(bundle)));
    tmux.wait_for("inner>");
    let pid = std::fs::read_to_string(&file).expect("the pid");
    Pid::from_raw(pid.trim().parse().expect("a number"))
}

/// stty of the window's terminal, from beside.
fn settings_of_pane(tmux: &Tmux, bundle: &Bundle) -> String {
    let tty = tmux.tty();
    let text = bundle.plain(&["stty", "-a", "-F", &tty]).ok().stdout();
    text.split_once('\n').expect("lines").1.to_owned()
}

#[test]
fn the_terminal_belongs_to_the_user_and_to_the_group_of_terminals() {
    for (uid, gid) in [(0, 0), (1000, 100)] {
        let bundle = Bundle::new("ttyowner").busybox().config(|c| {
            c.set("/process/terminal", true);
            c.set("/process/user", json!({"uid": uid, "gid": gid}));
            let look = "stat -c '%u %g %a %t' $(tty) /dev/console; test -t 0 && test -t 1 && test -t 2 && tty";
            c.args(&["/bin/sh", "-c", look]);
        });
        let output = bundle.run().ok().stdout();
        let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
        let owner = format!("{uid} 5 620 88");
        assert_eq!(lines, [owner.as_str(), &owner, "/dev/pts/0"], "{output:?}");
    }
}

#[test]
fn the_terminal_has_the_size_of_config_json() {
    let bundle = Bundle::new("ttysize").busybox().config(|c| {
        c.set("/process/terminal", true);
        c.set("/process/consoleSize", json!({"height": 33, "width": 77}));
        c.args(&["/bin/sh", "-c", "stty size"]);
    });
    assert_eq!(bundle.run().ok().stdout(), "33 77\r\n");
}

/// A process that shares its pid namespace with others does not end them, and one of them holds the terminal and writes.
#[test]
fn a_terminal_that_others_still_write_to_does_not_keep_the_run() {
    runc_deviates!("its processes are killed before its terminal is read to the end");
    let bundle = Bundle::new("ttyheld").busybox().config(|c| {
        c.set("/process/terminal", true);
        c.without_namespace("pid");
        c.args(&["/bin/sh", "-c", "trap '' HUP; yes & sleep 0.2; exit 5"]);
    });
    let output = bundle.run().exits(5).stdout();
    assert!(output.starts_with("y\r\ny\r\n"), "{:?}", output.get(..20));
    bundle.assert_nothing_left();
}

/// All of what is written last is shown, however soon the process ends after.
#[test]
fn the_end_of_the_output_is_never_lost() {
    let bundle = Bundle::new("ttylast").busybox().config(|c| {
        c.set("/process/terminal", true);
        c.args(&["/bin/sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done"]);
    });
    for _ in 0..10 {
        let output = bundle.run().ok().stdout();
        assert_eq!(output.lines().count(), 2000);
        assert!(output.ends_with("line 1999\r\n"));
    }
}
