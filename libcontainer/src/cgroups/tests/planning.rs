//! Plans for every kind of host, made without root and compared as tables.

use std::path::Path;

use oci_spec::runtime::LinuxResources;
use serde_json::{Value, json};

use crate::cgroups::{
    CgroupMount, Error, Hierarchy, Kind, Layout, OwnCgroups, Plan, Request, Unified,
    needs_own_cgroups, plan,
};

pub(super) fn v2() -> Layout {
    Layout::V2 { mount: "/sys/fs/cgroup".into() }
}

/// Debian's hybrid layout with a few controllers, or pure version 1.
pub(super) fn v1(unified: bool) -> Layout {
    let names = [
        "cpu,cpuacct",
        "cpuset",
        "memory",
        "devices",
        "freezer",
        "blkio",
        "pids",
        "hugetlb",
        "net_cls,net_prio",
        "name=systemd",
    ];
    let hierarchy = |name: &&str| Hierarchy {
        controllers: name.split(',').map(str::to_owned).collect(),
        mount: Path::new("/sys/fs/cgroup").join(name.trim_start_matches("name=")),
        root: "/".into(),
    };
    Layout::V1 {
        hierarchies: names.iter().map(hierarchy).collect(),
        unified: unified.then(|| Unified {
            mount: "/sys/fs/cgroup/unified".into(),
            controllers: vec!["rdma".into()],
        }),
    }
}

pub(super) fn planned(mut resources: Value, layout: &Layout) -> Result<Plan, Error> {
    creel_conformance::take_out_below("linux.resources", &mut resources);
    let resources: LinuxResources = serde_json::from_value(resources).unwrap();
    let path = Path::new("/x");
    assert!(!needs_own_cgroups(Some(path)));
    let request = Request { id: "id", cgroups_path: Some(path), resources: Some(&resources) };
    plan(&request, layout, &OwnCgroups::default())
}

/// The writes as lines `file=value (where it is asked for)`, those of devices left out.
pub(super) fn writes(resources: Value, layout: &Layout) -> Vec<String> {
    let plan = planned(resources, layout).unwrap();
    let writes = plan.directories.iter().flat_map(|directory| &directory.writes);
    let limits = writes.filter(|write| !write.file.starts_with("devices."));
    let line = |write: &super::super::Write| {
        let path = write.json_path.trim_start_matches("linux.resources.");
        format!("{}={} ({path})", write.file, write.value)
    };
    limits.map(line).collect()
}

fn error_of(resources: Value, layout: &Layout) -> String {
    planned(resources, layout).unwrap_err().to_string()
}

#[test]
fn memory() {
    let given = json!({"memory": {"limit": 1000, "swap": 3000, "reservation": 500}});
    assert_eq!(
        writes(given.clone(), &v1(false)),
        [
            "memory.limit_in_bytes=1000 (memory.limit)",
            "memory.memsw.limit_in_bytes=3000 (memory.swap)",
            "memory.soft_limit_in_bytes=500 (memory.reservation)",
        ]
    );
    assert_eq!(
        writes(given, &v2()),
        [
            "memory.swap.max=2000 (memory.swap)",
            "memory.max=1000 (memory.limit)",
            "memory.low=500 (memory.reservation)",
        ]
    );
}

#[test]
fn memory_without_limit() {
    let given = json!({"memory": {"limit": -1}});
    assert_eq!(
        writes(given.clone(), &v1(false)),
        ["memory.memsw.limit_in_bytes=-1 (memory.swap)", "memory.limit_in_bytes=-1 (memory.limit)"]
    );
    assert_eq!(
        writes(given, &v2()),
        ["memory.swap.max=max (memory.swap)", "memory.max=max (memory.limit)"]
    );
    let unset = json!({"memory": {"limit": 0, "swap": 0}});
    assert!(writes(unset.clone(), &v1(false)).is_empty());
    assert!(writes(unset, &v2()).is_empty());
}

#[test]
fn swap_is_the_difference() {
    let line = |limit: i64, swap: i64| {
        writes(json!({"memory": {"limit": limit, "swap": swap}}), &v2())[0].clone()
    };
    assert_eq!(line(1000, 1000), "memory.swap.max=0 (memory.swap)");
    assert_eq!(line(1000, -1), "memory.swap.max=max (memory.swap)");
    assert_eq!(
        error_of(json!({"memory": {"limit": 1000, "swap": 999}}), &v2()),
        "linux.resources.memory.swap: found 999, allowed is at least linux.resources.memory.limit"
    );
    assert_eq!(
        error_of(json!({"memory": {"swap": 999}}), &v2()),
        "linux.resources.memory.swap: found 999, \
         allowed is a value beside linux.resources.memory.limit"
    );
}

