//! `linux.resources`.

use serde_json::json;

use super::json::{Json, always, boolean, list, map, number, object, one_of};

/// All resources.
pub(super) fn resources() -> Json {
    object(vec![
        ("devices", 0.6, list(rule(), 0..5)),
        ("memory", 0.5, memory()),
        ("cpu", 0.5, cpu()),
        ("pids", 0.5, object(vec![("limit", 1.0, number(-1..1 << 20))])),
        ("blockIO", 0.1, block_io()),
        ("hugepageLimits", 0.05, list(pages(), 0..3)),
        ("network", 0.03, network()),
        ("rdma", 0.03, map(&["mlx5_0", "mlx5_1"], rdma())),
        ("unified", 0.05, map(&["memory.high", "pids.max"], one_of(&["max", "1000"]))),
    ])
}

fn rule() -> Json {
    object(vec![
        ("allow", 1.0, boolean()),
        ("type", 0.8, one_of(&["a", "b", "c"])),
        ("major", 0.7, number(0..300)),
        ("minor", 0.7, number(0..300)),
        ("access", 1.0, one_of(&["r", "w", "m", "rw", "rwm"])),
    ])
}

fn memory() -> Json {
    object(vec![
        ("limit", 0.7, number(1 << 24..1 << 30)),
        ("reservation", 0.3, number(1 << 20..1 << 24)),
        ("swap", 0.1, number(1 << 30..1 << 31)),
        ("kernel", 0.1, number(1 << 20..1 << 24)),
        ("kernelTCP", 0.1, number(1 << 20..1 << 24)),
        ("swappiness", 0.2, number(0..101)),
        ("disableOOMKiller", 0.2, boolean()),
        ("useHierarchy", 0.2, boolean()),
        ("checkBeforeUpdate", 0.2, boolean()),
    ])
}

fn cpu() -> Json {
    object(vec![
        ("shares", 0.6, number(2..262_145)),
        ("quota", 0.5, number(1000..1_000_000)),
        ("period", 0.5, number(1000..1_000_000)),
        ("burst", 0.2, number(0..1000)),
        ("realtimeRuntime", 0.1, number(0..1000)),
        ("realtimePeriod", 0.1, number(1000..2000)),
        ("cpus", 0.3, one_of(&["", "0", "0-1"])),
        ("mems", 0.3, one_of(&["", "0"])),
        ("idle", 0.1, number(0..2)),
    ])
}

fn block_io() -> Json {
    let device = |others: Vec<super::json::Member>| {
        let mut members = vec![("major", 1.0, number(0..300)), ("minor", 1.0, number(0..300))];
        members.extend(others);
        object(members)
    };
    let rates = || list(device(vec![("rate", 1.0, number(0..1 << 40))]), 0..3);
    let weights = vec![("weight", 0.5, number(10..1001)), ("leafWeight", 0.5, number(10..1001))];
    object(vec![
        ("weight", 0.4, number(10..1001)),
        ("leafWeight", 0.4, number(10..1001)),
        ("weightDevice", 0.4, list(device(weights), 0..3)),
        ("throttleReadBpsDevice", 0.4, rates()),
        ("throttleWriteBpsDevice", 0.4, rates()),
        ("throttleReadIOPSDevice", 0.4, rates()),
        ("throttleWriteIOPSDevice", 0.4, rates()),
    ])
}

fn pages() -> Json {
    object(vec![
        ("pageSize", 1.0, one_of(&["2MB", "1GB", "64KB"])),
        ("limit", 1.0, number(0..1 << 40)),
    ])
}

fn network() -> Json {
    let priority =
        object(vec![("name", 1.0, always(json!("eth0"))), ("priority", 1.0, number(0..10))]);
    object(vec![("classID", 0.5, number(0..1 << 20)), ("priorities", 0.5, list(priority, 0..3))])
}

fn rdma() -> Json {
    object(vec![("hcaHandles", 0.7, number(0..100)), ("hcaObjects", 0.7, number(0..100))])
}
