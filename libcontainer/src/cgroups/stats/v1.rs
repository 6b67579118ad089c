//! The numbers of version 1 controllers (the kernel's admin-guide/cgroup-v1).

use std::collections::BTreeMap;

use super::read::{list, number, numbers, parse, table, text};
use super::{
    BlockIo, BlockIoEntry, Cpu, CpuUsage, Cpuset, HugePages, Memory, MemoryCounter, Pids, Stats,
    Throttling, v2,
};
use crate::cgroups::cgroup::Cgroup;
use crate::cgroups::dir::{Dir, files};
use crate::cgroups::error::Error;
use crate::cgroups::plan::Kind;

/// `cpuacct.stat` counts hundredths of a second.
const TICK: u64 = 10_000_000;

pub(super) fn stats(cgroup: &Cgroup) -> Result<Stats, Error> {
    let mut stats = Stats::default();
    if let Some(dir) = cgroup.controller("cpuacct") {
        stats.cpu.usage = cpu_usage(dir)?;
    }
    if let Some(dir) = cgroup.controller("cpu") {
        let throttling = if is_v1(dir) { throttling(dir)? } else { v2::cpu(dir)?.throttling };
        stats.cpu = Cpu { throttling, ..stats.cpu };
    }
    if let Some(dir) = cgroup.controller("cpuset") {
        stats.cpuset = cpuset(dir)?;
    }
    if let Some(dir) = cgroup.controller("memory") {
        stats.memory = if is_v1(dir) { memory(dir)? } else { v2::memory(dir)? };
    }
    if let Some(dir) = cgroup.controller("pids") {
        stats.pids = pids(dir)?;
    }
    if let Some(dir) = cgroup.controller("blkio") {
        stats.blkio = block_io(dir)?;
    } else if let Some(dir) = cgroup.controller("io") {
        stats.blkio = v2::block_io(dir)?;
    }
    if let Some(dir) = cgroup.controller("hugetlb") {
        stats.hugetlb = if is_v1(dir) { huge_pages(dir)? } else { v2::huge_pages(dir)? };
    }
    Ok(stats)
}

/// Controllers that no hierarchy of version 1 has may be on cgroup2 beside them.
fn is_v1(dir: &Dir) -> bool {
    dir.kind == Kind::V1
}

fn cpu_usage(dir: &Dir) -> Result<CpuUsage, Error> {
    let times = table(dir, "cpuacct.stat")?;
    let time = |name| times.get(name).copied().unwrap_or(0) * TICK;
    // A header, then for each processor its number, user time and system time.
    let all = text(dir, "cpuacct.usage_all")?.unwrap_or_default();
    let column = |column: usize| {
        let rows = all.lines().skip(1);
        rows.filter_map(|row| row.split_whitespace().nth(column).map(parse)).collect()
    };
    Ok(CpuUsage {
        total: number(dir, "cpuacct.usage")?,
        percpu: numbers(dir, "cpuacct.usage_percpu")?,
        percpu_user: column(1),
        percpu_kernel: column(2),
        kernel: time("system"),
        user: time("user"),
    })
}

fn throttling(dir: &Dir) -> Result<Throttling, Error> {
    let stat = table(dir, "cpu.stat")?;
    let value = |name| stat.get(name).copied().unwrap_or(0);
    Ok(Throttling {
        periods: value("nr_periods"),
        throttled_periods: value("nr_throttled"),
        throttled_time: value("throttled_time"),
    })
}

fn cpuset(dir: &Dir) -> Result<Cpuset, Error> {
    let value = |name: &str| number(dir, &format!("cpuset.{name}"));
    let level = text(dir, "cpuset.sched_relax_domain_level")?.unwrap_or_default();
    Ok(Cpuset {
        cpus: list(dir, "cpuset.cpus")?,
        cpu_exclusive: value("cpu_exclusive")?,
        mems: list(dir, "cpuset.mems")?,
        mem_hardwall: value("mem_hardwall")?,
        mem_exclusive: value("mem_exclusive")?,
        memory_migrate: value("memory_migrate")?,
        memory_spread_page: value("memory_spread_page")?,
        memory_spread_slab: value("memory_spread_slab")?,
        memory_pressure: value("memory_pressure")?,
        sched_load_balance: value("sched_load_balance")?,
        sched_relax_domain_level: level.trim().parse().unwrap_or(0),
    })
}