#[test]
fn memory_settings_of_version_1_alone() {
    let given = json!({"memory": {"swappiness": 5, "disableOOMKiller": true, "kernel": 5}});
    assert_eq!(
        writes(given.clone(), &v1(false)),
        [
            "memory.swappiness=5 (memory.swappiness)",
            "memory.oom_control=1 (memory.disableOOMKiller)"
        ]
    );
    let plan = planned(given, &v2()).unwrap();
    let ignored: Vec<_> = plan.ignored.iter().map(|ignored| ignored.json_path.as_str()).collect();
    assert_eq!(
        ignored,
        [
            "linux.resources.memory.kernel",
            "linux.resources.memory.swappiness",
            "linux.resources.memory.disableOOMKiller"
        ]
    );
    assert_eq!(
        error_of(json!({"memory": {"swappiness": 101}}), &v1(false)),
        "linux.resources.memory.swappiness: found 101, allowed is 0 to 100"
    );
}

/// As with runc: on version 1 a number that the kernel does not have is an error, on cgroup2 the nearest is taken.
#[test]
fn shares_at_the_ends() {
    for shares in [1, 262_145] {
        let given = json!({"cpu": {"shares": shares}});
        let expected =
            format!("linux.resources.cpu.shares: found {shares}, allowed is 2 to 262144");
        assert_eq!(error_of(given.clone(), &v1(false)), expected);
        let weight = if shares == 1 { 1 } else { 10_000 };
        assert_eq!(writes(given, &v2()), [format!("cpu.weight={weight} (cpu.shares)")]);
    }
}

#[test]
fn cpu() {
    let given = json!({"cpu": {
        "shares": 1024, "quota": 50000, "period": 100000, "burst": 1000, "idle": 0,
        "cpus": "0-1", "mems": "0",
    }});
    assert_eq!(
        writes(given.clone(), &v1(true)),
        [
            "cpu.shares=1024 (cpu.shares)",
            "cpu.cfs_period_us=100000 (cpu.period)",
            "cpu.cfs_quota_us=50000 (cpu.quota)",
            "cpu.cfs_burst_us=1000 (cpu.burst)",
            "cpu.idle=0 (cpu.idle)",
            "cpuset.cpus=0-1 (cpu.cpus)",
            "cpuset.mems=0 (cpu.mems)",
        ]
    );
    assert_eq!(
        writes(given, &v2()),
        [
            "cpu.weight=100 (cpu.shares)",
            "cpu.idle=0 (cpu.idle)",
            "cpu.max=50000 100000 (cpu.quota)",
            "cpu.max.burst=1000 (cpu.burst)",
            "cpuset.cpus=0-1 (cpu.cpus)",
            "cpuset.mems=0 (cpu.mems)",
        ]
    );
}

#[test]
fn half_of_a_cpu_limit() {
    let line = |cpu: Value| writes(json!({"cpu": cpu}), &v2());
    assert_eq!(line(json!({"quota": 5000})), ["cpu.max=5000 100000 (cpu.quota)"]);
    assert_eq!(line(json!({"quota": -1})), ["cpu.max=max 100000 (cpu.quota)"]);
    assert_eq!(line(json!({"period": 2000})), ["cpu.max=max 2000 (cpu.period)"]);
    assert!(line(json!({"shares": 0, "quota": 0, "period": 0, "cpus": ""})).is_empty());
}

#[test]
fn pids() {
    for layout in [v1(false), v1(true), v2()] {
        let line = |limit: i64| writes(json!({"pids": {"limit": limit}}), &layout);
        assert_eq!(line(7), ["pids.max=7 (pids.limit)"]);
        assert_eq!(line(0), ["pids.max=0 (pids.limit)"]);
        assert_eq!(line(-1), ["pids.max=max (pids.limit)"]);
        assert!(writes(json!({}), &layout).is_empty());
    }
}

