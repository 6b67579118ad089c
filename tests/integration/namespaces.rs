//! Namespaces: new ones, existing ones joined by path, and those left alone.

use std::fs;
use std::os::unix::fs::MetadataExt;

use creel_probe::{Report, Try};
use serde_json::json;

use crate::harness::{Bundle, needs_root, rootless, runc_deviates};

/// The name in /proc/self/ns by the spec's name.
const NAMES: [(&str, &str); 6] = [
    ("pid", "pid"),
    ("network", "net"),
    ("ipc", "ipc"),
    ("uts", "uts"),
    ("mount", "mnt"),
    ("cgroup", "cgroup"),
];

fn of_host(name: &str) -> u64 {
    of_process("self", name)
}

fn of_process(pid: &str, name: &str) -> u64 {
    fs::metadata(format!("/proc/{pid}/ns/{name}")).expect("a namespace").ino()
}

fn shares_with_host(report: &Report, name: &str) -> bool {
    report.namespaces[name] == of_host(name)
}

#[test]
fn each_namespace_listed_is_new_and_others_are_the_hosts() {
    let report = Bundle::new("default").report();
    for name in ["pid", "net", "ipc", "uts", "mnt"] {
        assert!(!shares_with_host(&report, name), "{name} is the host's");
    }
    for name in ["user", "cgroup", "time"] {
        if name == "user" && rootless::is_rootless() {
            continue;
        }
        assert!(shares_with_host(&report, name), "{name} is new");
    }
}

#[test]
fn a_cgroup_namespace_hides_the_path() {
    let bundle = Bundle::new("cgroupns").config(|c| {
        c.push("/linux/namespaces", json!({"type": "cgroup"}));
    });
    let report = bundle.report();
    assert!(!shares_with_host(&report, "cgroup"));
    for line in &report.cgroups {
        assert!(!line.contains(&bundle.id), "the host's path is seen: {line}");
    }
}

#[test]
fn a_namespace_that_is_not_listed_is_the_hosts() {
    for kind in ["network", "ipc", "uts", "pid"] {
        let bundle = Bundle::new(kind).config(|c| {
            c.without_namespace(kind);
            match kind {
                "uts" => c.remove("/hostname"),
                // sysfs belongs to the network namespace, mqueue to the ipc one.
                "ipc" => c.without_mount("/dev/mqueue"),
                _ => (),
            }
        });
        let report = bundle.report();
        for (spec, name) in NAMES.iter().filter(|(spec, _)| *spec != "cgroup") {
            assert_eq!(shares_with_host(&report, name), *spec == kind, "{kind} left out: {name}");
        }
    }
}

#[test]
fn namespaces_are_joined_by_path() {
    let first = Bundle::new("joined").sleeping();
    let pid = first.pid().to_string();
    for (kind, name) in NAMES.iter().filter(|(kind, _)| !["mount", "cgroup"].contains(kind)) {
        let second = Bundle::new("joining").config(|c| {
            c.join_namespace(kind, &format!("/proc/{pid}/ns/{name}"));
        });
        let report = second.report();
        assert_eq!(report.namespaces[*name], of_process(&pid, name), "{kind}");
        for (_, other) in NAMES.iter().filter(|(k, n)| n != name && *k != "cgroup") {
            assert_ne!(report.namespaces[*other], of_process(&pid, other), "{kind} and {other}");
        }
    }
}

/// It belongs to others, who have said what comes to them and what does not.
#[test]
fn a_joined_mount_namespace_keeps_its_propagation() {
    needs_root!("it makes a mount namespace on the host");
    runc_deviates!("it makes all mounts of the namespace slaves");
    let bundle = Bundle::new("mntjoin");
    let script = "mount --make-rprivate / && mount --make-rshared / && exec sleep 600";
    let mut owner = bundle.plain(&["unshare", "--mount", "sh", "-c", script]).spawn();
    let table = format!("/proc/{}/mountinfo", owner.pid());
    let propagation = || {
        let table = std::fs::read_to_string(&table).expect("mountinfo");
        let root = table.lines().find(|line| line.split(' ').nth(4) == Some("/"));
        root.is_some_and(|line| line.contains(" shared:") && !line.contains(" master:"))
    };
    // Before that it may still be in the host's namespace, whose root may be shared as well.
    let comm = format!("/proc/{}/comm", owner.pid());
    let is_ready = || std::fs::read_to_string(&comm).is_ok_and(|name| name == "sleep\n");
    crate::harness::wait_until("a namespace made ready", is_ready);
    assert!(propagation(), "{:?}", std::fs::read_to_string(&table));
    let path = format!("/proc/{}/ns/mnt", owner.pid());
    let bundle = bundle.config(|c| c.join_namespace("mount", &path));
    // Whether the root can be changed there is for the kernel to say: not below a shared mount.
    bundle.run();
    assert!(propagation(), "{:?}", std::fs::read_to_string(&table));
    owner.kill();
    drop(owner);
}

