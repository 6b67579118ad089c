//! What a mount, a device or a mask is put on is exchanged for a link while the container is made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use super::{Swap, Tally, create_while_swapping, rounds};
use crate::harness::{Bundle, Config, needs_root, runc_deviates};

/// An image with a directory `vol`, and beside it `vol.link`, which leads to `victim` on the host.
fn bundle(name: &str, change: impl FnOnce(&mut Config)) -> Bundle {
    let bundle = Bundle::new(name);
    let victim = bundle.outside("victim");
    bundle.dir("vol").link("vol.link", victim.to_str().expect("UTF-8")).config(|c| {
        c.mount("attacked", "/vol/a/b", "tmpfs", &[]);
        change(c);
    })
}

/// Whichever of the two names is a directory now.
fn directories(bundle: &Bundle) -> Vec<std::path::PathBuf> {
    let names = ["vol", "vol.link"].map(|name| bundle.rootfs(name));
    names.into_iter().filter(|path| !path.is_symlink()).collect()
}

/// CVE-2021-30465: between the look at the target and the mount it becomes a link that leads to the host.
#[test]
fn cve_2021_30465_a_target_that_becomes_a_link_is_not_mounted_on_outside() {
    needs_root!("a rootfs of the host's is exchanged");
    let bundle = bundle("targetrace", |_| {});
    fs::create_dir_all(bundle.outside("victim").join("a/b")).expect("directories");
    fs::create_dir_all(bundle.rootfs("vol/a/b")).expect("directories");
    let names = [bundle.rootfs("vol"), bundle.rootfs("vol.link")];
    let mut tally = Tally::new(rounds());
    while let Some(round) = tally.next() {
        let mounts = create_while_swapping(&bundle, [&names[0], &names[1]], &[]);
        tally.count(mounts.is_some());
        // A mount on the host's side is gone with the old root.
        if let Some(mounts) = mounts {
            let inside = mounts.iter().filter(|mount| mount.source == "attacked").count();
            assert_eq!(inside, 1, "round {round}: it was mounted outside of the root: {mounts:#?}");
        }
    }
    tally.some_were_made();
}

/// CVE-2024-45310: what is missing of a target is made while a directory of it becomes a link to the host.
#[test]
fn cve_2024_45310_directories_are_not_made_on_the_host() {
    needs_root!("a rootfs of the host's is exchanged");
    let bundle = bundle("mkdirrace", |c| {
        for number in 0..20 {
            c.mount("tmpfs", &format!("/vol/{number}/b/c"), "tmpfs", &[]);
        }
    });
    let victim = bundle.outside("victim");
    let names = [bundle.rootfs("vol"), bundle.rootfs("vol.link")];
    let mut tally = Tally::new(rounds());
    while let Some(round) = tally.next() {
        let mounts = create_while_swapping(&bundle, [&names[0], &names[1]], &[]);
        tally.count(mounts.is_some());
        let made: Vec<_> = fs::read_dir(&victim).expect("victim").flatten().collect();
        assert!(made.is_empty(), "round {round}: made on the host: {made:?}");
        forget_targets(&bundle, &victim);
    }
    tally.some_were_made();
}

/// The next round has to make all directories again, those behind the link inside the root as well.
fn forget_targets(bundle: &Bundle, victim: &Path) {
    for directory in directories(bundle) {
        fs::remove_dir_all(&directory).expect("the image's directory");
        fs::create_dir(&directory).expect("the image's directory");
    }
    let inside = bundle.rootfs(victim.to_str().expect("UTF-8"));
    if inside.exists() {
        fs::remove_dir_all(inside).expect("the link's end inside the root");
    }
}

/// openat2(2) refuses `..` while anybody on the machine renames or mounts: that must not keep others from their containers.
#[test]
fn dots_are_followed_although_somebody_renames_without_end() {
    let up = "../".repeat(60);
    let bundle = Bundle::new("renames").dir("real").link("vol", &format!("{up}real"));
    let bundle = bundle.config(|c| c.mount("tmpfs", "/vol/new", "tmpfs", &[]));
    let outside = bundle.outside("elsewhere");
    let names = ["one", "other"].map(|name| outside.join(name));
    names.iter().for_each(|name| fs::create_dir(name).expect("a directory"));
    let [one, other] = names;
    let _swap = Swap::start(one, other);
    for _ in 0..10 {
        let report = bundle.report();
        assert!(report.mount("/real/new").is_some(), "{:?}", report.mounts);
    }
}

/// An image with its own /dev, in which `one` and `other` are exchanged.
fn own_dev(c: &mut Config) {
    for target in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] {
        c.without_mount(target);
    }
    c.set("/root/readonly", false);
}

/// CVE-2025-31133: /dev/null becomes a link when a file is masked with it.
#[test]
fn cve_2025_31133_dev_null_that_becomes_a_link_does_not_mask() {
    needs_root!("device nodes in the image");
    runc_deviates!("vulnerable: it binds what the link points at");
    let bundle = Bundle::new("nullrace").file("attack", "attack\n").config(|c| {
        own_dev(c);
        let secrets: Vec<String> = (0..40).map(|number| format!("/secret{number}")).collect();
        c.set("/linux/maskedPaths", json!(secrets));
    });
    let bundle = (0..40).fold(bundle, |b, n| b.file(&format!("secret{n}"), "secret\n"));
    symlink("/attack", bundle.rootfs("dev/null.link")).expect("link");
    let null = nix::sys::stat::makedev(1, 3);
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o666);
    let kind = nix::sys::stat::SFlag::S_IFCHR;
    nix::sys::stat::mknod(&bundle.rootfs("dev/null"), kind, mode, null).expect("mknod");
    let names = [bundle.rootfs("dev/null"), bundle.rootfs("dev/null.link")];
    let mut tally = Tally::new(rounds() * 6);
    while let Some(round) = tally.next() {
        let mounts = create_while_swapping(&bundle, [&names[0], &names[1]], &[]);
        tally.count(mounts.is_some());
        for mount in mounts.into_iter().flatten() {
            let is_mask = mount.target.starts_with("/secret");
            assert!(!is_mask || !mount.root.ends_with("/attack"), "round {round}: {mount:?}");
        }
        assert_eq!(fs::read_to_string(bundle.rootfs("attack")).expect("file"), "attack\n");
    }
    tally.some_were_made();
}

/// CVE-2026-41579, CVE-2026-47766: /dev becomes a link that leads to the host, before the pivot.
#[test]
fn cve_2026_41579_dev_that_becomes_a_link_makes_nothing_on_the_host() {
    needs_root!("device nodes in the image");
    runc_deviates!("vulnerable: it makes the links on the host");
    let bundle = Bundle::new("devrace").config(own_dev);
    let victim = bundle.outside("victim");
    let bundle = bundle.link("dev.link", victim.to_str().expect("UTF-8"));
    let names = [bundle.rootfs("dev"), bundle.rootfs("dev.link")];
    let mut tally = Tally::new(rounds());
    while let Some(round) = tally.next() {
        let mounts = create_while_swapping(&bundle, [&names[0], &names[1]], &[]);
        tally.count(mounts.is_some());
        let made: Vec<_> = fs::read_dir(&victim).expect("victim").flatten().collect();
        assert!(made.is_empty(), "round {round}: made on the host: {made:?}");
        for directory in names.iter().filter(|path| !path.is_symlink()) {
            fs::remove_dir_all(directory).expect("the image's /dev");
            fs::create_dir(directory).expect("the image's /dev");
        }
    }
    tally.some_were_made();
}
