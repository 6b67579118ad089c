//! `run` in the foreground: signals go to the container, orphans come to the runtime, whoever reads the output or not.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Bundle, process_exists, runc_deviates, stat_fields, wait_until};

fn send(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid as i32), signal).expect("kill");
}

/// All that a shell can have a trap for, and that the runtime itself would act on otherwise.
#[test]
fn every_signal_is_forwarded() {
    let signals = "HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM CONT TSTP TTIN TTOU \
                   VTALRM PROF WINCH IO SYS";
    let bundle = Bundle::new("allsignals").busybox().config(|c| {
        let script = format!(
            "for s in {signals}; do trap \"echo $s\" $s; done; echo ready; while :; do sleep 0.05; done"
        );
        c.args(&["/bin/sh", "-c", &script]);
    });
    let run = bundle.on_bundle("run", &[]).spawn();
    wait_until("the traps", || run.stdout() == "ready\n");
    let mut said = "ready\n".to_owned();
    for name in signals.split_whitespace() {
        send(run.pid(), format!("SIG{name}").parse().expect("a signal"));
        said += &format!("{name}\n");
        wait_until(&format!("SIG{name} in {:?}", run.stdout()), || run.stdout() == said);
    }
    bundle.kill("KILL");
    run.output().exits(137);
    bundle.assert_nothing_left();
}

/// The process that the container's own left behind, once its parent has ended.
fn orphan(bundle: &Bundle) -> u32 {
    let file = bundle.rootfs("tmp/orphan");
    wait_until("the orphan's pid", || {
        fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    fs::read_to_string(file).expect("a file").trim().parse().expect("a pid")
}

/// A container in the host's pid namespace that leaves an orphan for a second, and lives on.
fn leaving_an_orphan(name: &str) -> Bundle {
    Bundle::new(name).busybox().config(|c| {
        c.without_namespace("pid");
        c.set("/root/readonly", false);
        let script = "sh -c 'sleep 1 & echo $! > /tmp/orphan'; exec sleep 3";
        c.args(&["/bin/sh", "-c", script]);
    })
}

#[test]
fn orphans_come_to_the_runtime_and_are_reaped() {
    let bundle = leaving_an_orphan("orphan");
    let run = bundle.on_bundle("run", &[]).spawn();
    let orphan = orphan(&bundle);
    wait_until("the runtime to adopt it", || {
        stat_fields(orphan).is_some_and(|stat| stat.ppid == run.pid())
    });
    wait_until("the runtime to reap it", || stat_fields(orphan).is_none());
    assert!(process_exists(run.pid()), "the run has ended before");
    run.output().ok();
    bundle.assert_nothing_left();
}

#[test]
fn orphans_go_past_the_runtime_with_no_subreaper() {
    let bundle = leaving_an_orphan("nosubreaper");
    let run = bundle.on_bundle("run", &["--no-subreaper"]).spawn();
    let orphan = orphan(&bundle);
    // This program is one, as a shim is.
    let me = std::process::id();
    wait_until("the orphan to come here", || {
        stat_fields(orphan).is_some_and(|stat| stat.ppid == me)
    });
    run.output().ok();
    bundle.assert_nothing_left();
}

/// The output goes to a pipe that is full: a signal gets through all the same, and a second one ends the runtime, which has
/// output left that nobody takes.
#[test]
fn signals_get_through_while_nobody_reads_the_output() {
    runc_deviates!("it does not end");
    let bundle = Bundle::new("unreadsignal").busybox().config(|c| {
        c.set("/process/terminal", true);
        // Elsewhere it would be the init of its pid namespace, which SIGTERM does not end.
        c.without_namespace("pid");
        c.args(&["/bin/yes", "words"]);
    });
    let dir = bundle.outside("out");
    let script = format!("mkfifo {0}/fifo; exec 9<>{0}/fifo; exec \"$@\" >{0}/fifo", dir.display());
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let run = bundle.wrapped(&["sh", "-c", &script, "sh"], &words).spawn();
    wait_until("it runs", || bundle.cmd(&["state", &bundle.id]).output().code() == 0);
    wait_until("it runs", || bundle.status() == "running");
    let init = bundle.pid();
    // It sleeps in its write once nobody takes what it writes.
    let blocked = || stat_fields(init).is_some_and(|stat| stat.state == 'S');
    wait_until("its terminal to be full", || {
        let before = blocked();
        std::thread::sleep(std::time::Duration::from_millis(50));
        before && blocked()
    });
    send(run.pid(), Signal::SIGTERM);
    wait_until("the container to end", || !process_exists(init));
    send(run.pid(), Signal::SIGTERM);
    run.output().exits(128 + 15);
    bundle.assert_nothing_left();
}

/// A line of /proc/PID/status, in KiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    line.trim_start_matches(':').trim_end_matches("kB").trim().parse().expect("a number")
}

/// Once its container is quiet it holds less than half of what it took to start it; and what it gave back it finds again:
/// to pass on signals and output, and to end.
#[test]
fn little_memory_is_held_for_a_quiet_container() {
    runc_deviates!("it holds all of it");
    let bundle = Bundle::new("quiet").busybox().config(|c| {
        c.set("/process/terminal", true);
        let script = "trap 'echo heard' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 1000 & wait $!; done";
        c.args(&["/bin/sh", "-c", script]);
    });
    let run = bundle.on_bundle("run", &[]).spawn();
    let is_small =
        |pid| wait_until("little memory", || memory(pid, "VmRSS") * 2 < memory(pid, "VmHWM"));
    wait_until("the traps", || run.stdout() == "ready\r\n");
    is_small(run.pid());
    send(run.pid(), Signal::SIGUSR1);
    wait_until("the signal", || run.stdout() == "ready\r\nheard\r\n");
    let sleep = "echo ready; exec sleep 1000";
    let exec = bundle.cmd(&["exec", &bundle.id, "/bin/sh", "-c", sleep]).spawn();
    // Before that it may still be the process of this test, by its memory.
    wait_until("the exec", || exec.stdout() == "ready\n");
    is_small(exec.pid());
    send(exec.pid(), Signal::SIGTERM);
    exec.output().exits(128 + 15);
    send(run.pid(), Signal::SIGTERM);
    run.output().exits(7);
    bundle.assert_nothing_left();
}
