//! File systems on a device that the container itself may not use: its rules come into force when all is mounted.

use std::fs;

use creel_probe::Try;

use crate::harness::{Bundle, Loop, cgroup, driver, needs_root, skip, unless};

/// Whether the rules are in force in time may be a race.
const ROUNDS: usize = 8;

/// A container with the device at /disk that makes devices, as far as its rules let it.
fn mounting(name: &str, device: &Loop) -> Bundle {
    Bundle::new(name).config(|c| {
        c.capabilities(&["CAP_MKNOD"]);
        c.mount(&device.node, "/disk", "ext4", &["ro"]);
        c.mount("tmpfs", "/nodes", "tmpfs", &[]);
    })
}

/// An ext4 with a file in it.
fn device(name: &str) -> Result<Loop, String> {
    let bundle = Bundle::new(name);
    let files = bundle.outside("files");
    fs::write(files.join("file"), "of the device\n").expect("a file");
    Loop::ext4(name, &files)
}

macro_rules! device {
    ($name:literal) => {{
        needs_root!("only root mounts devices");
        let known = fs::read_to_string("/proc/filesystems").expect("/proc/filesystems");
        unless!(known.lines().any(|line| line == "\text4"), "this kernel has no ext4");
        match device($name) {
            Ok(device) => device,
            Err(reason) => skip!("no ext4 on a loop device: {reason}"),
        }
    }};
}

#[track_caller]
fn assert_mounted_and_denied(bundle: &mut Bundle, device: &Loop) {
    for round in 0..ROUNDS {
        let node = format!("mknod:/nodes/disk:b:7:{}", device.minor());
        let tries = bundle.try_all(&["read:/disk/file", &node]);
        assert_eq!(tries[0], Try::Worked("of the device\n".to_owned()), "round {round}");
        assert_eq!(tries[1], Try::Failed("EPERM".to_owned()), "round {round}");
    }
}

#[test]
fn a_device_is_mounted_that_may_not_be_opened() {
    let device = device!("mounted");
    assert_mounted_and_denied(&mut mounting("mount", &device), &device);
}

#[test]
fn a_device_is_mounted_by_the_second_process() {
    let device = device!("second");
    let first = Bundle::new("first").sleeping();
    let path = format!("/proc/{}/ns/pid", first.pid());
    let mut bundle = mounting("guest", &device).config(|c| c.join_namespace("pid", &path));
    assert_mounted_and_denied(&mut bundle, &device);
}

/// In the container's cgroup a process of the host cannot open it either.
#[test]
fn hooks_find_the_rules_in_force() {
    let device = device!("hooked");
    let mut bundle = mounting("hook", &device);
    let seen = bundle.outside("seen");
    let (cgroup, node) = (bundle.cgroup(), &device.node);
    let hierarchy = if cgroup::is_v2() { "" } else { "/devices" };
    let look = |kind: &str| {
        let said = seen.join(kind).display().to_string();
        let enter = format!("echo $$ > /sys/fs/cgroup{hierarchy}{cgroup}/cgroup.procs");
        format!("head -c 1 {node} > /dev/null && {enter} && ! head -c 1 {node} 2> {said}")
    };
    for kind in ["prestart", "createRuntime"] {
        bundle.reconfigure(|c| c.hook(kind, &["/bin/sh", "-c", &look(kind)]));
    }
    assert_mounted_and_denied(&mut bundle, &device);
    for kind in ["prestart", "createRuntime"] {
        let said = fs::read_to_string(seen.join(kind)).expect("what head said");
        assert!(said.contains("Operation not permitted"), "{kind}: {said}");
    }
}

/// Without hooks, too: whose home it is is looked up in a file that the image may have made a device.
#[test]
fn no_device_of_the_image_is_opened_for_the_container() {
    let device = device!("image");
    let secret = match Loop::text("secret", "root:x:0:0::/secret:/bin/sh\n") {
        Ok(device) => device,
        Err(reason) => skip!("no loop device: {reason}"),
    };
    let bundle = mounting("image", &device);
    let passwd = bundle.rootfs("etc/passwd").display().to_string();
    let minor = secret.minor().to_string();
    let _ = fs::create_dir_all(bundle.rootfs("etc"));
    let _ = fs::remove_file(&passwd);
    bundle.plain(&["mknod", &passwd, "b", "7", &minor]).ok();
    assert_eq!(bundle.report().env("HOME"), Some("/"));
}

/// It would set its own list back with a daemon-reload.
#[test]
fn systemd_knows_the_rules_in_the_end() {
    unless!(driver::is_systemd(), "CREEL_TEST_SYSTEMD_CGROUP is not set");
    let device = device!("unit");
    let bundle = mounting("unit", &device).sleeping();
    let unit = format!("creel-{}.scope", bundle.id);
    let show = ["systemctl", "show", "--property", "DevicePolicy,DeviceAllow", &unit];
    let shown = bundle.plain(&show).ok().stdout();
    assert!(shown.lines().any(|line| line == "DevicePolicy=strict"), "{shown}");
    assert!(shown.lines().any(|line| line == "DeviceAllow=/dev/char/1:3 rwm"), "{shown}");
}
