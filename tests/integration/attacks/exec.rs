//! `exec` enters a container that waits for it: nothing of it may be taken, and it brings nothing along.

use serde_json::json;

use super::rounds;
use crate::harness::{Bundle, needs_root, parse, wait_until};

/// So many directories to look into for the program keep the exec'd process busy among the hostile ones.
fn long_path() -> String {
    format!("PATH={}/bin", "/x:".repeat(4000))
}

/// A container in which the probe tries to take what it can of processes that come in, and what it said after all
/// rounds of `exec`, and after more, within bounds, until `enough` was taken: who wins a race is chance.
fn robbed(name: &str, capabilities: &[&str], enough: impl Fn(&str) -> bool) -> Vec<String> {
    let bundle = Bundle::new(name).config(|c| {
        for set in ["bounding", "effective", "permitted"] {
            c.set(&format!("/process/capabilities/{set}"), json!(capabilities));
        }
        c.probe(&["steal"]);
    });
    let output = bundle.create_and_start();
    wait_until("the thief", || output.stdout().contains("ready"));
    for round in 0..40 * rounds() {
        if round >= rounds() && output.stdout().lines().any(&enough) {
            break;
        }
        bundle.cmd(&["exec", "--env", &long_path(), &bundle.id, "probe", "exit", "0"]).ok();
    }
    bundle.kill("KILL");
    bundle.wait_stopped();
    output.stdout().lines().filter(|line| *line != "ready").map(str::to_owned).collect()
}

/// CVE-2016-9962: a process in the container opens what the process that comes in holds.
#[test]
fn cve_2016_9962_nothing_is_taken_from_a_process_that_comes_in() {
    let taken = robbed("stealing", &["CAP_KILL"], |line| line == "ready");
    assert_eq!(taken, Vec::<String>::new());
}

/// CVE-2019-5736: a process that may trace all others gets hold of the program that enters, and writes to it.
#[test]
fn cve_2019_5736_the_program_that_enters_cannot_be_overwritten() {
    needs_root!("CAP_SYS_PTRACE over what comes in is root's alone");
    let is_program = |line: &str| line.starts_with("exe ");
    let runtime = crate::harness::runtime();
    let before = std::fs::read(runtime).expect("the runtime");
    let taken = robbed("overwriting", &["CAP_KILL", "CAP_SYS_PTRACE"], is_program);
    let opened = taken.iter().any(|line| is_program(line));
    assert!(opened, "the attack never got so far as to hold the program: {taken:?}");
    let written: Vec<_> = taken.iter().filter(|line| line.starts_with("written ")).collect();
    assert!(written.is_empty(), "{written:?}");
    assert!(before == std::fs::read(runtime).expect("the runtime"), "the runtime was overwritten");
}

/// CVE-2022-29162, CVE-2022-27650: what the caller may inherit does not come into the container.
#[test]
fn cve_2022_27650_inheritable_capabilities_of_the_caller_do_not_come_in() {
    needs_root!("others have no capabilities to inherit");
    let caller = ["setpriv", "--inh-caps", "+net_raw,+sys_admin,+kill", "--"];
    let bundle = Bundle::new("callerscaps");
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    let report = parse(&bundle.wrapped(&caller, &words).ok());
    assert!(report.capabilities.inheritable.is_empty(), "run: {:?}", report.capabilities);
    let bundle = bundle.sleeping();
    for options in [&[][..], &["--cap", "CAP_NET_RAW"], &["--user", "1000"]] {
        let words = [&["exec"], options, &[&bundle.id, "/bin/probe", "report"]].concat();
        let report = parse(&bundle.wrapped(&caller, &words).ok());
        assert!(
            report.capabilities.inheritable.is_empty(),
            "{options:?}: {:?}",
            report.capabilities
        );
        assert!(report.capabilities.ambient.is_empty(), "{options:?}: {:?}", report.capabilities);
    }
}

/// CVE-2026-30892: what is no user is refused, and not read as another one. -1 is "no change" to setresuid(2).
#[test]
fn cve_2026_30892_a_user_that_is_misread_is_refused() {
    let bundle = Bundle::new("misread").sleeping();
    let users = [
        "",
        " ",
        "1000 ",
        " 1000",
        "1000:",
        ":1000",
        "1000:1000:0",
        "1000,0",
        "0x3e8",
        "1e3",
        "root",
        "-1",
        "1000:-1",
        "4294967295",
        "1000:4294967295",
        "4294967296",
        "18446744073709551616",
        "１０００",
    ];
    for user in users {
        let given = format!("--user={user}");
        let words = ["exec", given.as_str(), &bundle.id, "/bin/probe", "report"];
        let output = bundle.cmd(&words).output();
        let ran_as = (output.code() == 0).then(|| parse(&output).ids.uid);
        assert_eq!(ran_as, None, "{user:?} was taken for a user");
    }
    for pointer in ["/process/user/uid", "/process/user/gid"] {
        let bundle = Bundle::new("noid").config(|c| c.set(pointer, u32::MAX));
        bundle.run().refused(&["4294967295"]);
        bundle.assert_nothing_left();
    }
    let ids = bundle.exec_report(&["--user", "1000:2000"]).ids;
    assert_eq!((ids.uid, ids.gid), ([1000; 4], [2000; 4]));
}

/// CVE-2024-21626: the working directory is a descriptor that was left open, in `run` and in `exec --cwd`.
#[test]
fn cve_2024_21626_a_leaked_descriptor_is_not_entered() {
    let leaking = ["sh", "-c", "exec 9</; exec \"$@\"", "sh"];
    let leaked = "/proc/self/fd/9";
    let bundle = Bundle::new("leakedrun").config(|c| {
        c.set("/process/cwd", leaked);
        c.probe(&["exit", "0"]);
    });
    let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
    assert_ne!(bundle.wrapped(&leaking, &words).output().code(), 0, "run entered it");
    let bundle = Bundle::new("leakedexec").sleeping();
    let exec = |cwd: &str, program: &[&str]| {
        let words = [&["exec", "--cwd", cwd, &bundle.id, "/bin/probe"], program].concat();
        bundle.wrapped(&leaking, &words).output()
    };
    assert_ne!(exec(leaked, &["exit", "0"]).code(), 0, "exec entered it");
    for fd in 3..12 {
        let cwd = format!("/proc/self/fd/{fd}");
        if exec(&cwd, &["exit", "0"]).code() != 0 {
            continue;
        }
        // creel-init's own descriptor of the container's root leads nowhere else.
        let report = parse(&exec(&cwd, &["report", "read:.", "read:/"]).ok());
        assert_eq!(report.tries["read:."], report.tries["read:/"], "fd {fd} led out");
        assert_eq!(report.cwd, "/", "fd {fd} led out");
    }
}
