//! Resources as files of version 1 controllers (cgroups(7), kernel's admin-guide/cgroup-v1).

use oci_spec::runtime::{
    LinuxBlockIo, LinuxCpu, LinuxHugepageLimit, LinuxMemory, LinuxNetwork, LinuxPids,
    LinuxResources, LinuxThrottleDevice,
};

use super::convert::or_max;
use super::{Writes, check_page_size, invalid};
use crate::cgroups::error::Error;
use crate::cgroups::plan::IfMissing;

/// Plan every resource but devices.
pub(in crate::cgroups) fn plan(
    resources: &LinuxResources,
    writes: &mut Writes,
) -> Result<(), Error> {
    if let Some(cpu) = resources.cpu() {
        plan_cpu(cpu, writes)?;
    }
    if let Some(memory) = resources.memory() {
        plan_memory(memory, writes)?;
    }
    if let Some(pids) = resources.pids() {
        plan_pids(pids, writes);
    }
    if let Some(block_io) = resources.block_io() {
        plan_block_io(block_io, writes);
    }
    if let Some(limits) = resources.hugepage_limits() {
        plan_hugepages(limits, writes)?;
    }
    if let Some(network) = resources.network() {
        plan_network(network, writes);
    }
    super::v2::plan_rdma(resources, writes);
    match resources.unified().as_ref().is_some_and(|unified| !unified.is_empty()) {
        true => Err(Error::UnifiedOnV1),
        false => Ok(()),
    }
}

fn plan_cpu(cpu: &LinuxCpu, writes: &mut Writes) -> Result<(), Error> {
    let path = |name: &str| format!("linux.resources.cpu.{name}");
    if let Some(shares) = cpu.shares().filter(|shares| *shares != 0) {
        // The kernel takes the nearest value that it has, without a word.
        if !(2..=262_144).contains(&shares) {
            return Err(invalid(path("shares"), shares, "2 to 262144"));
        }
        writes.push("cpu", "cpu.shares", shares, path("shares"));
    }
    if let Some(period) = cpu.realtime_period().filter(|period| *period != 0) {
        writes.push("cpu", "cpu.rt_period_us", period, path("realtimePeriod"));
    }
    if let Some(runtime) = cpu.realtime_runtime().filter(|runtime| *runtime != 0) {
        writes.push("cpu", "cpu.rt_runtime_us", runtime, path("realtimeRuntime"));
    }
    // A quota is checked against the period that is there, so the period comes first, and the
    // burst may not exceed the quota.
    if let Some(period) = cpu.period().filter(|period| *period != 0) {
        writes.push("cpu", "cpu.cfs_period_us", period, path("period"));
    }
    if let Some(quota) = cpu.quota().filter(|quota| *quota != 0) {
        writes.push("cpu", "cpu.cfs_quota_us", quota.max(-1), path("quota"));
    }
    if let Some(burst) = cpu.burst() {
        writes.push("cpu", "cpu.cfs_burst_us", burst, path("burst"));
    }
    if let Some(idle) = cpu.idle() {
        writes.push("cpu", "cpu.idle", idle, path("idle"));
    }
    if let Some(cpus) = cpu.cpus().as_ref().filter(|cpus| !cpus.is_empty()) {
        writes.push("cpuset", "cpuset.cpus", cpus, path("cpus"));
    }
    if let Some(mems) = cpu.mems().as_ref().filter(|mems| !mems.is_empty()) {
        writes.push("cpuset", "cpuset.mems", mems, path("mems"));
    }
    Ok(())
}

fn plan_memory(memory: &LinuxMemory, writes: &mut Writes) -> Result<(), Error> {
    let path = |name: &str| format!("linux.resources.memory.{name}");
    let limit = memory.limit().filter(|limit| *limit != 0);
    let mut swap = memory.swap().filter(|swap| *swap != 0);
    // The sum cannot stay below a limit that is taken away.
    if limit == Some(-1) && swap.is_none() {
        swap = Some(-1);
    }
    let mut sum = swap.map(|swap| ("memory.memsw.limit_in_bytes", swap, "swap"));
    let limit = limit.map(|limit| ("memory.limit_in_bytes", limit, "limit"));
    // Memory and swap together may never be less than memory: raise the sum first, lower it last.
    let first = sum.take_if(|(_, swap, _)| *swap < 0);
    for (file, value, name) in [first, limit, sum].into_iter().flatten() {
        let write = writes.push("memory", file, value.max(-1), path(name));
        if name == "swap" && value < 0 {
            // Without swap accounting there is nothing to be lifted.
            write.if_missing = IfMissing::Skip;
        }
    }
    if let Some(reservation) = memory.reservation().filter(|reservation| *reservation != 0) {
        writes.push("memory", "memory.soft_limit_in_bytes", reservation, path("reservation"));
    }
    if memory.kernel().is_some_and(|kernel| kernel != 0) {
        writes.ignore(&path("kernel"), "the kernel has no limit of its own for kernel memory");
    }
    if memory.use_hierarchy() == Some(false) {
        writes.ignore(&path("useHierarchy"), "the kernel always counts what is below, too");
    }
    if let Some(tcp) = memory.kernel_tcp().filter(|tcp| *tcp != 0) {
        writes.push("memory", "memory.kmem.tcp.limit_in_bytes", tcp, path("kernelTCP"));
    }
    if let Some(swappiness) = memory.swappiness() {
        if swappiness > 100 {
            return Err(invalid(path("swappiness"), swappiness, "0 to 100"));
        }
        writes.push("memory", "memory.swappiness", swappiness, path("swappiness"));
    }
    if memory.disable_oom_killer() == Some(true) {
        writes.push("memory", "memory.oom_control", 1, path("disableOOMKiller"));
    }
    Ok(())
}

