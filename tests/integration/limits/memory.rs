//! Memory and swap. That memory over the limit is killed, and that `events` says so, is in `events.rs`.

use serde_json::json;

use super::{limited, value};
use crate::harness::{Bundle, cgroup, needs_cgroup, parse, unless, wait_until};

const MIB: u64 = 1 << 20;

/// Fills so much memory, and ends. Not with zeros, which the kernel need not keep when it swaps out huge pages.
fn eat(mebibytes: u32) -> String {
    format!("tr '\\0' x </dev/zero | dd iflag=fullblock of=/dev/null bs={mebibytes}M count=1")
}

/// Free swap of the host, in bytes.
fn free_swap() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("SwapFree:")).expect("SwapFree");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn memory_over_the_limit_goes_to_swap_as_far_as_that_is_allowed() {
    unless!(cgroup::has("memory"), "no memory controller here");
    unless!(free_swap() > 64 * MIB, "this host has no swap, or too little that is free");
    let memory =
        |limit: u64, swap: u64| json!({"memory": {"limit": limit * MIB, "swap": swap * MIB}});
    for (swap, code) in [(20, 137), (30, 137), (70, 0)] {
        limited("swap", &memory(20, swap), &eat(40)).run().exits(code);
    }
    let unlimited = json!({"memory": {"limit": 20 * MIB, "swap": -1}});
    limited("swapfree", &unlimited, &eat(40)).run().ok();
}

#[test]
fn a_reservation_and_a_limit_of_swap_are_in_the_kernel() {
    unless!(cgroup::has("memory"), "no memory controller here");
    let memory = json!({"limit": 40 * MIB, "swap": 60 * MIB, "reservation": 16 * MIB});
    let bundle = limited("soft", &json!({"memory": memory}), "sleep 600");
    bundle.create_and_start();
    let soft = value(&bundle, ("memory", "memory.soft_limit_in_bytes"), "memory.low");
    assert_eq!(soft, (16 * MIB).to_string());
    let swap = value(&bundle, ("memory", "memory.memsw.limit_in_bytes"), "memory.swap.max");
    let expected = if cgroup::is_v2() { 20 * MIB } else { 60 * MIB };
    assert_eq!(swap, expected.to_string());
}

#[test]
fn version_1_has_a_swappiness() {
    needs_cgroup!();
    unless!(!cgroup::is_v2(), "cgroup2 has no such setting");
    let bundle = limited("swappiness", &json!({"memory": {"swappiness": 7}}), "sleep 600");
    bundle.create_and_start();
    assert_eq!(value(&bundle, ("memory", "memory.swappiness"), ""), "7");
}

#[test]
fn without_the_oom_killer_a_process_waits_for_memory() {
    needs_cgroup!();
    unless!(!cgroup::is_v2(), "cgroup2 has no such setting");
    let memory = json!({"limit": 20 * MIB, "swap": 20 * MIB, "disableOOMKiller": true});
    let bundle = Bundle::new("waits").config(|c| {
        c.set("/linux/resources/memory", memory);
        // Not dd: memory that the kernel is to write to is not waited for.
        c.probe(&["report", &format!("memory:{}", 40 * MIB)]);
    });
    let output = bundle.create_and_start();
    wait_until("the process to wait for memory", || {
        value(&bundle, ("memory", "memory.oom_control"), "").contains("under_oom 1")
    });
    assert_eq!(bundle.status(), "running");
    bundle.cmd(&["update", "--memory", "100M", "--memory-swap", "100M", &bundle.id]).ok();
    bundle.wait_stopped();
    assert_eq!(parse(&output).tries.len(), 1);
}
