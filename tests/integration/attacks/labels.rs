//! What labels are written to is not what it seems, under a module that really obeys them.

use std::fs;

use serde_json::json;

use crate::apparmor::{NOT_LOADED, OFF, Profile, is_on};
use crate::harness::{
    Bundle, needs_root, orphans_reap, process_exists, runc_deviates, unless, wait_until,
};

/// The label of a process as the kernel has it.
fn label_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/attr/current")).expect("a label").trim().to_owned()
}

/// CVE-2019-16884, CVE-2025-52881: whoever shares the mounts has covered /proc with files that swallow what is written
/// to them; the profile has to hold all the same, for the first process and for those of exec.
#[test]
fn cve_2019_16884_a_covered_proc_does_not_swallow_the_label() {
    unless!(is_on(), "{OFF}");
    needs_root!("{NOT_LOADED}");
    runc_deviates!("it refuses, or is vulnerable");
    let mut bundle = Bundle::new("coveredlabel").busybox();
    let proc = bundle.rootfs("proc");
    let proc = proc.to_str().expect("UTF-8");
    // A hook is trusted; this one stands in for a container that shares the mount in a race.
    let cover = format!(
        "mount -t tmpfs cover {proc} && for d in self thread-self 1; do mkdir -p {proc}/$d/attr/apparmor; \
         for f in current exec apparmor/current apparmor/exec; do : >{proc}/$d/attr/$f; done; done"
    );
    let name = format!("creel-{}", bundle.id);
    bundle.reconfigure(|c| {
        c.hook("createContainer", &["/bin/sh", "-c", &cover]);
        c.set("/hooks/createContainer/0/args", json!(["sh", "-c", cover]));
        c.set("/linux/maskedPaths", json!([]));
        c.set("/linux/readonlyPaths", json!([]));
        c.set("/process/apparmorProfile", name.as_str());
        c.args(&["/bin/sleep", "600"]);
    });
    let profile = Profile::load(&bundle);
    let expected = format!("{} (enforce)", profile.name);
    bundle.create_and_start();
    let first = bundle.pid();
    assert_eq!(label_of(first), expected, "the write was caught");
    let file = bundle.path("exec.pid");
    let file = file.to_str().expect("UTF-8");
    let words = ["exec", "--detach", "--pid-file", file, &bundle.id, "/bin/sleep", "600"];
    bundle.cmd(&words).ok();
    let second: u32 = fs::read_to_string(file).expect("a pid").parse().expect("a number");
    assert_eq!(label_of(second), expected, "the write of exec was caught");
    for place in ["self", "thread-self", "1"] {
        for file in ["current", "exec", "apparmor/current", "apparmor/exec"] {
            let cover = format!("/proc/{first}/root/proc/{place}/attr/{file}");
            assert_eq!(fs::read_to_string(&cover).expect("the cover"), "", "{cover}");
        }
    }
    // Its parent is this program now, and the first one ends only when it is reaped.
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
    wait_until("its end", || {
        orphans_reap();
        !process_exists(second)
    });
    bundle.delete();
}
