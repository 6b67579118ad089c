//! Device nodes: the default ones with their links, and those that `linux.devices` asks for.

use creel_probe::{Node, Try};
use serde_json::json;

use crate::harness::{Bundle, needs_root, rootless, runc_deviates};

const DEFAULT: [(&str, u64, u64); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

fn node(bundle: &mut Bundle, path: &str) -> Node {
    match bundle.try_inside(&format!("stat:{path}")) {
        Try::Node(node) => node,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn default_devices_are_there_for_everyone() {
    let report = Bundle::new("default").report();
    for (name, major, minor) in DEFAULT {
        let node = report.dev(name).unwrap_or_else(|| panic!("no /dev/{name}"));
        assert_eq!(node.kind, "char", "{name}");
        assert_eq!((node.major, node.minor), (major, minor), "{name}");
        assert_eq!(node.mode, 0o666, "{name}");
        assert_eq!((node.uid, node.gid), rootless::owner_of_hosts(), "{name}");
    }
}

#[test]
fn default_links_are_there() {
    let report = Bundle::new("links").report();
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        let node = report.dev(name).unwrap_or_else(|| panic!("no /dev/{name}"));
        assert_eq!(node.link.as_deref(), Some(target), "{name}");
    }
}

#[test]
fn nothing_else_is_in_dev() {
    let report = Bundle::new("only").report();
    let expected = [
        "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin",
        "stdout", "tty", "urandom", "zero",
    ];
    for node in &report.dev {
        assert!(expected.contains(&node.name.as_str()), "unexpected /dev/{}", node.name);
    }
}

#[test]
fn default_devices_work() {
    let mut bundle = Bundle::new("work").config(|c| {
        c.set("/process/user", json!({"uid": 1000, "gid": 1000}));
    });
    let words = ["read:/dev/null", "write:/dev/null", "read:/dev/urandom", "write:/dev/zero"];
    for (word, result) in words.iter().zip(bundle.try_all(&words)) {
        assert!(matches!(result, Try::Worked(_)), "{word}: {result:?}");
    }
}

#[test]
fn a_pseudo_terminal_can_be_opened() {
    let mut bundle = Bundle::new("ptmx");
    assert_eq!(bundle.try_inside("write:/dev/ptmx"), Try::Worked(String::new()));
}

#[test]
fn a_device_with_mode_and_owner() {
    needs_root!("no device can be made in a user namespace");
    let mut bundle = Bundle::new("device").config(|c| {
        let device = json!({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229,
                            "fileMode": 0o640, "uid": 1000, "gid": 5});
        c.push("/linux/devices", device);
    });
    let node = node(&mut bundle, "/dev/fuse");
    assert_eq!((node.kind.as_str(), node.major, node.minor), ("char", 10, 229));
    assert_eq!((node.mode, node.uid, node.gid), (0o640, 1000, 5));
}

#[test]
fn a_device_in_a_directory_that_has_to_be_made() {
    let mut bundle = Bundle::new("subdir").config(|c| {
        let device = json!({"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200});
        c.push("/linux/devices", device);
    });
    let node = node(&mut bundle, "/dev/net/tun");
    assert_eq!((node.kind.as_str(), node.major, node.minor), ("char", 10, 200));
    assert_eq!((node.uid, node.gid), rootless::owner_of_hosts());
    if !rootless::is_rootless() {
        assert_eq!(node.mode, 0o666);
    }
}

#[test]
fn block_devices_fifos_and_the_type_u() {
    needs_root!("no device can be made in a user namespace");
    let mut bundle = Bundle::new("types").config(|c| {
        for device in [
            json!({"path": "/dev/disk", "type": "b", "major": 7, "minor": 300, "fileMode": 0o600}),
            json!({"path": "/dev/pipe", "type": "p", "fileMode": 0o622}),
            json!({"path": "/dev/raw", "type": "u", "major": 1, "minor": 3}),
        ] {
            c.push("/linux/devices", device);
        }
    });
    let block = node(&mut bundle, "/dev/disk");
    assert_eq!((block.kind.as_str(), block.major, block.minor), ("block", 7, 300));
    assert_eq!(block.mode, 0o600);
    let fifo = node(&mut bundle, "/dev/pipe");
    assert_eq!((fifo.kind.as_str(), fifo.mode), ("fifo", 0o622));
    let raw = node(&mut bundle, "/dev/raw");
    assert_eq!((raw.kind.as_str(), raw.major, raw.minor), ("char", 1, 3));
}

#[test]
fn the_mode_does_not_depend_on_the_umask() {
    let bundle = Bundle::new("umask").config(|c| c.set("/process/user/umask", 0o077));
    let wrapper = ["sh", "-c", "umask 077; exec \"$@\"", "sh"];
    let output = bundle.wrapped(&wrapper, &["run", "-b", &bundle.bundle_path(), &bundle.id]).ok();
    let report = crate::harness::parse(&output);
    assert_eq!(report.dev("null").expect("/dev/null").mode, 0o666);
}

#[test]
fn a_listed_default_device_is_no_conflict() {
    let mut bundle = Bundle::new("listed").config(|c| {
        let device =
            json!({"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666});
        c.push("/linux/devices", device);
        let rule = json!({"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"});
        c.push("/linux/resources/devices", rule);
    });
    let node = node(&mut bundle, "/dev/null");
    assert_eq!((node.major, node.minor, node.mode), (1, 3, 0o666));
}

#[test]
fn an_existing_node_that_does_not_match_is_refused() {
    runc_deviates!("what is there is taken as it is");
    let bundle = Bundle::new("mismatch").file("odd/device", "a file\n").config(|c| {
        let device = json!({"path": "/odd/device", "type": "c", "major": 1, "minor": 3});
        c.push("/linux/devices", device);
    });
    bundle.run().refused(&["/odd/device"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_device_of_an_unknown_type_is_refused() {
    let bundle = Bundle::new("badtype").config(|c| {
        c.push("/linux/devices", json!({"path": "/dev/x", "type": "z", "major": 1, "minor": 3}));
    });
    bundle.run().refused(&["linux.devices[0]"]);
    bundle.assert_nothing_left();
}

/// An image without a /dev of its own mount may have other links, as /dev/stdin -> fd/0.
#[test]
fn links_of_the_image_stay() {
    let bundle = Bundle::new("imagelinks").link("dev/stdin", "fd/0").dir("dev/core").config(|c| {
        for target in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] {
            c.without_mount(target);
        }
        c.set("/root/readonly", false);
    });
    bundle.report();
    let link = |name: &str| std::fs::read_link(bundle.rootfs(name)).expect("a link");
    assert_eq!(link("dev/stdin").to_str(), Some("fd/0"));
    assert_eq!(link("dev/stdout").to_str(), Some("/proc/self/fd/1"));
}