#[test]
fn block_io() {
    let given = json!({"blockIO": {
        "weight": 500,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 20}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1000}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 0}],
    }});
    assert_eq!(
        writes(given.clone(), &v1(false)),
        [
            "blkio.weight=500 (blockIO.weight)",
            "blkio.weight_device=8:0 20 (blockIO.weightDevice[0].weight)",
            "blkio.throttle.read_bps_device=8:0 1000 (blockIO.throttleReadBpsDevice[0])",
            "blkio.throttle.write_iops_device=8:16 0 (blockIO.throttleWriteIOPSDevice[0])",
        ]
    );
    assert_eq!(
        writes(given, &v2()),
        [
            "io.bfq.weight=500 (blockIO.weight)",
            "io.bfq.weight=8:0 20 (blockIO.weightDevice[0].weight)",
            "io.max=8:0 rbps=1000 (blockIO.throttleReadBpsDevice[0])",
            "io.max=8:16 wiops=max (blockIO.throttleWriteIOPSDevice[0])",
        ]
    );
}

#[test]
fn hugepages() {
    let given = json!({"hugepageLimits": [{"pageSize": "2MB", "limit": 4096}]});
    assert_eq!(
        writes(given.clone(), &v1(false)),
        [
            "hugetlb.2MB.limit_in_bytes=4096 (hugepageLimits[0].limit)",
            "hugetlb.2MB.rsvd.limit_in_bytes=4096 (hugepageLimits[0].limit)",
        ]
    );
    assert_eq!(
        writes(given, &v2()),
        [
            "hugetlb.2MB.max=4096 (hugepageLimits[0].limit)",
            "hugetlb.2MB.rsvd.max=4096 (hugepageLimits[0].limit)",
        ]
    );
    for size in ["", "MB", "2", "02MB", "2TB", "2mB", "../2MB", "2MB/x"] {
        let given = json!({"hugepageLimits": [{"pageSize": size, "limit": 4096}]});
        let error = planned(given, &v2()).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{size}");
    }
}

#[test]
fn network_and_rdma() {
    let given = json!({
        "network": {"classID": 9, "priorities": [{"name": "eth0", "priority": 3}]},
    });
    assert_eq!(
        writes(given.clone(), &v1(false)),
        [
            "net_cls.classid=9 (network.classID)",
            "net_prio.ifpriomap=eth0 3 (network.priorities[0])"
        ]
    );
    assert_eq!(
        error_of(given, &v2()),
        "linux.resources.network.classID: this host has no cgroup controller net_cls"
    );
    let given = json!({"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10}}});
    assert_eq!(
        writes(given.clone(), &v2()),
        ["rdma.max=mlx5_1 hca_handle=3 hca_object=10 (rdma.mlx5_1)"]
    );
    assert_eq!(
        error_of(given, &v1(false)),
        "linux.resources.rdma.mlx5_1: this host has no cgroup controller rdma"
    );
}

/// What no version 1 hierarchy has is limited on cgroup2, in its own way.
#[test]
fn controllers_beside_version_1() {
    let mut layout = v1(true);
    let Layout::V1 { hierarchies, unified: Some(unified) } = &mut layout else { panic!("not v1") };
    hierarchies.retain(|hierarchy| !["blkio", "hugetlb"].contains(&&*hierarchy.controllers[0]));
    unified.controllers = ["io", "hugetlb", "rdma"].map(str::to_owned).to_vec();
    let given = json!({
        "memory": {"limit": 1000, "kernel": 5, "swap": 500},
        "blockIO": {"leafWeight": 9, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 7}]},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4096}],
        "network": {"classID": 9},
        "rdma": {"mlx5_1": {"hcaHandles": 3}},
    });
    let plan = planned(given, &layout).unwrap();
    let unified = plan.directories.last().unwrap();
    assert_eq!(unified.kind, Kind::Unified);
    let files: Vec<_> = unified.writes.iter().map(|w| format!("{}={}", w.file, w.value)).collect();
    let expected = [
        "io.max=8:0 rbps=7",
        "hugetlb.2MB.max=4096",
        "hugetlb.2MB.rsvd.max=4096",
        "rdma.max=mlx5_1 hca_handle=3",
    ];
    assert_eq!(files, expected);
    let ignored: Vec<_> = plan.ignored.iter().map(|ignored| ignored.json_path.as_str()).collect();
    assert_eq!(ignored, ["linux.resources.memory.kernel", "linux.resources.blockIO.leafWeight"]);
    let paths = plan.record().paths;
    assert_eq!(paths["io"], paths[""]);
    assert_ne!(paths["memory"], paths[""]);
}

