//! What is written to cgroup2's files, as the properties by which systemd knows it
//! (systemd.resource-control(5)). A daemon-reload sets the files back to the properties.

use super::unit::Property;
use super::value::Value;
use crate::cgroups::plan::{IfMissing, Write};

/// The properties for these writes; what systemd has no property for is left out.
pub(super) fn of_writes(writes: &[Write]) -> Vec<Property> {
    writes.iter().flat_map(of_write).collect()
}

/// The properties for one write.
pub(super) fn of_write(write: &Write) -> Vec<Property> {
    if let IfMissing::Instead { file, value } = &write.if_missing {
        return of_file(file, value).unwrap_or_default();
    }
    of_file(&write.file, &write.value).unwrap_or_default()
}

fn of_file(file: &str, value: &str) -> Option<Vec<Property>> {
    let limit = |name| Some(vec![property(name, Value::U64(number(value)?))]);
    match file {
        "memory.min" => limit("MemoryMin"),
        "memory.low" => limit("MemoryLow"),
        "memory.high" => limit("MemoryHigh"),
        "memory.max" => limit("MemoryMax"),
        "memory.swap.max" => limit("MemorySwapMax"),
        "memory.zswap.max" => limit("MemoryZSwapMax"),
        // systemd has no limit of none; the file has.
        "pids.max" if value == "0" => Some(vec![property("TasksMax", Value::U64(1))]),
        "pids.max" => limit("TasksMax"),
        "cpu.weight" => limit("CPUWeight"),
        // The weight 0 is systemd's word for idle.
        "cpu.idle" if value == "1" => Some(vec![property("CPUWeight", Value::U64(0))]),
        "cpu.max" => quota(value),
        "cpuset.cpus" => Some(vec![property("AllowedCPUs", Value::Bytes(bits(value)?))]),
        "cpuset.mems" => Some(vec![property("AllowedMemoryNodes", Value::Bytes(bits(value)?))]),
        "io.weight" => weight(value),
        "io.max" => rate(value),
        _ => None,
    }
}

fn property(name: &str, value: Value) -> Property {
    Property { name: name.to_owned(), value }
}

fn number(text: &str) -> Option<u64> {
    if text == "max" { Some(u64::MAX) } else { text.parse().ok() }
}

/// `QUOTA PERIOD` in microseconds; systemd wants the quota of a second, in whole percents of it.
fn quota(value: &str) -> Option<Vec<Property>> {
    const PERCENT: u64 = 10_000;
    let (quota, period) = value.split_once(' ')?;
    let period: u64 = period.parse().ok().filter(|period| *period > 0)?;
    let per_second = match number(quota)? {
        u64::MAX => u64::MAX,
        quota => quota.checked_mul(1_000_000)?.div_ceil(period).div_ceil(PERCENT) * PERCENT,
    };
    Some(vec![
        property("CPUQuotaPeriodUSec", Value::U64(period)),
        property("CPUQuotaPerSecUSec", Value::U64(per_second)),
    ])
}

/// A list such as `0-2,7` as bits, the lowest first.
fn bits(list: &str) -> Option<Vec<u8>> {
    const MOST: usize = 8192;
    let mut bits = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last >= MOST {
            return None;
        }
        for bit in first..=last {
            if bits.len() <= bit / 8 {
                bits.resize(bit / 8 + 1, 0);
            }
            bits[bit / 8] |= 1 << (bit % 8);
        }
    }
    Some(bits)
}

/// `default N` or `MAJOR:MINOR N`.
fn weight(value: &str) -> Option<Vec<Property>> {
    let (device, weight) = value.split_once(' ').unwrap_or(("default", value));
    let weight: u64 = weight.parse().ok()?;
    Some(vec![match device {
        "default" => property("IOWeight", Value::U64(weight)),
        device => property("IODeviceWeight", Value::Rates(vec![(block(device), weight)])),
    }])
}

/// `MAJOR:MINOR KEY=N ...`
fn rate(value: &str) -> Option<Vec<Property>> {
    let (device, limits) = value.split_once(' ')?;
    let mut properties = Vec::new();
    for limit in limits.split_whitespace() {
        let (key, value) = limit.split_once('=')?;
        let name = match key {
            "rbps" => "IOReadBandwidthMax",
            "wbps" => "IOWriteBandwidthMax",
            "riops" => "IOReadIOPSMax",
            "wiops" => "IOWriteIOPSMax",
            _ => return None,
        };
        properties.push(property(name, Value::Rates(vec![(block(device), number(value)?)])));
    }
    Some(properties)
}

fn block(device: &str) -> String {
    format!("/dev/block/{device}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(file: &str, value: &str, expected: &[(&str, Value)]) {
        let found = of_file(file, value).unwrap_or_default();
        let found: Vec<_> = found.into_iter().map(|p| (p.name, p.value)).collect();
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        assert_eq!(found, expected, "{file} = {value}");
    }

    #[test]
    fn limits() {
        is("memory.max", "4096", &[("MemoryMax", Value::U64(4096))]);
        is("memory.swap.max", "max", &[("MemorySwapMax", Value::U64(u64::MAX))]);
        is("pids.max", "5", &[("TasksMax", Value::U64(5))]);
        is("pids.max", "0", &[("TasksMax", Value::U64(1))]);
        is("cpu.idle", "1", &[("CPUWeight", Value::U64(0))]);
        is("cpu.idle", "0", &[]);
        is("hugetlb.2MB.max", "5", &[]);
        is("memory.high", "nonsense", &[]);
    }

    #[test]
    fn a_quota_is_of_a_second_in_whole_percents() {
        let both = |per_second, period| {
            [
                ("CPUQuotaPeriodUSec", Value::U64(period)),
                ("CPUQuotaPerSecUSec", Value::U64(per_second)),
            ]
        };
        is("cpu.max", "25000 50000", &both(500_000, 50_000));
        is("cpu.max", "1001 100000", &both(20_000, 100_000));
        is("cpu.max", "max 100000", &both(u64::MAX, 100_000));
    }

    #[test]
    fn lists_of_processors_are_bits() {
        is("cpuset.cpus", "0", &[("AllowedCPUs", Value::Bytes(vec![1]))]);
        is("cpuset.cpus", "0-2,9", &[("AllowedCPUs", Value::Bytes(vec![7, 2]))]);
        is("cpuset.mems", "x", &[]);
        is("cpuset.cpus", "0-99999999", &[]);
    }

    #[test]
    fn devices_by_their_numbers() {
        let rate = |name, n| [(name, Value::Rates(vec![("/dev/block/8:0".to_owned(), n)]))];
        is("io.max", "8:0 rbps=5", &rate("IOReadBandwidthMax", 5));
        is("io.max", "8:0 wiops=max", &rate("IOWriteIOPSMax", u64::MAX));
        is("io.weight", "8:0 7", &rate("IODeviceWeight", 7));
        is("io.weight", "default 7", &[("IOWeight", Value::U64(7))]);
    }
}
