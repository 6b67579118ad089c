//! The root file system: read-only or not, masked and read-only paths, no way out of it.

use std::fs;
use std::path::Path;

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, needs_root, rootless, runc_deviates};

fn worked(text: &str) -> Try {
    Try::Worked(text.to_owned())
}

fn failed(errno: &str) -> Try {
    Try::Failed(errno.to_owned())
}

#[test]
fn a_read_only_root_takes_no_writes() {
    let mut bundle = Bundle::new("roroot");
    assert_eq!(bundle.try_all(&["make:/new", "make:/tmp/new"]), [failed("EROFS"), failed("EROFS")]);
    assert!(bundle.report().mount("/").expect("a root").has("ro"));
}

#[test]
fn a_writable_root_is_the_bundles_directory() {
    let mut bundle = Bundle::new("rwroot").config(|c| c.set("/root/readonly", false));
    assert_eq!(bundle.try_inside("make:/tmp/new"), worked(""));
    assert!(bundle.rootfs("tmp/new").exists());
}

#[test]
fn readonly_is_false_by_default() {
    let mut bundle = Bundle::new("default").config(|c| c.remove("/root/readonly"));
    assert_eq!(bundle.try_inside("make:/tmp/new"), worked(""));
}

#[test]
fn an_absolute_root_path() {
    let bundle = Bundle::new("absolute");
    let path = bundle.rootfs("");
    let bundle = bundle.config(|c| c.set("/root/path", path.to_str().expect("UTF-8")));
    assert_eq!(bundle.report().cwd, "/");
}

#[test]
fn a_masked_file_is_empty_and_a_masked_directory_too() {
    let mut bundle = Bundle::new("masked")
        .file("secret/file", "secret\n")
        .file("hidden/inner", "secret\n")
        .config(|c| {
            c.set("/root/readonly", false);
            c.set("/linux/maskedPaths", json!(["/secret/file", "/hidden", "/nonesuch/path"]));
        });
    let tries = bundle.try_all(&["read:/secret/file", "read:/hidden", "make:/hidden/new"]);
    assert_eq!(tries, [worked(""), worked(""), failed("EROFS")]);
    let report = bundle.report();
    let directory = report.mount("/hidden").expect("a mount on /hidden");
    assert!(directory.has("ro") && directory.fstype == "tmpfs", "{directory:?}");
    assert!(report.mount("/secret/file").is_some());
}

#[test]
fn the_default_masked_paths_are_masked() {
    let mut bundle = Bundle::new("procmask");
    let there = ["/proc/kcore", "/proc/keys"].into_iter().filter(|p| Path::new(p).exists());
    for path in there {
        assert_eq!(bundle.try_inside(&format!("read:{path}")), worked(""), "{path}");
    }
}

#[test]
fn a_read_only_path_can_be_read_but_not_written() {
    let mut bundle = Bundle::new("ropath").file("fixed/file", "text\n").config(|c| {
        c.set("/root/readonly", false);
        c.set("/linux/readonlyPaths", json!(["/fixed", "/proc/sys", "/nonesuch/path"]));
    });
    let tries = bundle.try_all(&[
        "read:/fixed/file",
        "write:/fixed/file",
        "make:/fixed/new",
        "write:/proc/sys/kernel/hostname",
        "make:/tmp/elsewhere",
    ]);
    let readonly = failed("EROFS");
    // It belongs to root of the host.
    let sysctl = if rootless::is_rootless() { failed("EACCES") } else { readonly.clone() };
    assert_eq!(tries, [worked("text\n"), readonly.clone(), readonly, sysctl, worked("")]);
}

#[test]
fn a_read_only_path_keeps_the_flags_of_the_mount_it_is_on() {
    let bundle = Bundle::new("roflags").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["nosuid", "nodev", "noexec"]);
        c.set("/linux/readonlyPaths", json!(["/m"]));
    });
    let report = bundle.report();
    let mount = report.mount("/m").expect("/m");
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(mount.has(option), "no {option} in {:?}", mount.options);
    }
}

