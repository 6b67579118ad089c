//! /proc is a link, becomes one, is covered by a volume, or has covered files: what is written to it must arrive.

use std::fs;

use serde_json::json;

use super::{Tally, create_while_swapping, rounds};
use crate::harness::{Bundle, needs_root, runc_deviates};

/// CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: they become links while the container is made.
#[test]
fn cve_2023_27561_proc_and_sys_that_become_links_are_not_followed() {
    needs_root!("a rootfs of the host's is exchanged");
    for (place, fstype) in [("proc", "proc"), ("sys", "sysfs")] {
        let bundle = Bundle::new("procrace").dir("elsewhere").config(|c| {
            c.set("/linux/maskedPaths", json!([]));
            c.set("/linux/readonlyPaths", json!([]));
            c.without_mount("/sys/fs/cgroup");
        });
        let link = format!("{place}.link");
        let bundle = bundle.link(&link, "/elsewhere");
        let names = [bundle.rootfs(place), bundle.rootfs(&link)];
        let mut tally = Tally::new(rounds());
        while let Some(round) = tally.next() {
            let mounts = create_while_swapping(&bundle, [&names[0], &names[1]], &[]);
            tally.count(mounts.is_some());
            for mount in mounts.into_iter().flatten().filter(|mount| mount.fstype == fstype) {
                assert_ne!(mount.target, "/elsewhere", "round {round}: {mount:?}");
            }
        }
        tally.some_were_made();
    }
}

/// CVE-2019-16884: a volume whose target is a link of the image's into procfs, over the files of labels.
#[test]
fn cve_2019_16884_a_volume_through_a_link_into_proc_is_refused() {
    for target in ["/proc/self/attr", "/proc/sys", "/proc/thread-self/attr", "/proc"] {
        let bundle = Bundle::new("volume").link("vol", target);
        let source = bundle.outside("source");
        let bundle = bundle.config(|c| c.bind(source.to_str().expect("UTF-8"), "/vol", &[]));
        bundle.run().refused(&["/vol", "/proc"]);
        bundle.assert_nothing_left();
    }
}

/// CVE-2025-52881: whoever shares the mounts has covered what a sysctl is written to.
#[test]
fn cve_2025_52881_a_sysctl_arrives_although_its_file_is_covered() {
    needs_root!("the hook mounts");
    runc_deviates!("vulnerable: it writes to what covers the file");
    let name = "ip_unprivileged_port_start";
    let bundle = Bundle::new("coveredsysctl");
    let fake = bundle.outside("fake").join(name);
    fs::write(&fake, "untouched").expect("the cover");
    let covered = bundle.rootfs("proc/sys/net/ipv4");
    // A hook is trusted; this one stands in for a container that shares the mount in a race.
    let cover = format!(
        "mount --bind {} {}",
        fake.parent().expect("a directory").display(),
        covered.display()
    );
    let bundle = bundle.config(|c| {
        c.hook("createContainer", &["/bin/sh", "-c", &cover]);
        c.set("/hooks/createContainer/0/args", json!(["sh", "-c", cover]));
        c.set("/linux/sysctl", json!({format!("net.ipv4.{name}"): "1234"}));
    });
    bundle.create();
    let namespace = format!("--net=/proc/{}/ns/net", bundle.pid());
    let file = format!("/proc/sys/net/ipv4/{name}");
    let really = bundle.plain(&["nsenter", &namespace, "cat", &file]).ok().stdout();
    assert_eq!(fs::read_to_string(&fake).expect("the cover"), "untouched", "the write was caught");
    assert_eq!(really.trim(), "1234");
}

/// CVE-2025-52881: a key must not lead out of /proc/sys, nor through a link of procfs.
#[test]
fn cve_2025_52881_a_sysctl_does_not_lead_elsewhere_in_proc() {
    for key in ["net/../../sysrq-trigger", "net/../../self/oom_score_adj", "net/../../1/attr/exec"]
    {
        let bundle = Bundle::new("sysctlpath").config(|c| {
            c.set("/linux/sysctl", json!({key: "1"}));
        });
        bundle.run().refused(&["sysctl"]);
        bundle.assert_nothing_left();
    }
}