fn plan_pids(pids: &LinuxPids, writes: &mut Writes) {
    writes.push("pids", "pids.max", or_max(pids.limit()), "linux.resources.pids.limit");
}

fn plan_block_io(block_io: &LinuxBlockIo, writes: &mut Writes) {
    let path = |name: &str| format!("linux.resources.blockIO.{name}");
    // CFQ's files are gone since Linux 5.0, BFQ's are there when its module is.
    if let Some(weight) = block_io.weight().filter(|weight| *weight != 0) {
        let write = writes.push("blkio", "blkio.weight", weight, path("weight"));
        write.if_missing = instead("blkio.bfq.weight", weight);
    }
    if let Some(weight) = block_io.leaf_weight().filter(|weight| *weight != 0) {
        writes.push("blkio", "blkio.leaf_weight", weight, path("leafWeight"));
    }
    for (index, device) in block_io.weight_device().iter().flatten().enumerate() {
        let number = format!("{}:{}", device.major(), device.minor());
        if let Some(weight) = device.weight() {
            let value = format!("{number} {weight}");
            let path = path(&format!("weightDevice[{index}].weight"));
            let write = writes.push("blkio", "blkio.weight_device", &value, path);
            write.if_missing = instead("blkio.bfq.weight_device", value);
        }
        if let Some(weight) = device.leaf_weight() {
            let path = path(&format!("weightDevice[{index}].leafWeight"));
            writes.push("blkio", "blkio.leaf_weight_device", format!("{number} {weight}"), path);
        }
    }
    let mut throttle = |devices: &Option<Vec<LinuxThrottleDevice>>, file: &str, name: &str| {
        for (index, device) in devices.iter().flatten().enumerate() {
            let value = format!("{}:{} {}", device.major(), device.minor(), device.rate());
            writes.push("blkio", file, value, path(&format!("{name}[{index}]")));
        }
    };
    let read_bps = block_io.throttle_read_bps_device();
    throttle(read_bps, "blkio.throttle.read_bps_device", "throttleReadBpsDevice");
    let write_bps = block_io.throttle_write_bps_device();
    throttle(write_bps, "blkio.throttle.write_bps_device", "throttleWriteBpsDevice");
    let read_iops = block_io.throttle_read_iops_device();
    throttle(read_iops, "blkio.throttle.read_iops_device", "throttleReadIOPSDevice");
    let write_iops = block_io.throttle_write_iops_device();
    throttle(write_iops, "blkio.throttle.write_iops_device", "throttleWriteIOPSDevice");
}

fn plan_hugepages(limits: &[LinuxHugepageLimit], writes: &mut Writes) -> Result<(), Error> {
    for (index, limit) in limits.iter().enumerate() {
        let size = limit.page_size();
        check_page_size(size, index)?;
        let path = format!("linux.resources.hugepageLimits[{index}].limit");
        let value = limit.limit().max(-1);
        writes.push("hugetlb", format!("hugetlb.{size}.limit_in_bytes"), value, path.as_str());
        // Reservations are counted apart since Linux 5.7.
        let reserved = format!("hugetlb.{size}.rsvd.limit_in_bytes");
        writes.push("hugetlb", reserved, value, path).if_missing = IfMissing::Skip;
    }
    Ok(())
}

fn plan_network(network: &LinuxNetwork, writes: &mut Writes) {
    if let Some(class) = network.class_id().filter(|class| *class != 0) {
        writes.push("net_cls", "net_cls.classid", class, "linux.resources.network.classID");
    }
    for (index, priority) in network.priorities().iter().flatten().enumerate() {
        let value = format!("{} {}", priority.name(), priority.priority());
        let path = format!("linux.resources.network.priorities[{index}]");
        writes.push("net_prio", "net_prio.ifpriomap", value, path);
    }
}

fn instead(file: &str, value: impl ToString) -> IfMissing {
    IfMissing::Instead { file: file.to_owned(), value: value.to_string() }
}
