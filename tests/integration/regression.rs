//! Attacks and bugs that other runtimes fell to, each named by what it guards.

use std::fs;

use creel_probe::{Report, Try};
use serde_json::json;

use crate::harness::{Bundle, needs_root, runc_deviates};

/// Refusing an attack and carrying it out harmlessly inside the root are both right.
#[track_caller]
fn ran_or_refused(bundle: &Bundle) -> Option<Report> {
    let output = bundle.on_bundle("run", &[]).stdin("not /dev/null").output();
    match output.code() {
        0 => Some(crate::harness::parse(&output)),
        _ => {
            output.refused(&[]);
            None
        }
    }
}

/// CVE-2019-5736: the host's runtime must not be reachable through /proc/<init>/exe.
#[test]
fn cve_2019_5736_init_does_not_run_from_the_hosts_binary() {
    let bundle = Bundle::new("selfexe");
    bundle.create();
    let exe = fs::read_link(format!("/proc/{}/exe", bundle.pid())).expect("init's exe");
    let runtime = fs::canonicalize(crate::harness::runtime()).expect("the runtime");
    assert_ne!(exe, runtime, "a created container runs the host's file");
}

/// CVE-2019-19921, CVE-2023-27561: /proc in the image is a link to somewhere else.
#[test]
fn cve_2019_19921_proc_on_a_symlink_is_refused() {
    let bundle = Bundle::new("proclink").dir("elsewhere");
    fs::remove_dir(bundle.rootfs("proc")).expect("rmdir");
    let bundle = bundle.link("proc", "/elsewhere");
    bundle.run().refused(&["/proc"]);
    bundle.assert_nothing_left();
}

/// CVE-2023-28642: the same for /sys.
#[test]
fn cve_2023_28642_sysfs_on_a_symlink_is_refused() {
    let bundle = Bundle::new("syslink").dir("elsewhere");
    fs::remove_dir(bundle.rootfs("sys")).expect("rmdir");
    let bundle = bundle.link("sys", "/elsewhere");
    bundle.run().refused(&["/sys"]);
    bundle.assert_nothing_left();
}

/// CVE-2019-16884: a mount over /proc would swallow writes of labels.
#[test]
fn cve_2019_16884_mounts_on_and_inside_proc_are_refused() {
    for target in ["/proc", "/proc/sys"] {
        let bundle = Bundle::new("inproc");
        let source = bundle.outside("source");
        let bundle = bundle.config(|c| c.bind(source.to_str().expect("UTF-8"), target, &[]));
        bundle.run().refused(&[target]);
        bundle.assert_nothing_left();
    }
}

/// CVE-2022-29162: no inheritable capabilities unless they are given, for exec too.
#[test]
fn cve_2022_29162_exec_has_no_inheritable_capabilities() {
    let bundle = Bundle::new("inheritable").sleeping();
    let caps = bundle.exec_report(&["--cap", "CAP_NET_RAW"]).capabilities;
    assert!(caps.inheritable.is_empty(), "{:?}", caps.inheritable);
}

/// CVE-2024-21626: a leaked descriptor of the host as the working directory.
#[test]
fn cve_2024_21626_cwd_through_a_leaked_descriptor_is_refused() {
    // The caller leaks one as well: 9 is the host's root.
    let leaking = ["sh", "-c", "exec 9</; exec \"$@\"", "sh"];
    for fd in 3..12 {
        let bundle = Bundle::new("leakedcwd").config(|c| {
            c.set("/process/cwd", format!("/proc/self/fd/{fd}"));
        });
        let words = ["run", "--bundle", &bundle.bundle_path(), &bundle.id];
        let output = bundle.wrapped(&leaking, &words).output();
        assert_eq!(output.code(), 1, "fd {fd} was taken: {}", output.stdout());
        bundle.assert_nothing_left();
    }
}