/// The host's procfs cannot be detached there, and one without masks would undo all masks.
#[test]
fn a_user_namespace_is_refused_without_a_pivot() {
    runc_deviates!("it covers the host's procfs, which a process can mount anew all the same");
    let bundle = Bundle::new("nopivotuser").config(|c| {
        if !rootless::is_rootless() {
            c.push("/linux/namespaces", json!({"type": "user"}));
            let whole = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
            c.set("/linux/uidMappings", whole.clone());
            c.set("/linux/gidMappings", whole);
        }
    });
    bundle.run_with(&["--no-pivot"]).refused(&["detaching the host's", "--no-pivot"]);
    bundle.assert_nothing_left();
}

#[test]
fn no_pivot_gives_the_same_root() {
    needs_root!("see a_user_namespace_is_refused_without_a_pivot");
    let bundle = Bundle::new("nopivot").file("etc/marker", "here\n");
    let bundle = bundle.config(|c| c.probe(&["report", "read:/etc/marker", "make:/x"]));
    let report = crate::harness::parse(&bundle.run_with(&["--no-pivot"]).ok());
    assert_eq!(report.tries["read:/etc/marker"], worked("here\n"));
    assert_eq!(report.tries["make:/x"], failed("EROFS"));
}

/// What a mount target in the image may be: the mount shall stay below the root.
#[test]
fn a_target_behind_a_symlink_stays_inside_the_root() {
    let bundle = Bundle::new("escape");
    let victim = bundle.outside("victim");
    let absolute = victim.to_str().expect("UTF-8");
    let dots = format!("/../../../../../../../..{absolute}");
    for (name, target) in [("absolute", absolute), ("dots", dots.as_str())] {
        std::os::unix::fs::symlink(target, bundle.rootfs(name)).expect("link");
    }
    let bundle = bundle.config(|c| {
        c.mount("tmpfs", "/absolute/one", "tmpfs", &[]);
        c.mount("tmpfs", "/dots/two", "tmpfs", &[]);
    });
    let report = bundle.report();
    assert!(report.mount(&format!("{absolute}/one")).is_some(), "{:?}", report.mounts);
    assert!(report.mount(&format!("{absolute}/two")).is_some(), "{:?}", report.mounts);
    assert_eq!(fs::read_dir(&victim).expect("victim").count(), 0, "made on the host");
}

#[test]
fn a_file_target_behind_a_symlink_stays_inside_the_root() {
    let bundle = Bundle::new("fileescape");
    let victim = bundle.outside("victim");
    let file = bundle.outside("source").join("file");
    fs::write(&file, "bound\n").expect("file");
    let link = bundle.rootfs("link");
    std::os::unix::fs::symlink(victim.join("new"), link).expect("link");
    let mut bundle = bundle.config(|c| c.bind(file.to_str().expect("UTF-8"), "/link", &["ro"]));
    assert_eq!(bundle.try_inside("read:/link"), worked("bound\n"));
    assert_eq!(fs::read_dir(&victim).expect("victim").count(), 0, "made on the host");
}

#[test]
fn a_masked_path_behind_a_symlink_stays_inside_the_root() {
    let bundle = Bundle::new("maskescape").file("real/secret", "secret\n").link("link", "/real");
    let mut bundle = bundle.config(|c| c.set("/linux/maskedPaths", json!(["/link/secret"])));
    assert_eq!(bundle.try_inside("read:/real/secret"), worked(""));
}

#[test]
fn a_cwd_behind_a_symlink_stays_inside_the_root() {
    let bundle = Bundle::new("cwdlink").dir("real").link("link", "/../../real").config(|c| {
        c.set("/process/cwd", "/link");
    });
    assert_eq!(bundle.report().cwd, "/real");
}

#[test]
fn the_current_directory_of_the_host_is_not_reachable() {
    let mut bundle = Bundle::new("up");
    let tries = bundle.try_all(&["read:/..", "read:/../../../.."]);
    let Try::Worked(names) = &tries[0] else { panic!("{:?}", tries[0]) };
    assert_eq!(names, "bin\ndev\nproc\nsys\ntmp");
    assert_eq!(tries[0], tries[1]);
}
