//! Network devices that move into the container.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::json;

use crate::harness::{Bundle, needs_root, run, runc_deviates, unless};

/// A pair of virtual devices on the host, gone when the test is.
struct Pair {
    host: String,
    peer: String,
}

impl Pair {
    fn new(number: u32) -> Pair {
        let pid = std::process::id();
        let (host, peer) = (format!("ct{number}a{pid}"), format!("ct{number}b{pid}"));
        ip(&["link", "add", &host, "type", "veth", "peer", "name", &peer]);
        Pair { host, peer }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // Either end takes the other with it; in a container it went with the namespace.
        for name in [&self.host, &self.peer] {
            let _ = run(Command::new("ip").args(["link", "del", name]).stderr(Stdio::null()));
        }
    }
}

#[track_caller]
fn ip(words: &[&str]) -> String {
    let output = run(Command::new("ip").args(words)).expect("ip");
    assert!(output.status.success(), "ip {words:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn has_veth() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        let name = format!("ctv{}", std::process::id());
        let made = run(Command::new("ip").args(["link", "add", &name, "type", "veth"]));
        let made = made.is_ok_and(|output| output.status.success());
        let _ = run(Command::new("ip").args(["link", "del", &name]).stderr(Stdio::null()));
        made
    })
}

#[test]
fn a_device_moves_in_with_its_addresses_under_its_new_name() {
    runc_deviates!("netDevices came with 1.4");
    unless!(has_veth(), "there is no ip program or no veth");
    let pair = Pair::new(0);
    ip(&["addr", "add", "192.0.2.7/24", "dev", &pair.host]);
    ip(&["addr", "add", "2001:db8::7/64", "dev", &pair.host, "nodad"]);
    ip(&["link", "set", &pair.host, "mtu", "1400", "up"]);
    let bundle = Bundle::new("netdev").busybox().config(|c| {
        c.set("/linux/netDevices", json!({pair.host.as_str(): {"name": "lan0"}}));
        c.args(&["/bin/ip", "addr", "show", "dev", "lan0"]);
    });
    let text = bundle.run().ok().stdout();
    for word in ["inet 192.0.2.7/24", "inet6 2001:db8::7/64", "mtu 1400", ",UP"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
}

#[test]
fn without_a_name_it_keeps_its_own_and_leaves_the_host() {
    runc_deviates!("netDevices came with 1.4");
    unless!(has_veth(), "there is no ip program or no veth");
    let pair = Pair::new(1);
    let bundle = Bundle::new("netdevname").config(|c| {
        c.set("/linux/netDevices", json!({pair.host.as_str(): {}}));
    });
    let report = bundle.report();
    let moved = report.interfaces.iter().find(|i| i.name == pair.host).expect("the device");
    assert!(moved.up);
    let left = run(Command::new("ip").args(["link", "show", &pair.host]).stderr(Stdio::null()))
        .expect("ip");
    assert!(!left.status.success(), "it is still on the host");
}

/// There creel-init makes the network namespace itself, after it has joined the other.
#[test]
fn a_device_moves_into_a_new_namespace_of_a_joined_user_namespace() {
    runc_deviates!("netDevices came with 1.4");
    unless!(has_veth(), "there is no ip program or no veth");
    let mapped = |name: &str| {
        let bundle = Bundle::new(name).config(|c| {
            let map = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
            c.push("/linux/namespaces", json!({"type": "user"}));
            c.set("/linux/uidMappings", map.clone());
            c.set("/linux/gidMappings", map);
        });
        for path in [bundle.path(".."), bundle.path(""), bundle.rootfs("")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
        }
        bundle
    };
    let owner = mapped("netdevowner").sleeping();
    let proc = format!("/proc/{}/ns", owner.pid());
    // A joined user namespace; and a new one beside another that is joined.
    for (number, kind, path) in [(20, "user", "user"), (21, "uts", "uts")] {
        let pair = Pair::new(number);
        let bundle = mapped("netdevguest").config(|c| {
            c.remove("/hostname");
            c.join_namespace(kind, &format!("{proc}/{path}"));
            c.set("/linux/netDevices", json!({&pair.host: {"name": "lan0"}}));
        });
        let interfaces = bundle.report().interfaces;
        assert!(interfaces.iter().any(|i| i.name == "lan0" && i.up), "{kind}: {interfaces:?}");
    }
}

#[test]
fn a_device_moves_into_a_joined_namespace() {
    runc_deviates!("netDevices came with 1.4");
    unless!(has_veth(), "there is no ip program or no veth");
    let pair = Pair::new(2);
    let owner = Bundle::new("netowner").sleeping();
    let path = format!("/proc/{}/ns/net", owner.pid());
    let guest = Bundle::new("netguest").config(|c| {
        c.join_namespace("network", &path);
        c.set("/linux/netDevices", json!({pair.host.as_str(): {"name": "lan1"}}));
    });
    assert!(guest.report().interfaces.iter().any(|i| i.name == "lan1"));
}

#[test]
fn a_device_that_is_not_there_is_refused() {
    needs_root!("the host's devices belong to root");
    runc_deviates!("netDevices came with 1.4");
    let bundle = Bundle::new("nonetdev").config(|c| {
        c.set("/linux/netDevices", json!({"ctnone0": {}}));
    });
    bundle.run().refused(&["linux.netDevices", "ctnone0"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_device_needs_a_network_namespace() {
    runc_deviates!("netDevices came with 1.4");
    let bundle = Bundle::new("netdevhost").config(|c| {
        c.without_namespace("network");
        c.set("/linux/netDevices", json!({"lo": {}}));
    });
    bundle.run().refused(&["linux.netDevices", "namespace"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_name_that_no_device_can_have_is_refused() {
    runc_deviates!("netDevices came with 1.4");
    let bundle = Bundle::new("netdevbad").config(|c| {
        c.set("/linux/netDevices", json!({"ctnone0": {"name": "much-too-long-a-name"}}));
    });
    bundle.run().refused(&["linux.netDevices", "much-too-long-a-name", "15"]);
    bundle.assert_nothing_left();
}
