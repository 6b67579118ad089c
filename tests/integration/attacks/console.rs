//! The terminal that is bound at /dev/console is the container's own, wherever the names lead.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use super::{Tally, create_while_swapping, rounds};
use crate::harness::{Bundle, Config, needs_root, runc_deviates};

/// An image with a /dev of its own, in which only devpts is mounted.
fn own_dev(c: &mut Config) {
    for target in ["/dev", "/dev/shm", "/dev/mqueue"] {
        c.without_mount(target);
    }
    c.set("/process/terminal", true);
}

/// Holds what creel sends to it; nobody has to take that.
fn socket(bundle: &Bundle) -> (UnixListener, String) {
    let path = bundle.outside("console").join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    (listener, path.to_str().expect("UTF-8").to_owned())
}

/// CVE-2025-52565: /dev/pts becomes a directory whose files are links, when the terminal is bound.
#[test]
fn cve_2025_52565_a_link_in_dev_pts_is_not_bound_as_the_console() {
    needs_root!("devices in the image");
    runc_deviates!("vulnerable: it binds /dev/pts/N by its path");
    let bundle = Bundle::new("ptsrace").dir("dev/pts").dir("dev/evil").file("victim", "");
    for number in 0..4 {
        let link = bundle.rootfs(&format!("dev/evil/{number}"));
        symlink("/victim", link).expect("link");
    }
    let bundle = bundle.config(own_dev);
    let (_listener, socket) = socket(&bundle);
    let names = [bundle.rootfs("dev/pts"), bundle.rootfs("dev/evil")];
    let options = ["--console-socket", socket.as_str()];
    let mut tally = Tally::new(rounds() * 8);
    while let Some(round) = tally.next() {
        let mounts = create_while_swapping(&bundle, [&names[0], &names[1]], &options);
        tally.count(mounts.is_some());
        let Some(mounts) = mounts else { continue };
        let console = mounts.iter().find(|mount| mount.target == "/dev/console");
        let console = console.unwrap_or_else(|| panic!("round {round}: no console: {mounts:#?}"));
        assert_eq!(console.fstype, "devpts", "round {round}: {console:?}");
    }
    tally.some_were_made();
}

/// The other end: /dev/console in the image is a link to a file that would be covered.
#[test]
fn cve_2025_52565_a_link_at_dev_console_is_not_covered() {
    needs_root!("devices in the image");
    let bundle = Bundle::new("consolelink").dir("dev/pts").file("victim", "").config(own_dev);
    symlink("/victim", bundle.rootfs("dev/console")).expect("link");
    let (_listener, socket) = socket(&bundle);
    let created = bundle.on_bundle("create", &["--console-socket", &socket]).output();
    if created.code() == 0 {
        let mounts = super::mounts_of(bundle.pid());
        assert!(mounts.iter().all(|mount| mount.target != "/victim"), "{mounts:#?}");
    }
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    assert_eq!(fs::metadata(bundle.rootfs("victim")).expect("victim").len(), 0);
}
