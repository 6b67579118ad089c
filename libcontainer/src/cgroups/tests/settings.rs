//! Every setting of a resource for itself, with values that no other has.

use serde_json::{Value, json};

use super::planning::{v1, v2, writes};

/// What the one setting becomes on version 1 and on cgroup2.
#[track_caller]
fn becomes(resources: Value, on_v1: &[&str], on_v2: &[&str]) {
    assert_eq!(writes(resources.clone(), &v1(false)), on_v1, "{resources}");
    assert_eq!(writes(resources.clone(), &v2()), on_v2, "{resources}");
}

/// The paths of what has no meaning on a host.
fn ignored(resources: Value, layout: &crate::cgroups::Layout) -> Vec<String> {
    let plan = super::planning::planned(resources, layout).unwrap();
    let paths = plan.ignored.iter().map(|ignored| &ignored.json_path);
    paths.map(|path| path.trim_start_matches("linux.resources.").to_owned()).collect()
}

#[test]
fn memory_of_sockets_and_of_what_is_below() {
    let given = json!({"memory": {"kernelTCP": 4096, "useHierarchy": false}});
    let write = "memory.kmem.tcp.limit_in_bytes=4096 (memory.kernelTCP)";
    becomes(given.clone(), &[write], &[]);
    assert_eq!(ignored(given.clone(), &v1(false)), ["memory.useHierarchy"]);
    assert_eq!(ignored(given, &v2()), ["memory.useHierarchy", "memory.kernelTCP"]);
}

#[test]
fn realtime() {
    let given = json!({"cpu": {"realtimePeriod": 5000, "realtimeRuntime": 4000}});
    let on_v1 = [
        "cpu.rt_period_us=5000 (cpu.realtimePeriod)",
        "cpu.rt_runtime_us=4000 (cpu.realtimeRuntime)",
    ];
    becomes(given.clone(), &on_v1, &[]);
    assert_eq!(ignored(given, &v2()), ["cpu.realtimePeriod", "cpu.realtimeRuntime"]);
}

#[test]
fn weights_of_block_devices() {
    let given = json!({"blockIO": {
        "weight": 300,
        "leafWeight": 400,
        "weightDevice": [{"major": 8, "minor": 1, "weight": 20, "leafWeight": 30}],
    }});
    becomes(
        given.clone(),
        &[
            "blkio.weight=300 (blockIO.weight)",
            "blkio.leaf_weight=400 (blockIO.leafWeight)",
            "blkio.weight_device=8:1 20 (blockIO.weightDevice[0].weight)",
            "blkio.leaf_weight_device=8:1 30 (blockIO.weightDevice[0].leafWeight)",
        ],
        &[
            "io.bfq.weight=300 (blockIO.weight)",
            "io.bfq.weight=8:1 20 (blockIO.weightDevice[0].weight)",
        ],
    );
    let paths = ["blockIO.leafWeight", "blockIO.weightDevice[0].leafWeight"];
    assert_eq!(ignored(given, &v2()), paths);
}

#[test]
fn rates_of_block_devices() {
    let device = |minor: u32, rate: u32| json!([{"major": 8, "minor": minor, "rate": rate}]);
    let given = json!({"blockIO": {
        "throttleReadBpsDevice": device(1, 1000),
        "throttleWriteBpsDevice": device(2, 2000),
        "throttleReadIOPSDevice": device(3, 3000),
        "throttleWriteIOPSDevice": device(4, 4000),
    }});
    becomes(
        given,
        &[
            "blkio.throttle.read_bps_device=8:1 1000 (blockIO.throttleReadBpsDevice[0])",
            "blkio.throttle.write_bps_device=8:2 2000 (blockIO.throttleWriteBpsDevice[0])",
            "blkio.throttle.read_iops_device=8:3 3000 (blockIO.throttleReadIOPSDevice[0])",
            "blkio.throttle.write_iops_device=8:4 4000 (blockIO.throttleWriteIOPSDevice[0])",
        ],
        &[
            "io.max=8:1 rbps=1000 (blockIO.throttleReadBpsDevice[0])",
            "io.max=8:2 wbps=2000 (blockIO.throttleWriteBpsDevice[0])",
            "io.max=8:3 riops=3000 (blockIO.throttleReadIOPSDevice[0])",
            "io.max=8:4 wiops=4000 (blockIO.throttleWriteIOPSDevice[0])",
        ],
    );
}
