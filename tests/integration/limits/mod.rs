//! That every limit holds: what a container does beyond it fails, waits or is killed. What is only a number for the
//! kernel (a reservation, a class of packets) is looked up where the kernel keeps it.

mod block_io;
mod cpu;
mod memory;
mod network;
mod others;

use serde_json::Value;

use crate::harness::{Bundle, cgroup};

/// A bundle with busybox whose container may use these resources, beside the default device rules.
fn limited(name: &str, resources: &Value, script: &str) -> Bundle {
    Bundle::new(name).busybox().config(|c| {
        for (section, value) in resources.as_object().expect("an object") {
            c.set(&format!("/linux/resources/{section}"), value.clone());
        }
        c.args(&["/bin/sh", "-c", script]);
    })
}

/// A file of the container's cgroup.
#[track_caller]
fn value(bundle: &Bundle, v1: (&str, &str), v2: &str) -> String {
    cgroup::read(&bundle.cgroup(), v1, v2).unwrap_or_else(|| panic!("no {v1:?} or {v2}"))
}
