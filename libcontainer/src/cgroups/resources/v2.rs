//! Resources as files of cgroup2 (the kernel's admin-guide/cgroup-v2).

use std::collections::BTreeMap;

use oci_spec::runtime::{
    LinuxBlockIo, LinuxCpu, LinuxHugepageLimit, LinuxMemory, LinuxNetwork, LinuxResources,
    LinuxThrottleDevice,
};

use super::convert::{io_weight, or_max, weight_from_shares};
use super::{Writes, check_page_size, invalid};
use crate::cgroups::error::Error;
use crate::cgroups::plan::IfMissing;

/// Plan every resource but devices; `unified` comes last.
pub(in crate::cgroups) fn plan(
    resources: &LinuxResources,
    writes: &mut Writes,
) -> Result<(), Error> {
    if let Some(cpu) = resources.cpu() {
        plan_cpu(cpu, writes);
    }
    if let Some(memory) = resources.memory() {
        plan_memory(memory, writes)?;
    }
    if let Some(pids) = resources.pids() {
        writes.push("pids", "pids.max", or_max(pids.limit()), "linux.resources.pids.limit");
    }
    if let Some(block_io) = resources.block_io() {
        plan_block_io(block_io, writes);
    }
    if let Some(limits) = resources.hugepage_limits() {
        plan_hugepages(limits, writes)?;
    }
    if let Some(network) = resources.network() {
        check_network(network)?;
    }
    plan_rdma(resources, writes);
    plan_unified(resources, writes)
}

fn plan_cpu(cpu: &LinuxCpu, writes: &mut Writes) {
    let path = |name: &str| format!("linux.resources.cpu.{name}");
    // An idle cgroup has no weight that could be set, so the weight comes first.
    if let Some(shares) = cpu.shares().filter(|shares| *shares != 0) {
        writes.push("cpu", "cpu.weight", weight_from_shares(shares), path("shares"));
    }
    if let Some(idle) = cpu.idle() {
        writes.push("cpu", "cpu.idle", idle, path("idle"));
    }
    let quota = cpu.quota().filter(|quota| *quota != 0);
    let period = cpu.period().filter(|period| *period != 0);
    if quota.is_some() || period.is_some() {
        let value = format!("{} {}", or_max(quota.unwrap_or(-1)), period.unwrap_or(100_000));
        let name = if quota.is_some() { "quota" } else { "period" };
        writes.push("cpu", "cpu.max", value, path(name));
    }
    if let Some(burst) = cpu.burst() {
        writes.push("cpu", "cpu.max.burst", burst, path("burst"));
    }
    let no_realtime = "cgroup2 does not divide realtime among cgroups";
    if cpu.realtime_period().is_some_and(|period| period != 0) {
        writes.ignore(&path("realtimePeriod"), no_realtime);
    }
    if cpu.realtime_runtime().is_some_and(|runtime| runtime != 0) {
        writes.ignore(&path("realtimeRuntime"), no_realtime);
    }
    if let Some(cpus) = cpu.cpus().as_ref().filter(|cpus| !cpus.is_empty()) {
        writes.push("cpuset", "cpuset.cpus", cpus, path("cpus"));
    }
    if let Some(mems) = cpu.mems().as_ref().filter(|mems| !mems.is_empty()) {
        writes.push("cpuset", "cpuset.mems", mems, path("mems"));
    }
}

fn plan_memory(memory: &LinuxMemory, writes: &mut Writes) -> Result<(), Error> {
    let path = |name: &str| format!("linux.resources.memory.{name}");
    if let Some(swap) = swap_alone(memory)? {
        let write = writes.push("memory", "memory.swap.max", or_max(swap), path("swap"));
        if swap <= 0 {
            // Without swap on the host there is no such file, and nothing to allow or forbid.
            write.if_missing = IfMissing::Skip;
        }
    }
    if let Some(limit) = memory.limit().filter(|limit| *limit != 0) {
        writes.push("memory", "memory.max", or_max(limit), path("limit"));
    }
    if let Some(reservation) = memory.reservation().filter(|reservation| *reservation != 0) {
        writes.push("memory", "memory.low", or_max(reservation), path("reservation"));
    }
    let only_v1 = "cgroup2 has no such setting";
    if memory.kernel().is_some_and(|kernel| kernel != 0) {
        writes.ignore(&path("kernel"), only_v1);
    }
    if memory.use_hierarchy() == Some(false) {
        writes.ignore(&path("useHierarchy"), "the kernel always counts what is below, too");
    }
    if memory.kernel_tcp().is_some_and(|tcp| tcp != 0) {
        writes.ignore(&path("kernelTCP"), only_v1);
    }
    if memory.swappiness().is_some() {
        writes.ignore(&path("swappiness"), only_v1);
    }
    if memory.disable_oom_killer() == Some(true) {
        writes.ignore(&path("disableOOMKiller"), only_v1);
    }
    Ok(())
}