#[test]
fn a_joined_pid_namespace_has_another_process_1() {
    let first = Bundle::new("pidhost").sleeping();
    let path = format!("/proc/{}/ns/pid", first.pid());
    let second = Bundle::new("pidguest").config(|c| c.join_namespace("pid", &path));
    let report = second.report();
    assert_ne!(report.pid, 1);
    second.cmd(&["delete", "--force", &second.id]).ok();
    assert_eq!(first.status(), "running", "the owner of the pid namespace was killed");
}

#[test]
fn all_namespaces_of_a_pod_are_joined_at_once() {
    let first = Bundle::new("pod").sleeping();
    let pid = first.pid().to_string();
    let second = Bundle::new("member").config(|c| {
        for (kind, name) in [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid")] {
            c.join_namespace(kind, &format!("/proc/{pid}/ns/{name}"));
        }
        c.remove("/hostname");
    });
    let report = second.report();
    for name in ["net", "ipc", "uts", "pid"] {
        assert_eq!(report.namespaces[name], of_process(&pid, name), "{name}");
    }
    assert_eq!(report.hostname, "creel-test", "the name the first container set");
}

#[test]
fn a_path_of_another_type_is_refused() {
    let bundle = Bundle::new("wrongtype").config(|c| {
        c.join_namespace("network", "/proc/self/ns/ipc");
    });
    bundle.run().refused(&["/proc/self/ns/ipc", "linux.namespaces"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_path_that_does_not_exist_is_refused() {
    let bundle = Bundle::new("nopath").config(|c| c.join_namespace("network", "/none/net"));
    bundle.run().refused(&["/none/net"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_duplicate_namespace_is_refused() {
    let bundle = Bundle::new("duplicate").config(|c| {
        c.push("/linux/namespaces", json!({"type": "ipc"}));
    });
    bundle.run().refused(&["ipc", "linux.namespaces"]);
    bundle.assert_nothing_left();
}

#[test]
fn loopback_is_up_in_a_new_network_namespace() {
    let report = Bundle::new("lo").report();
    let lo = report.interfaces.iter().find(|i| i.name == "lo").expect("a loopback interface");
    assert!(lo.up);
    assert!(!report.interfaces.iter().any(|i| i.name == "eth0"), "{:?}", report.interfaces);
}

#[test]
fn hostname_is_set() {
    let bundle = Bundle::new("hostname").config(|c| c.set("/hostname", "ship-7.example"));
    assert_eq!(bundle.report().hostname, "ship-7.example");
}

#[test]
fn domainname_is_set() {
    runc_deviates!("domainname came with runtime-spec 1.1");
    let bundle = Bundle::new("domain").config(|c| c.set("/domainname", "example.org"));
    assert_eq!(bundle.report().domainname, "example.org");
}

#[test]
fn a_hostname_without_a_uts_namespace_is_refused() {
    let bundle = Bundle::new("nouts").config(|c| c.without_namespace("uts"));
    bundle.run().refused(&["hostname", "uts"]);
    bundle.assert_nothing_left();
}

#[test]
fn sysctls_are_set_in_the_containers_namespaces() {
    let mut bundle = Bundle::new("sysctl").config(|c| {
        let sysctl = json!({
            "net.ipv4.ip_forward": "1",
            "kernel.msgmax": "12345",
            "fs.mqueue.queues_max": "77",
            "kernel.shm_rmid_forced": "1",
        });
        c.set("/linux/sysctl", sysctl);
    });
    let tries = bundle.try_all(&[
        "read:/proc/sys/net/ipv4/ip_forward",
        "read:/proc/sys/kernel/msgmax",
        "read:/proc/sys/fs/mqueue/queues_max",
        "read:/proc/sys/kernel/shm_rmid_forced",
    ]);
    let values = ["1\n", "12345\n", "77\n", "1\n"].map(|v| Try::Worked(v.to_owned()));
    assert_eq!(tries, values);
}

#[test]
fn a_sysctl_may_be_spelled_with_slashes() {
    let mut bundle = Bundle::new("slashes").config(|c| {
        c.set("/linux/sysctl", json!({"net/ipv4/ip_forward": "1", "kernel/msgmax": "4321"}));
    });
    let tries =
        bundle.try_all(&["read:/proc/sys/net/ipv4/ip_forward", "read:/proc/sys/kernel/msgmax"]);
    assert_eq!(tries, ["1\n", "4321\n"].map(|v| Try::Worked(v.to_owned())));
}

#[test]
fn a_sysctl_of_the_host_is_refused() {
    let before = fs::read_to_string("/proc/sys/vm/swappiness").expect("a sysctl");
    let bundle = Bundle::new("hostsysctl").config(|c| {
        c.set("/linux/sysctl", json!({"vm.swappiness": "61"}));
    });
    bundle.run().refused(&["vm.swappiness"]);
    assert_eq!(fs::read_to_string("/proc/sys/vm/swappiness").expect("a sysctl"), before);
    bundle.assert_nothing_left();
}

#[test]
fn a_network_sysctl_without_a_network_namespace_is_refused() {
    let bundle = Bundle::new("netsysctl").config(|c| {
        c.without_namespace("network");
        c.set("/linux/sysctl", json!({"net.ipv4.ip_default_ttl": "63"}));
    });
    bundle.run().refused(&["net.ipv4.ip_default_ttl"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_sysctl_that_does_not_exist_is_refused() {
    let bundle = Bundle::new("nosysctl").config(|c| {
        c.set("/linux/sysctl", json!({"net.nonesuch": "1"}));
    });
    bundle.run().refused(&["net.nonesuch"]);
    bundle.assert_nothing_left();
}

#[test]
fn only_the_containers_own_processes_are_in_its_proc() {
    let mut bundle = Bundle::new("ownproc");
    let Try::Worked(text) = bundle.try_inside("read:/proc") else { panic!("no /proc") };
    let pids: Vec<u32> = text.lines().filter_map(|name| name.parse().ok()).collect();
    assert_eq!(pids, [1]);
}

/// The harness looks for mounts of the host that were left behind.
#[test]
fn without_a_mount_namespace_the_root_is_only_changed() {
    runc_deviates!("it leaves a mount of the root file system on the host");
    let bundle = Bundle::new("nomntns").config(|c| {
        c.without_namespace("mount");
        for pointer in ["/mounts", "/linux/maskedPaths", "/linux/readonlyPaths"] {
            c.remove(pointer);
        }
        c.set("/root/readonly", false);
        c.probe(&["exit", "7"]);
    });
    bundle.run().exits(7);
    bundle.assert_nothing_left();
}

#[test]
fn an_exec_without_a_mount_namespace_sees_the_containers_root() {
    runc_deviates!("it cannot start such a container");
    let bundle = Bundle::new("nomntexec").config(|c| {
        c.without_namespace("mount");
        for pointer in ["/mounts", "/linux/maskedPaths", "/linux/readonlyPaths"] {
            c.remove(pointer);
        }
        c.set("/root/readonly", false);
    });
    let bundle = bundle.file("rootfs/only-here", "").sleeping();
    // Without /proc the probe cannot report; it shows the file that only the container has.
    bundle.cmd(&["exec", &bundle.id, "/bin/probe", "write", "/only-here", "found"]).ok();
    let text = std::fs::read_to_string(bundle.rootfs("only-here")).expect("the container's file");
    assert_eq!(text, "found");
    assert!(!std::path::Path::new("/only-here").exists(), "it was written on the host");
}
