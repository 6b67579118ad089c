//! Fallbacks for kernels that lack a system call, forced by a filter that answers it with ENOSYS.

use creel_probe::Report;
use serde_json::json;

use crate::harness::{Bundle, is_runc, needs_root, parse, probe, skip};

/// `mount_setattr(2)`, since Linux 5.12; the same number on every architecture.
const MOUNT_SETATTR: &str = "442";
/// `close_range(2)` with `CLOSE_RANGE_CLOEXEC`, since Linux 5.11.
const CLOSE_RANGE: &str = "436";

/// Runs the bundle's container where one call does not exist.
fn without(call: &str, bundle: &Bundle) -> Report {
    let probe = probe().to_str().expect("UTF-8");
    let words = ["run", "-b", &bundle.bundle_path(), &bundle.id];
    parse(&bundle.wrapped(&[probe, "without", call], &words).ok())
}

/// The mount table as seen with and without a call.
fn tables(call: &str, bundle: &Bundle) -> [Vec<(String, Vec<String>)>; 2] {
    let table = |report: Report| {
        report.mounts.into_iter().map(|mount| (mount.target, mount.options)).collect()
    };
    [table(bundle.report()), table(without(call, bundle))]
}

#[test]
fn mounts_are_the_same_without_mount_setattr() {
    needs_root!("a filter without no_new_privs takes root, and newuidmap does not work with it");
    if is_runc() {
        skip!("these are creel's own fallbacks");
    }
    let bundle = Bundle::new("nosetattr").file("rootfs/etc/file", "text").config(|c| {
        c.set("/root/readonly", true);
        c.bind("/usr", "/mnt/a", &["rbind", "ro", "nosuid", "nodev"]);
        c.bind("/usr", "/mnt/b", &["bind", "noexec", "noatime"]);
        c.bind("/usr", "/mnt/c", &["bind", "ro", "private"]);
        c.bind("/etc/hostname", "/etc/file", &["bind", "ro"]);
        c.mount("tmpfs", "/mnt/d", "tmpfs", &["nosuid", "ro", "slave"]);
        c.set("/linux/readonlyPaths", serde_json::json!(["/proc/sys"]));
    });
    let [with, without] = tables(MOUNT_SETATTR, &bundle);
    assert_eq!(with, without);
}

#[test]
fn descriptors_do_not_leak_without_close_range() {
    needs_root!("a filter without no_new_privs takes root, and newuidmap does not work with it");
    if is_runc() {
        skip!("these are creel's own fallbacks");
    }
    let bundle = Bundle::new("nocloserange");
    let report = without(CLOSE_RANGE, &bundle);
    assert_eq!(report.fds.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{:?}", report.fds);
}

/// The program, a hook that the library runs, and one that creel-init runs.
#[test]
fn descriptors_above_the_soft_limit_do_not_leak_without_close_range() {
    needs_root!("a filter without no_new_privs takes root, and newuidmap does not work with it");
    if is_runc() {
        skip!("these are creel's own fallbacks");
    }
    let bundle = Bundle::new("nocloserangehigh");
    let log = bundle.outside("hooks").join("log");
    let log = log.to_str().expect("UTF-8");
    let hook = |path: &str, log: &str| json!({"path": path, "args": ["probe", "hook", log]});
    let outer = hook(bundle.rootfs("bin/probe").to_str().expect("UTF-8"), log);
    let bundle = bundle.config(|c| {
        c.bind(log.trim_end_matches("/log"), "/hooks", &[]);
        c.push("/hooks/createRuntime", outer);
        c.push("/hooks/startContainer", hook("/bin/probe", "/hooks/log"));
    });
    let probe = probe().to_str().expect("UTF-8");
    let lowered = ["sh", "-c", "ulimit -Sn 150; exec \"$@\"", "sh"];
    let without = [probe, "without", CLOSE_RANGE];
    let wrapper = [&[probe, "holding", "200"][..], &lowered, &without].concat();
    let words = ["run", "-b", &bundle.bundle_path(), &bundle.id];
    let report = parse(&bundle.wrapped(&wrapper, &words).ok());
    assert_eq!(report.fds.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{:?}", report.fds);

    let hooks = std::fs::read_to_string(log).expect("what the hooks saw");
    assert_eq!(hooks.lines().count(), 2, "{hooks}");
    for line in hooks.lines() {
        let hook: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let fds: Vec<&String> = hook["fds"].as_object().expect("fds").keys().collect();
        assert_eq!(fds, ["0", "1", "2"], "{line}");
    }
}

/// fsconfig(2) takes values of at most 255 bytes; overlayfs wants longer lists of directories.
#[test]
fn a_long_parameter_reaches_the_file_system() {
    let bundle = Bundle::new("longoption");
    let layers: Vec<String> = (0..6)
        .map(|n| {
            let name = format!("layer-{n}-{}", "x".repeat(60));
            let dir = bundle.outside(&name);
            std::fs::write(dir.join(format!("file{n}")), "text").expect("a file");
            dir.to_str().expect("UTF-8").to_owned()
        })
        .collect();
    let option = format!("lowerdir={}", layers.join(":"));
    let mut bundle = bundle.config(|c| c.mount("overlay", "/mnt", "overlay", &[&option, "ro"]));
    let tries = bundle.try_all(&["read:/mnt/file0", "read:/mnt/file5", "write:/mnt/file0"]);
    assert!(matches!(&tries[0], creel_probe::Try::Worked(text) if text == "text"), "{tries:?}");
    assert!(matches!(&tries[1], creel_probe::Try::Worked(text) if text == "text"), "{tries:?}");
    assert!(matches!(&tries[2], creel_probe::Try::Failed(error) if error == "EROFS"), "{tries:?}");
}
