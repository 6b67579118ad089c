//! Block devices, on a loop device of the test's own.

use std::fs;

use serde_json::{Value, json};

use super::{limited, value};
use crate::harness::{Bundle, Cmd, Loop, cgroup, runc_deviates, skip, unless};

impl Loop {
    /// `{"major": 7, "minor": N, "KEY": VALUE}`
    fn limit(&self, key: &str, value: u64) -> Value {
        json!({"major": 7, "minor": self.minor(), key: value})
    }

    /// A container that has the device as /dev/disk, and these limits.
    fn container(&self, name: &str, block_io: &Value, script: &str) -> Bundle {
        limited(name, &json!({"blockIO": block_io}), script).config(|c| {
            let minor = self.minor();
            c.push(
                "/linux/devices",
                json!({"path": "/dev/disk", "type": "b", "major": 7, "minor": minor, "fileMode": 0o600}),
            );
            c.push(
                "/linux/resources/devices",
                json!({"allow": true, "type": "b", "major": 7, "minor": minor, "access": "rwm"}),
            );
        })
    }
}

fn has_block_io() -> bool {
    cgroup::has(if cgroup::is_v2() { "io" } else { "blkio" })
}

/// How long dd took, by the word of `time`: `real\t0m 1.95s`.
fn seconds(command: Cmd) -> f64 {
    let said = command.ok().stderr();
    let line =
        said.lines().find_map(|line| line.strip_prefix("real")).unwrap_or_else(|| panic!("{said}"));
    let (minutes, seconds) = line.trim().split_once("m ").expect("minutes");
    let number = |text: &str| text.trim_end_matches('s').parse::<f64>().expect("a number");
    number(minutes) * 60.0 + number(seconds)
}

const READ: &str = "time dd if=/dev/disk of=/dev/null bs=256k count=8 iflag=direct";
const WRITE: &str = "time dd if=/dev/zero of=/dev/disk bs=4k count=40 oflag=direct";

#[test]
fn reading_is_throttled_by_the_byte() {
    unless!(has_block_io(), "no controller for block devices here");
    let device = match Loop::new("read") {
        Ok(device) => device,
        Err(reason) => skip!("no loop device: {reason}"),
    };
    let freely = seconds(device.container("free", &json!({}), READ).on_bundle("run", &[]));
    let limit = json!({"throttleReadBpsDevice": [device.limit("rate", 1 << 20)]});
    // Two mebibytes at one a second; the kernel lets a first slice pass.
    let slowly = seconds(device.container("slow", &limit, READ).on_bundle("run", &[]));
    assert!(slowly > freely + 1.0, "{slowly} s, and {freely} s without");
}

#[test]
fn writing_is_throttled_by_the_operation_and_an_update_lifts_that() {
    runc_deviates!("update leaves throttling alone");
    unless!(has_block_io(), "no controller for block devices here");
    let device = match Loop::new("write") {
        Ok(device) => device,
        Err(reason) => skip!("no loop device: {reason}"),
    };
    let limit = json!({"throttleWriteIOPSDevice": [device.limit("rate", 20)]});
    let bundle = device.container("iops", &limit, "exec sleep 600");
    bundle.create_and_start();
    let write = || seconds(bundle.cmd(&["exec", &bundle.id, "/bin/sh", "-c", WRITE]));
    let slowly = write();
    assert!(slowly > 1.0, "40 writes at 20 a second took {slowly} s");
    let lifted = json!({"blockIO": {"throttleWriteIOPSDevice": [device.limit("rate", 0)]}});
    let update = bundle.cmd(&["update", "-r", "-", &bundle.id]);
    update.stdin(&lifted.to_string()).ok();
    let freely = write();
    assert!(freely < slowly - 0.7, "{freely} s after {slowly} s");
}

#[test]
fn what_was_written_is_in_the_statistics() {
    unless!(has_block_io(), "no controller for block devices here");
    let device = match Loop::new("count") {
        Ok(device) => device,
        Err(reason) => skip!("no loop device: {reason}"),
    };
    let bundle = device.container("count", &json!({}), "exec sleep 600");
    bundle.create_and_start();
    bundle.cmd(&["exec", &bundle.id, "/bin/sh", "-c", WRITE]).ok();
    let line = bundle.cmd(&["events", "--stats", &bundle.id]).ok().stdout();
    let line: Value = serde_json::from_str(&line).expect("JSON");
    let of_device = |list: &str, op: &str| {
        let entries = line["data"]["blkio"][list].as_array().cloned().unwrap_or_default();
        let entry = entries.into_iter().find(|e| {
            e["major"] == 7 && e["minor"].as_u64().unwrap_or(0) == device.minor() && e["op"] == op
        });
        entry.map(|entry| entry["value"].as_u64().expect("a number"))
    };
    assert_eq!(of_device("ioServiceBytesRecursive", "Write"), Some(40 * 4096), "{line}");
    assert_eq!(of_device("ioServicedRecursive", "Write"), Some(40), "{line}");
}

/// BFQ has the weights; the kernel takes one for a device that it schedules.
#[test]
fn weights_are_those_of_bfq() {
    unless!(has_block_io(), "no controller for block devices here");
    let device = match Loop::new("weight") {
        Ok(device) => device,
        Err(reason) => skip!("no loop device: {reason}"),
    };
    let name = device.node.trim_start_matches("/dev/");
    let scheduler = format!("/sys/block/{name}/queue/scheduler");
    unless!(fs::write(scheduler, "bfq").is_ok(), "this kernel has no BFQ");
    let weights = json!({"weight": 300, "weightDevice": [device.limit("weight", 700)]});
    let bundle = device.container("bfq", &weights, "exec sleep 600");
    bundle.create_and_start();
    let lines = |file: &str| value(&bundle, ("blkio", file), "io.bfq.weight");
    assert!(lines("blkio.bfq.weight").lines().any(|l| l.ends_with("300")));
    let line = format!("7:{} 700", device.minor());
    let devices = lines("blkio.bfq.weight_device");
    assert!(devices.lines().any(|l| l == line), "{devices}");
    bundle.cmd(&["update", "--blkio-weight", "400", &bundle.id]).ok();
    assert!(lines("blkio.bfq.weight").lines().any(|l| l.ends_with("400")));
    let devices = lines("blkio.bfq.weight_device");
    assert!(devices.lines().any(|l| l == line), "{devices}");
}
