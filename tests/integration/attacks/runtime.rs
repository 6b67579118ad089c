//! What reaches the runtime itself: lengths in its messages, pids that come again.

use serde_json::json;

use crate::harness::{Bundle, driver, is_runc, needs_root, skip, unless};

/// CVE-2021-43784: a length or a number of texts that does not fit into 16 bits must not make room for settings.
#[test]
fn cve_2021_43784_long_texts_and_many_texts_arrive_whole() {
    for length in [65_534, 65_535, 65_536, 65_537, 65_536 + 40, 100_000] {
        let value = format!("{}end", "x".repeat(length - 3));
        let bundle = Bundle::new("longtext").config(|c| {
            c.push("/process/env", format!("LONG={value}"));
            c.push("/process/env", "AFTER=1");
        });
        let report = bundle.report();
        assert!(report.env("LONG") == Some(&value), "{length}: not what was given");
        assert_eq!(report.env("AFTER"), Some("1"), "{length}");
    }
    let many: Vec<String> = (0..66_000).map(|number| format!("V{number}=1")).collect();
    let bundle = Bundle::new("manytexts").config(|c| {
        for (pointer, value) in [("/process/env", json!(many)), ("/root/readonly", json!(true))] {
            c.set(pointer, value);
        }
    });
    let report = bundle.report();
    let arrived = report.env.iter().filter(|entry| entry.starts_with('V')).count();
    assert_eq!(arrived, many.len());
    assert!(report.no_new_privs, "a setting after them was lost");
}

/// The pid is given to a stranger, by the kernel: in a pid namespace of its own the next pid can be chosen.
#[test]
fn pid_reuse_a_stranger_with_the_containers_pid_is_not_killed() {
    needs_root!("ns_last_pid is root's");
    unless!(!driver::is_systemd(), "systemd knows no pids of another pid namespace");
    if is_runc() {
        skip!("it takes the stranger for the container only when the start times are equal, too");
    }
    let bundle = Bundle::new("pidreuse").config(|c| c.probe(&["sleep", "600"]));
    let (path, id) = (bundle.bundle_path(), &bundle.id);
    let script = format!(
        r#"set -e
        "$@" create --bundle {path} --pid-file {path}/pid {id} </dev/null >/dev/null
        pid=$(cat {path}/pid)
        kill -9 "$pid"
        while [ -d "/proc/$pid" ]; do sleep 0.05; done
        # The kernel tells when a process began in hundredths of a second.
        sleep 0.05
        echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
        sleep 600 >/dev/null &
        stranger=$!
        [ "$stranger" = "$pid" ] || {{ echo "the pid $stranger, not $pid"; exit 1; }}
        "$@" kill {id} KILL || true
        "$@" kill --all {id} KILL || true
        "$@" delete --force {id}
        sleep 0.05
        kill -0 "$stranger" && [ "$(cut -d' ' -f3 "/proc/$stranger/stat")" = S ] && echo alive
        kill -9 "$stranger""#
    );
    let wrapper = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", &script, "sh"];
    let output = bundle.wrapped(&wrapper, &[]).output();
    assert_eq!(output.stdout(), "alive\n", "the stranger was killed: {}", output.stderr());
    bundle.assert_nothing_left();
}
