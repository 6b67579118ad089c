//! The numbers of cgroup2 (the kernel's admin-guide/cgroup-v2), in the form that version 1 gave the JSON.

use std::collections::BTreeMap;

use super::read::{number, parse, pressure, table, text};
use super::{
    BlockIo, BlockIoEntry, Cpu, CpuUsage, HugePages, Memory, MemoryCounter, Pids, Stats, Throttling,
};
use crate::cgroups::dir::{Dir, files};
use crate::cgroups::error::Error;
use crate::cgroups::pids::below;

pub(super) fn stats(dir: &Dir) -> Result<Stats, Error> {
    Ok(Stats {
        cpu: cpu(dir)?,
        memory: memory(dir)?,
        pids: pids(dir)?,
        blkio: block_io(dir)?,
        hugetlb: huge_pages(dir)?,
        ..Stats::default()
    })
}

/// Microseconds become nanoseconds.
pub(super) fn cpu(dir: &Dir) -> Result<Cpu, Error> {
    let stat = table(dir, "cpu.stat")?;
    let value = |name| stat.get(name).copied().unwrap_or(0);
    let usage = CpuUsage {
        total: value("usage_usec") * 1000,
        kernel: value("system_usec") * 1000,
        user: value("user_usec") * 1000,
        ..CpuUsage::default()
    };
    let throttling = Throttling {
        periods: value("nr_periods"),
        throttled_periods: value("nr_throttled"),
        throttled_time: value("throttled_usec") * 1000,
    };
    Ok(Cpu { usage, throttling, psi: pressure(dir, "cpu.pressure")? })
}

/// Version 1 counts memory and swap together, so the two are added here.
pub(super) fn memory(dir: &Dir) -> Result<Memory, Error> {
    let raw = table(dir, "memory.stat")?;
    let usage = counter(dir, "memory")?;
    let alone = counter(dir, "memory.swap")?;
    let swap = MemoryCounter {
        limit: usage.limit.saturating_add(alone.limit),
        usage: usage.usage + alone.usage,
        max: if alone.max == 0 { 0 } else { usage.max + alone.max },
        failcnt: alone.failcnt,
    };
    let cache = raw.get("file").copied().unwrap_or(0);
    let psi = pressure(dir, "memory.pressure")?;
    Ok(Memory { cache, usage, swap, raw, psi, ..Memory::default() })
}

/// What `memory.events` calls `max` is how often the limit was met.
fn counter(dir: &Dir, name: &str) -> Result<MemoryCounter, Error> {
    let value = |what: &str| number(dir, &format!("{name}.{what}"));
    let events = table(dir, &format!("{name}.events"))?;
    Ok(MemoryCounter {
        limit: value("max")?,
        usage: value("current")?,
        max: value("peak")?,
        failcnt: events.get("max").copied().unwrap_or(0),
    })
}

fn pids(dir: &Dir) -> Result<Pids, Error> {
    let Some(current) = text(dir, "pids.current")? else {
        // Without the controller they can be counted all the same.
        return Ok(Pids { current: below(&dir.path)?.len() as u64, limit: 0 });
    };
    let limit = text(dir, "pids.max")?.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Ok(Pids { current: parse(current.trim()), limit })
}

/// Lines such as `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`.
pub(super) fn block_io(dir: &Dir) -> Result<BlockIo, Error> {
    let mut io = BlockIo { psi: pressure(dir, "io.pressure")?, ..BlockIo::default() };
    for line in text(dir, "io.stat")?.unwrap_or_default().lines() {
        let mut words = line.split(' ');
        let Some((major, minor)) = words.next().and_then(|device| device.split_once(':')) else {
            continue;
        };
        for word in words {
            let Some((key, value)) = word.split_once('=') else { continue };
            let (list, op) = match key {
                "rbytes" => (&mut io.io_service_bytes_recursive, "Read"),
                "wbytes" => (&mut io.io_service_bytes_recursive, "Write"),
                "dbytes" => (&mut io.io_service_bytes_recursive, "Discard"),
                "rios" => (&mut io.io_serviced_recursive, "Read"),
                "wios" => (&mut io.io_serviced_recursive, "Write"),
                "dios" => (&mut io.io_serviced_recursive, "Discard"),
                _ => continue,
            };
            let (major, minor) = (parse(major), parse(minor));
            list.push(BlockIoEntry { major, minor, op: op.to_owned(), value: parse(value) });
        }
    }
    Ok(io)
}

pub(super) fn huge_pages(dir: &Dir) -> Result<BTreeMap<String, HugePages>, Error> {
    let mut sizes = BTreeMap::new();
    for file in files(&dir.path)? {
        let name = file.strip_prefix("hugetlb.").and_then(|f| f.strip_suffix(".current"));
        let Some(size) = name.filter(|size| !size.contains('.')) else { continue };
        let events = table(dir, &format!("hugetlb.{size}.events"))?;
        let pages = HugePages {
            usage: number(dir, &file)?,
            max: 0,
            failcnt: events.get("max").copied().unwrap_or(0),
        };
        sizes.insert(size.to_owned(), pages);
    }
    Ok(sizes)
}