/// `memory.swap` is memory and swap together, `memory.swap.max` is swap alone.
fn swap_alone(memory: &LinuxMemory) -> Result<Option<i64>, Error> {
    let json_path = "linux.resources.memory.swap";
    let limit = memory.limit().unwrap_or(0);
    match memory.swap().unwrap_or(0) {
        // What lifts the limit of memory lifts that of swap.
        0 if limit == -1 => Ok(Some(-1)),
        0 => Ok(None),
        swap if swap < 0 => Ok(Some(-1)),
        swap if limit <= 0 => {
            Err(invalid(json_path, swap, "a value beside linux.resources.memory.limit"))
        }
        swap if swap < limit => {
            Err(invalid(json_path, swap, "at least linux.resources.memory.limit"))
        }
        swap => Ok(Some(swap - limit)),
    }
}

fn plan_block_io(block_io: &LinuxBlockIo, writes: &mut Writes) {
    let path = |name: &str| format!("linux.resources.blockIO.{name}");
    if let Some(weight) = block_io.weight().filter(|weight| *weight != 0) {
        let write = writes.push("io", "io.bfq.weight", weight, path("weight"));
        let value = format!("default {}", io_weight(weight));
        write.if_missing = IfMissing::Instead { file: "io.weight".to_owned(), value };
    }
    let no_leaf = "cgroup2 has no weight for the processes beside the child cgroups";
    if block_io.leaf_weight().is_some_and(|weight| weight != 0) {
        writes.ignore(&path("leafWeight"), no_leaf);
    }
    for (index, device) in block_io.weight_device().iter().flatten().enumerate() {
        let number = format!("{}:{}", device.major(), device.minor());
        if let Some(weight) = device.weight() {
            let path = path(&format!("weightDevice[{index}].weight"));
            let write = writes.push("io", "io.bfq.weight", format!("{number} {weight}"), path);
            let value = format!("{number} {}", io_weight(weight));
            write.if_missing = IfMissing::Instead { file: "io.weight".to_owned(), value };
        }
        if device.leaf_weight().is_some() {
            writes.ignore(&path(&format!("weightDevice[{index}].leafWeight")), no_leaf);
        }
    }
    let mut throttle = |devices: &Option<Vec<LinuxThrottleDevice>>, key: &str, name: &str| {
        for (index, device) in devices.iter().flatten().enumerate() {
            // Version 1 takes a limit away with 0.
            let rate =
                if device.rate() == 0 { "max".to_owned() } else { device.rate().to_string() };
            let value = format!("{}:{} {key}={rate}", device.major(), device.minor());
            writes.push("io", "io.max", value, path(&format!("{name}[{index}]")));
        }
    };
    throttle(block_io.throttle_read_bps_device(), "rbps", "throttleReadBpsDevice");
    throttle(block_io.throttle_write_bps_device(), "wbps", "throttleWriteBpsDevice");
    throttle(block_io.throttle_read_iops_device(), "riops", "throttleReadIOPSDevice");
    throttle(block_io.throttle_write_iops_device(), "wiops", "throttleWriteIOPSDevice");
}

fn plan_hugepages(limits: &[LinuxHugepageLimit], writes: &mut Writes) -> Result<(), Error> {
    for (index, limit) in limits.iter().enumerate() {
        let size = limit.page_size();
        check_page_size(size, index)?;
        let path = format!("linux.resources.hugepageLimits[{index}].limit");
        let value = or_max(limit.limit());
        writes.push("hugetlb", format!("hugetlb.{size}.max"), &value, path.as_str());
        // Reservations are counted apart since Linux 5.7.
        let reserved = format!("hugetlb.{size}.rsvd.max");
        writes.push("hugetlb", reserved, value, path).if_missing = IfMissing::Skip;
    }
    Ok(())
}

/// cgroup2 has no controllers for network classes.
fn check_network(network: &LinuxNetwork) -> Result<(), Error> {
    let missing = |controller: &str, name: &str| {
        let json_path = format!("linux.resources.network.{name}");
        Err(Error::MissingController { controller: controller.to_owned(), json_path })
    };
    if network.class_id().is_some_and(|class| class != 0) {
        return missing("net_cls", "classID");
    }
    match network.priorities().as_ref().is_some_and(|list| !list.is_empty()) {
        true => missing("net_prio", "priorities"),
        false => Ok(()),
    }
}

/// `rdma.max` is the same file in both versions.
pub(super) fn plan_rdma(resources: &LinuxResources, writes: &mut Writes) {
    let devices: BTreeMap<_, _> = resources.rdma().iter().flatten().collect();
    for (device, limit) in devices {
        let mut value = device.clone();
        if let Some(handles) = limit.hca_handles() {
            value.push_str(&format!(" hca_handle={handles}"));
        }
        if let Some(objects) = limit.hca_objects() {
            value.push_str(&format!(" hca_object={objects}"));
        }
        writes.push("rdma", "rdma.max", value, format!("linux.resources.rdma.{device}"));
    }
}

/// Files by their own names, a line a write (some take one key at a time).
fn plan_unified(resources: &LinuxResources, writes: &mut Writes) -> Result<(), Error> {
    let files: BTreeMap<_, _> = resources.unified().iter().flatten().collect();
    for (file, value) in files {
        let json_path = format!("linux.resources.unified[{file:?}]");
        if file.is_empty() || file.contains('/') || file == "." || file == ".." {
            return Err(invalid(json_path, file, "the name of a file, such as memory.high"));
        }
        for line in value.lines().filter(|line| !line.is_empty()) {
            writes.push("unified", file.as_str(), line, json_path.as_str());
        }
    }
    Ok(())
}
