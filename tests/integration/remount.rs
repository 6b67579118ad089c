//! The mount option `remount`.

use creel_probe::Try;

use crate::harness::{Bundle, runc_deviates};

#[test]
fn a_remount_changes_an_earlier_mount() {
    let mut bundle = Bundle::new("remount").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["size=64k"]);
        c.mount("tmpfs", "/m", "tmpfs", &["remount", "ro", "size=128k"]);
    });
    assert_eq!(bundle.try_inside("make:/m/new"), Try::Failed("EROFS".to_owned()));
    let report = bundle.report();
    assert_eq!(report.mounts.iter().filter(|mount| mount.target == "/m").count(), 1);
    let mount = report.mount("/m").expect("/m");
    assert!(mount.has("ro") && mount.super_has("size=128k"), "{mount:?}");
}

#[test]
fn with_bind_only_the_mount_changes() {
    let bundle = Bundle::new("remountbind").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["noexec"]);
        c.mount("/", "/m", "none", &["bind", "remount", "ro", "noexec"]);
    });
    let report = bundle.report();
    assert_eq!(report.mounts.iter().filter(|mount| mount.target == "/m").count(), 1);
    let mount = report.mount("/m").expect("/m");
    assert!(mount.has("ro") && mount.has("noexec") && mount.super_has("rw"), "{mount:?}");
}

/// A restriction is lifted only by name.
#[test]
fn what_is_not_named_stays() {
    runc_deviates!("it clears what is not named");
    let bundle = Bundle::new("remountkeeps").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["noexec", "nosuid"]);
        c.mount("/", "/m", "none", &["bind", "remount", "nodev", "suid"]);
    });
    let report = bundle.report();
    let mount = report.mount("/m").expect("/m");
    assert!(mount.has("noexec") && mount.has("nodev") && !mount.has("nosuid"), "{mount:?}");
}

/// The tmpfs becomes read-only at last only, which a remount in between does not take away.
#[test]
fn a_remount_of_a_read_only_tmpfs_leaves_it_read_only() {
    runc_deviates!("it clears what is not named");
    let mut bundle = Bundle::new("remountro").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["ro"]);
        c.mount("none", "/m", "none", &["remount", "bind", "nosuid"]);
        c.mount("tmpfs", "/n", "tmpfs", &["ro"]);
        c.mount("none", "/n", "none", &["remount", "bind", "rw"]);
    });
    let tries = bundle.try_all(&["make:/m/new", "make:/n/new"]);
    assert_eq!(tries[0], Try::Failed("EROFS".to_owned()));
    assert!(matches!(&tries[1], Try::Worked(_)), "{tries:?}");
    let report = bundle.report();
    let mount = report.mount("/m").expect("/m");
    assert!(mount.has("ro") && mount.has("nosuid"), "{mount:?}");
}

#[test]
fn a_remount_of_what_is_no_mount_is_refused() {
    let bundle = Bundle::new("remountnone").dir("m").config(|c| {
        c.mount("tmpfs", "/m", "tmpfs", &["remount", "ro"]);
    });
    bundle.run().refused(&["/m"]);
    bundle.assert_nothing_left();
}
