//! The five capability sets.

use serde_json::json;

use crate::harness::{Bundle, DEFAULT_CAPABILITIES, rootless, runc_deviates};

/// The default set in the kernel's order.
const ORDERED: [&str; 3] = ["CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE"];

#[test]
fn root_has_what_is_given_and_no_more() {
    let caps = Bundle::new("caps").report().capabilities;
    assert_eq!(caps.bounding, ORDERED);
    assert_eq!(caps.permitted, ORDERED);
    assert_eq!(caps.effective, ORDERED);
    assert!(caps.inheritable.is_empty(), "{:?}", caps.inheritable);
    assert!(caps.ambient.is_empty(), "{:?}", caps.ambient);
}

#[test]
fn without_the_property_there_are_none() {
    let bundle = Bundle::new("nocaps").config(|c| c.remove("/process/capabilities"));
    let caps = bundle.report().capabilities;
    for set in [caps.bounding, caps.permitted, caps.effective, caps.inheritable, caps.ambient] {
        assert!(set.is_empty(), "{set:?}");
    }
}

#[test]
fn a_bounding_set_alone_gives_root_its_capabilities_at_execve() {
    let bundle = Bundle::new("bounding").config(|c| {
        c.set("/process/capabilities", json!({"bounding": ["CAP_KILL", "CAP_CHOWN"]}));
    });
    let caps = bundle.report().capabilities;
    assert_eq!(caps.bounding, ["CAP_CHOWN", "CAP_KILL"]);
    assert!(caps.inheritable.is_empty() && caps.ambient.is_empty());
}

#[test]
fn another_user_keeps_only_the_bounding_set() {
    let bundle = Bundle::new("usercaps")
        .config(|c| c.set("/process/user", json!({"uid": 1000, "gid": 1000})));
    let caps = bundle.report().capabilities;
    assert_eq!(caps.bounding, ORDERED);
    assert!(caps.permitted.is_empty(), "{:?}", caps.permitted);
    assert!(caps.effective.is_empty(), "{:?}", caps.effective);
}

#[test]
fn another_user_keeps_ambient_capabilities() {
    let bundle = Bundle::new("ambient").config(|c| {
        c.set("/process/user", json!({"uid": 1000, "gid": 1000}));
        c.set("/process/capabilities/inheritable", json!(["CAP_KILL"]));
        c.set("/process/capabilities/ambient", json!(["CAP_KILL"]));
    });
    let caps = bundle.report().capabilities;
    assert_eq!(caps.ambient, ["CAP_KILL"]);
    assert_eq!(caps.inheritable, ["CAP_KILL"]);
    assert_eq!(caps.effective, ["CAP_KILL"]);
    assert_eq!(caps.permitted, ["CAP_KILL"]);
    assert_eq!(caps.bounding, ORDERED);
}

#[test]
fn inheritable_capabilities_are_set_when_given() {
    let bundle = Bundle::new("inheritable").config(|c| {
        c.set("/process/capabilities/inheritable", DEFAULT_CAPABILITIES.as_slice());
    });
    assert_eq!(bundle.report().capabilities.inheritable, ORDERED);
}

#[test]
fn a_capability_nobody_knows_is_a_warning() {
    let bundle = Bundle::new("unknowncap").config(|c| {
        c.capabilities(&["CAP_KILL", "CAP_NONESUCH"]);
    });
    let output = bundle.run().ok();
    assert_eq!(crate::harness::parse(&output).capabilities.bounding, ["CAP_KILL"]);
    assert!(output.stderr().contains("CAP_NONESUCH"), "no warning: {}", output.stderr());
}

/// This machine's root may lack some: a capability that cannot be given does not stop a start.
#[test]
fn a_capability_that_cannot_be_granted_does_not_stop_the_container() {
    runc_deviates!("it fails where the spec wants a warning");
    let bundle =
        Bundle::new("allcaps").config(|c| c.capabilities(&creel_probe::capabilities::NAMES));
    let caps = bundle.report().capabilities;
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let bounding = status.lines().find_map(|l| l.strip_prefix("CapBnd:\t")).expect("CapBnd");
    let mut bounding = u64::from_str_radix(bounding, 16).expect("hexadecimal");
    if rootless::is_rootless() {
        // In a user namespace of its own a process can have all that there are.
        bounding = (1 << creel_probe::capabilities::NAMES.len()) - 1;
    }
    assert_eq!(caps.bounding, creel_probe::capabilities::names(bounding));
}
