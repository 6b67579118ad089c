//! What is closed before the process starts: sysctls, read-only and masked paths, the propagation.

use super::harness::{changes, plan_of, refused};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// What `edit` changes when it is done to `linux`.
fn with(edit: impl FnOnce(&mut Value)) -> String {
    changes(|config| edit(&mut config["linux"]))
}

#[test]
fn masked_and_read_only_paths() {
    let edit = |linux: &mut Value| {
        linux["maskedPaths"] = json!(["/proc/kcore"]);
        linux["readonlyPaths"] = json!(["/proc/sys", "/sys/../etc"]);
    };
    assert_snapshot!(with(edit), @r"
      console
    - linux.readonlyPaths[0]: readonlyPath path=proc/bus
    - linux.readonlyPaths[1]: readonlyPath path=proc/fs
    - linux.readonlyPaths[2]: readonlyPath path=proc/irq
    - linux.readonlyPaths[3]: readonlyPath path=proc/sys
    - linux.readonlyPaths[4]: readonlyPath path=proc/sysrq-trigger
    - linux.maskedPaths[0]: maskPath path=proc/acpi
    - linux.maskedPaths[1]: maskPath path=proc/asound
    - linux.maskedPaths[2]: maskPath path=proc/kcore
    - linux.maskedPaths[3]: maskPath path=proc/keys
    - linux.maskedPaths[4]: maskPath path=proc/latency_stats
    - linux.maskedPaths[5]: maskPath path=proc/timer_list
    - linux.maskedPaths[6]: maskPath path=proc/timer_stats
    - linux.maskedPaths[7]: maskPath path=proc/sched_debug
    - linux.maskedPaths[8]: maskPath path=sys/firmware
    - linux.maskedPaths[9]: maskPath path=proc/scsi
    + linux.readonlyPaths[0]: readonlyPath path=proc/sys
    + linux.readonlyPaths[1]: readonlyPath path=etc
    + linux.maskedPaths[0]: maskPath path=proc/kcore
      readonlyRoot
    ");
}

#[test]
fn nothing_to_hide() {
    let plan = plan_of(|config| {
        config["linux"]["maskedPaths"] = json!([]);
        config["linux"].as_object_mut().unwrap().remove("readonlyPaths");
    });
    let names = super::text::names(&plan.inside);
    assert!(!names.iter().any(|name| name == "maskPath" || name == "readonlyPath"), "{names:?}");
}

/// Dots separate, unless a slash came first; then dots belong to names. Sorted, so that a plan does not
/// change with the order of a hash.
#[test]
fn sysctls() {
    let sysctl = json!({
        "net.ipv4.ip_forward": "1",
        "kernel.msgmax": "8192",
        "net.ipv4.conf.eth0/1.rp_filter": "2",
        "net/ipv4/conf/eth0.2/rp_filter": "0",
    });
    assert_snapshot!(with(|linux| linux["sysctl"] = sysctl), @r#"
      console
    + linux.sysctl["kernel.msgmax"]: sysctl path=sys/kernel/msgmax value=8192
    + linux.sysctl["net.ipv4.conf.eth0/1.rp_filter"]: sysctl path=sys/net/ipv4/conf/eth0.1/rp_filter value=2
    + linux.sysctl["net.ipv4.ip_forward"]: sysctl path=sys/net/ipv4/ip_forward value=1
    + linux.sysctl["net/ipv4/conf/eth0.2/rp_filter"]: sysctl path=sys/net/ipv4/conf/eth0.2/rp_filter value=0
      readonlyPath
    "#);
}

/// What the host could learn of comes after the pivot only.
#[test]
fn root_propagation() {
    let with = |value: &str| with(|linux| linux["rootfsPropagation"] = value.into());
    assert_snapshot!(with("shared"), @r"
      maskPath
    + linux.rootfsPropagation: rootPropagation flags=0x100000
      readonlyRoot
    ");
    assert_snapshot!(with("runbindable"), @r"
      maskPath
    + linux.rootfsPropagation: rootPropagation flags=0x24000
      readonlyRoot
    ");
    assert_snapshot!(with("private"), @r"
      umask
    - linux.rootfsPropagation: propagation flags=0x84000
    + linux.rootfsPropagation: propagation flags=0x44000
      root
    ");
    for default in ["", "slave", "rslave"] {
        assert_eq!(with(default), "", "{default}");
    }
}

#[test]
fn unknown_root_propagation() {
    let message = refused(|config| config["linux"]["rootfsPropagation"] = "public".into());
    assert!(
        message.starts_with("linux.rootfsPropagation: \"public\" is not supported"),
        "{message}"
    );
}