/// CVE-2025-31133: /dev/null in the image is a link, masking would open what it points at.
#[test]
fn cve_2025_31133_dev_null_as_a_symlink_does_not_unmask() {
    runc_deviates!("vulnerable: it opens what the link points at");
    let bundle = Bundle::new("nulllink")
        .file("secret", "secret\n")
        .file("attack", "attack\n")
        .link("dev/null", "/attack")
        .config(|c| {
            for target in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] {
                c.without_mount(target);
            }
            c.set("/root/readonly", false);
            c.set("/linux/maskedPaths", json!(["/secret"]));
            c.probe(&["report", "read:/secret"]);
        });
    if let Some(report) = ran_or_refused(&bundle) {
        assert_eq!(report.tries["read:/secret"], Try::Worked(String::new()));
    }
    assert_eq!(fs::read_to_string(bundle.rootfs("attack")).expect("file"), "attack\n");
}

/// CVE-2026-41579: /dev in the image is a link that leads out before the pivot.
#[test]
fn cve_2026_41579_dev_as_a_symlink_makes_nothing_on_the_host() {
    runc_deviates!("vulnerable: it makes the links on the host");
    let bundle = Bundle::new("devlink");
    let victim = bundle.outside("victim");
    fs::remove_dir(bundle.rootfs("dev")).expect("rmdir");
    let bundle = bundle.link("dev", victim.to_str().expect("UTF-8")).config(|c| {
        for target in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] {
            c.without_mount(target);
        }
    });
    ran_or_refused(&bundle);
    let made: Vec<_> = fs::read_dir(&victim).expect("victim").flatten().collect();
    assert!(made.is_empty(), "made on the host: {made:?}");
}

/// A device whose path leads out of the root by a link.
#[test]
fn a_device_path_behind_a_symlink_stays_inside_the_root() {
    let bundle = Bundle::new("devicelink");
    let victim = bundle.outside("victim");
    let bundle = bundle.link("out", victim.to_str().expect("UTF-8")).config(|c| {
        let device = json!({"path": "/out/node", "type": "c", "major": 1, "minor": 3});
        c.push("/linux/devices", device);
    });
    ran_or_refused(&bundle);
    assert_eq!(fs::read_dir(&victim).expect("victim").count(), 0, "made on the host");
}

/// A relative link in the image does not make the runtime follow it on the host for HOME.
#[test]
fn passwd_as_a_symlink_is_read_inside_the_root() {
    let bundle = Bundle::new("passwdlink");
    let outside = bundle.outside("victim").join("passwd");
    fs::write(&outside, "root:x:0:0::/of/the/host:/bin/sh\n").expect("file");
    let bundle = bundle.link("etc/passwd", outside.to_str().expect("UTF-8"));
    assert_eq!(bundle.report().env("HOME"), Some("/"));
}

/// Without a pivot the host's procfs stays in the namespace, and would allow one more without masks.
#[test]
fn no_pivot_leaves_no_procfs_that_unmasks_another() {
    needs_root!("see a_user_namespace_is_refused_without_a_pivot");
    let script = "unshare -Urmpf sh -c 'echo shared; mount -t proc proc /tmp && echo unmasked'";
    let bundle = Bundle::new("nopivot").busybox().config(|c| {
        c.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        c.args(&["/bin/sh", "-c", script]);
    });
    for options in [&[][..], &["--no-pivot"]] {
        let output = bundle.run_with(options);
        assert_eq!(output.stdout(), "shared\n", "{options:?}: {}", output.stderr());
        bundle.assert_nothing_left();
    }
}

/// Docker's default profile, as its Go library writes it: a `valueTwo` of 0 is left out.
#[test]
fn a_profile_written_in_go_leaves_out_zeros() {
    let bundle = Bundle::new("goseccomp").config(|c| {
        c.set(
            "/linux/seccomp",
            json!({
                "defaultAction": "SCMP_ACT_ALLOW",
                "syscalls": [{
                    "names": ["clone"],
                    "action": "SCMP_ACT_ALLOW",
                    "args": [{"index": 0, "value": 2_114_060_288_u64, "op": "SCMP_CMP_MASKED_EQ"}],
                }],
            }),
        );
    });
    assert_eq!(bundle.report().seccomp, 2);
}
