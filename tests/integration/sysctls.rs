//! Sysctls where creel-init may mount no procfs of its own: in a user namespace, with a pid namespace that is not its own.

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, Config, rootless};

/// As Podman makes it for a user with `--pid host`: /proc is the host's.
fn of_the_hosts_pid_namespace(c: &mut Config) {
    if !rootless::is_rootless() {
        c.push("/linux/namespaces", json!({"type": "user"}));
        for mappings in ["/linux/uidMappings", "/linux/gidMappings"] {
            c.set(mappings, json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]));
        }
    }
    c.without_namespace("pid");
    c.without_mount("/proc");
    c.set("/linux/maskedPaths", json!([]));
    c.set("/linux/readonlyPaths", json!([]));
    c.set("/linux/sysctl", json!({"net.ipv4.ping_group_range": "0 0", "kernel.msgmax": "4321"}));
}

#[test]
fn they_are_set_through_the_hosts_procfs_in_the_containers_namespaces() {
    let host = std::fs::read_to_string("/proc/sys/kernel/msgmax").expect("a sysctl");
    let mut bundle = Bundle::new("sysctlhostpid").config(|c| {
        of_the_hosts_pid_namespace(c);
        c.bind("/proc", "/proc", &["rbind"]);
    });
    bundle.reachable();
    let tries = bundle
        .try_all(&["read:/proc/sys/net/ipv4/ping_group_range", "read:/proc/sys/kernel/msgmax"]);
    assert_eq!(tries, ["0\t0\n", "4321\n"].map(|v| Try::Worked(v.to_owned())));
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/msgmax").expect("a sysctl"), host);
    bundle.assert_nothing_left();
}

/// What lies over a file of procfs is not written to, and a /proc that is none is not taken for one.
#[test]
fn they_are_refused_where_there_is_no_procfs_or_its_file_is_covered() {
    let none = Bundle::new("sysctlnoproc").config(of_the_hosts_pid_namespace);
    none.reachable();
    none.run().refused(&["linux.sysctl", "kernel.msgmax"]);
    none.assert_nothing_left();

    let covered = Bundle::new("sysctlcovered");
    let cover = covered.outside("cover").join("msgmax");
    std::fs::write(&cover, "untouched").expect("the cover");
    let over = covered.rootfs("proc/sys/kernel/msgmax");
    let mount = format!("mount --bind {} {}", cover.display(), over.display());
    let covered = covered.config(|c| {
        of_the_hosts_pid_namespace(c);
        c.bind("/proc", "/proc", &["rbind"]);
        c.hook("createContainer", &["/bin/sh", "-c", &mount]);
        c.set("/hooks/createContainer/0/args", json!(["sh", "-c", mount]));
    });
    covered.reachable();
    covered.run().refused(&["linux.sysctl", "kernel.msgmax"]);
    assert_eq!(std::fs::read_to_string(&cover).expect("the cover"), "untouched");
    covered.assert_nothing_left();
}
