//! What belongs to the whole program is as it was.

use super::{Outcome, read_all, run, status_line, with_bundle};
use libcontainer::{ExecOptions, Stdio};
use std::collections::BTreeMap;
use std::io::Read;

/// All of the program that somebody else could be surprised by.
fn look() -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    let all = "/proc/self/status";
    for name in [
        "Umask",
        "SigIgn",
        "SigCgt",
        "CapEff",
        "CapInh",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
        "Uid",
        "Gid",
        "Groups",
    ] {
        found.insert(name, status_line(all, name));
    }
    found.insert("SigBlk", status_line("/proc/thread-self/status", "SigBlk"));
    found.insert("directory", std::env::current_dir().expect("a directory").display().to_string());
    found.insert("environment", format!("{:?}", std::env::vars_os().collect::<Vec<_>>()));
    found.insert("subreaper", format!("{:?}", nix::sys::prctl::get_child_subreaper()));
    found.insert("dumpable", format!("{:?}", nix::sys::prctl::get_dumpable()));
    for name in ["limits", "cgroup", "mountinfo", "timerslack_ns", "oom_score_adj", "loginuid"] {
        let text = std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        // Other tests mount nothing here, and containers mount in namespaces of their own.
        found.insert(name, text);
    }
    for name in ["mnt", "pid", "net", "user", "cgroup", "uts", "ipc", "time"] {
        let link = std::fs::read_link(format!("/proc/thread-self/ns/{name}"));
        found.insert(name, format!("{link:?}"));
    }
    found
}

#[test]
fn nothing_of_the_program_is_changed() {
    with_bundle("state", |bundle| -> Outcome {
        let before = look();
        for number in 0..5 {
            let (running, mut output) = run(
                bundle,
                &bundle.id(&format!("c{number}")),
                &["sh", "-c", "echo x; exec sleep 600"],
            )?;
            let mut line = [0; 2];
            output.read_exact(&mut line)?;
            assert_eq!(&line, b"x\n");
            assert_eq!(look(), before, "while it runs");
            running
                .container
                .exec(&ExecOptions::command(["true"]).stdio(Stdio::null()?))?
                .wait()?;
            running.container.pause()?;
            running.container.resume()?;
            running.container.delete(true)?;
            assert_eq!(read_all(&mut output), "");
            assert_eq!(look(), before, "after it");
        }
        Ok(())
    });
}

#[test]
fn failures_change_nothing_either() {
    with_bundle("failures", |bundle| -> Outcome {
        let before = look();
        assert!(run(bundle, &bundle.id("c"), &["no-such-program"]).is_err());
        assert!(run(bundle, "a/b", &["true"]).is_err());
        let (running, _output) = run(bundle, &bundle.id("d"), &["sleep", "600"])?;
        assert!(running.container.exec(&ExecOptions::command(["no-such-program"])).is_err());
        running.container.delete(true)?;
        assert_eq!(look(), before);
        Ok(())
    });
}