fn memory(dir: &Dir) -> Result<Memory, Error> {
    let counter = |name: &str| {
        let value = |what: &str| number(dir, &format!("memory.{name}{what}"));
        Ok::<_, Error>(MemoryCounter {
            limit: value("limit_in_bytes")?,
            usage: value("usage_in_bytes")?,
            max: value("max_usage_in_bytes")?,
            failcnt: value("failcnt")?,
        })
    };
    let raw = table(dir, "memory.stat")?;
    Ok(Memory {
        cache: raw.get("cache").copied().unwrap_or(0),
        usage: counter("")?,
        swap: counter("memsw.")?,
        kernel: counter("kmem.")?,
        kernel_tcp: counter("kmem.tcp.")?,
        raw,
        psi: None,
    })
}

fn pids(dir: &Dir) -> Result<Pids, Error> {
    let limit = text(dir, "pids.max")?.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Ok(Pids { current: number(dir, "pids.current")?, limit })
}

/// BFQ counts what it schedules, the throttle layer what passes it: the first that has counted.
fn block_io(dir: &Dir) -> Result<BlockIo, Error> {
    let first = |name: &str| {
        for owner in ["bfq.", "", "throttle."] {
            let entries = entries(dir, &format!("blkio.{owner}{name}"))?;
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
        Ok::<_, Error>(Vec::new())
    };
    Ok(BlockIo {
        io_service_bytes_recursive: first("io_service_bytes_recursive")?,
        io_serviced_recursive: first("io_serviced_recursive")?,
        io_queue_recursive: first("io_queued_recursive")?,
        io_service_time_recursive: first("io_service_time_recursive")?,
        io_wait_time_recursive: first("io_wait_time_recursive")?,
        io_merged_recursive: first("io_merged_recursive")?,
        io_time_recursive: first("time_recursive")?,
        sectors_recursive: first("sectors_recursive")?,
        psi: None,
    })
}

/// Lines such as `8:0 Read 4096` or `8:0 8`; the sum over all devices, `Total 4096`, is passed over.
fn entries(dir: &Dir, file: &str) -> Result<Vec<BlockIoEntry>, Error> {
    Ok(text(dir, file)?.unwrap_or_default().lines().filter_map(entry).collect())
}

fn entry(line: &str) -> Option<BlockIoEntry> {
    let mut words = line.split_whitespace();
    let (major, minor) = words.next()?.split_once(':')?;
    let (op, value) = match (words.next()?, words.next()) {
        (op, Some(value)) => (op, value),
        (value, None) => ("", value),
    };
    Some(BlockIoEntry {
        major: parse(major),
        minor: parse(minor),
        op: op.to_owned(),
        value: parse(value),
    })
}

fn huge_pages(dir: &Dir) -> Result<BTreeMap<String, HugePages>, Error> {
    let mut sizes = BTreeMap::new();
    for file in files(&dir.path)? {
        let name = file.strip_prefix("hugetlb.").and_then(|f| f.strip_suffix(".usage_in_bytes"));
        let Some(size) = name.filter(|size| !size.contains('.')) else { continue };
        let value = |what: &str| number(dir, &format!("hugetlb.{size}.{what}"));
        let pages = HugePages {
            usage: value("usage_in_bytes")?,
            max: value("max_usage_in_bytes")?,
            failcnt: value("failcnt")?,
        };
        sizes.insert(size.to_owned(), pages);
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_device_may_tell_operations_apart() {
        let of = |op: &str, value| BlockIoEntry { major: 8, minor: 16, op: op.into(), value };
        assert_eq!(entry("8:16 Read 4096"), Some(of("Read", 4096)));
        assert_eq!(entry("8:16 24"), Some(of("", 24)));
        assert_eq!(entry("Total 4096"), None);
    }
}