#[test]
fn unified_is_last_and_a_line_a_write() {
    let given = json!({
        "unified": {"memory.high": "5000", "io.max": "8:0 rbps=1\n8:16 rbps=2\n"},
        "pids": {"limit": 3},
    });
    assert_eq!(
        writes(given.clone(), &v2()),
        [
            "pids.max=3 (pids.limit)",
            "io.max=8:0 rbps=1 (unified[\"io.max\"])",
            "io.max=8:16 rbps=2 (unified[\"io.max\"])",
            "memory.high=5000 (unified[\"memory.high\"])",
        ]
    );
    assert!(matches!(planned(given, &v1(true)), Err(Error::UnifiedOnV1)));
    for file in ["", "..", "../memory.max", "a/b"] {
        let error = planned(json!({"unified": {file: "1"}}), &v2()).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{file}");
    }
}

#[test]
fn every_hierarchy_has_its_directory() {
    let resources = LinuxResources::default();
    let request = Request { id: "id", cgroups_path: None, resources: Some(&resources) };
    let own = OwnCgroups::parse("4:memory:/session\n0::/slice/own\n");
    let directories = |layout: &Layout| -> Vec<(Kind, String)> {
        let plan = plan(&request, layout, &own).unwrap();
        let paths = plan.directories.iter();
        paths.map(|d| (d.kind, d.path().to_str().unwrap().to_owned())).collect()
    };
    let hybrid = directories(&v1(true));
    assert_eq!(hybrid.len(), 11);
    assert_eq!(hybrid[2], (Kind::V1, "/sys/fs/cgroup/memory/session/id".to_owned()));
    assert_eq!(hybrid[9], (Kind::V1, "/sys/fs/cgroup/systemd/id".to_owned()));
    assert_eq!(hybrid[10], (Kind::Unified, "/sys/fs/cgroup/unified/slice/own/id".to_owned()));
    assert_eq!(directories(&v2()), [(Kind::V2, "/sys/fs/cgroup/slice/id".to_owned())]);
}

#[test]
fn mounts_show_the_containers_own_directories() {
    let plan = planned(json!({}), &v1(true)).unwrap();
    let mounts = plan.mounts(false);
    assert_eq!(mounts.len(), 10, "cgroup2 of a hybrid host is not shown");
    let cpu = CgroupMount {
        name: "cpu,cpuacct".into(),
        source: "/sys/fs/cgroup/cpu,cpuacct/x".into(),
        links: vec!["cpu".into(), "cpuacct".into()],
        read_only: false,
    };
    assert_eq!(mounts[0], cpu);
    let systemd = CgroupMount {
        name: "systemd".into(),
        source: "/sys/fs/cgroup/systemd/x".into(),
        links: Vec::new(),
        read_only: false,
    };
    assert_eq!(mounts[9], systemd);

    let plan = planned(json!({}), &v2()).unwrap();
    let source = |namespace| plan.mounts(namespace).remove(0).source;
    assert_eq!(source(true), Path::new("/sys/fs/cgroup/x"));
    assert_eq!(source(false), Path::new("/sys/fs/cgroup"));
}

/// The plan as `creel plan` and the snapshots show it.
#[test]
fn a_plan_as_json() {
    let given = json!({
        "pids": {"limit": 3},
        "blockIO": {"weight": 10},
        "devices": [{"allow": false, "access": "rwm"}],
    });
    let plan = serde_json::to_value(planned(given, &v2()).unwrap()).unwrap();
    let expected = json!({
        "directories": [{
            "kind": "v2",
            "mount": "/sys/fs/cgroup",
            "below": "x",
            "writes": [
                {"file": "pids.max", "value": "3", "jsonPath": "linux.resources.pids.limit"},
                {
                    "file": "io.bfq.weight",
                    "value": "10",
                    "jsonPath": "linux.resources.blockIO.weight",
                    "ifMissing": {"instead": {"file": "io.weight", "value": "default 1"}},
                },
            ],
        }],
        "deviceFilter": {"rules": [
            "deny a *:* rwm",
            "allow c *:* m",
            "allow b *:* m",
            "allow c 1:3 rwm",
            "allow c 1:5 rwm",
            "allow c 1:7 rwm",
            "allow c 1:8 rwm",
            "allow c 1:9 rwm",
            "allow c 5:0 rwm",
            "allow c 5:2 rwm",
            "allow c 10:200 rwm",
            "allow c 136:* rwm",
        ]},
    });
    assert_eq!(plan, expected);
}
