//! `creel update`: other limits for a container that lives.

use std::path::{Path, PathBuf};

use clap::Args;
use libcontainer::{
    Runtime,
    spec::{self, LoadError},
};
use serde_json::{Map, Value, json};

use super::{find, stdin};
use crate::failure::Failure;

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct UpdateArgs {
    /// A file with the resources as JSON, or - for stdin; the other flags do not count then
    #[arg(long, short, value_name = "FILE")]
    resources: Option<PathBuf>,
    /// The weight of block I/O, 10 to 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<String>,
    /// The period of the CPU quota, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_period: Option<String>,
    /// The CPU time allowed in a period, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_quota: Option<String>,
    /// The CPU time above the quota that may be saved up, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_burst: Option<String>,
    /// The CPU shares, relative to other containers
    #[arg(long, value_name = "SHARES")]
    cpu_share: Option<String>,
    /// The period of real-time CPU time, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_rt_period: Option<String>,
    /// The real-time CPU time allowed in a period, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_rt_runtime: Option<String>,
    /// 1 to run only when nothing else wants the CPU
    #[arg(long, value_name = "IDLE")]
    cpu_idle: Option<String>,
    /// The CPUs to use
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// The memory nodes to use
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// The kernel memory limit; ignored with a warning, as the kernel has none any more
    #[arg(long, value_name = "BYTES")]
    kernel_memory: Option<String>,
    /// The kernel memory limit for TCP
    #[arg(long, value_name = "BYTES")]
    kernel_memory_tcp: Option<String>,
    /// The memory limit, in bytes
    #[arg(long, value_name = "BYTES")]
    memory: Option<String>,
    /// The soft memory limit, in bytes
    #[arg(long, value_name = "BYTES")]
    memory_reservation: Option<String>,
    /// The limit of memory and swap together, in bytes; -1 for none
    #[arg(long, value_name = "BYTES")]
    memory_swap: Option<String>,
    /// The most processes
    #[arg(long, value_name = "N")]
    pids_limit: Option<String>,
    /// The L3 cache schema of Intel RDT
    #[arg(long, value_name = "SCHEMA")]
    l3_cache_schema: Option<String>,
    /// The memory bandwidth schema of Intel RDT
    #[arg(long, value_name = "SCHEMA")]
    mem_bw_schema: Option<String>,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

pub(super) fn run(args: &UpdateArgs, runtime: &Runtime) -> Result<i32, Failure> {
    let container = find(runtime, &args.id)?;
    let (cache, bandwidth) = match args.resources {
        Some(_) => (None, None),
        None => (filled(&args.l3_cache_schema), filled(&args.mem_bw_schema)),
    };
    let resources = match &args.resources {
        Some(file) if file == Path::new("-") => stdin::read(spec::parse_resources),
        Some(file) => spec::load_resources(file),
        None => {
            let text = from_flags(args)?.to_string();
            spec::parse_resources(text.as_bytes())
                .map_err(|source| LoadError::Parse { file: "(flags)".into(), source })
        }
    };
    let resources = resources.map_err(|source| Failure::Resources { source })?;
    container.update_with_rdt(&resources, cache, bandwidth)?;
    Ok(0)
}

/// The `linux.resources` that the flags ask for; an empty value and a 0 ask for nothing, as with runc.
fn from_flags(args: &UpdateArgs) -> Result<Value, Failure> {
    let mut flags = Flags::default();
    flags.number("blockIO", "weight", "blkio-weight", &args.blkio_weight, u16::MAX.into())?;
    flags.number("cpu", "period", "cpu-period", &args.cpu_period, u64::MAX)?;
    flags.signed("cpu", "quota", "cpu-quota", &args.cpu_quota)?;
    flags.number("cpu", "burst", "cpu-burst", &args.cpu_burst, u64::MAX)?;
    flags.number("cpu", "shares", "cpu-share", &args.cpu_share, u64::MAX)?;
    flags.number("cpu", "realtimePeriod", "cpu-rt-period", &args.cpu_rt_period, u64::MAX)?;
    flags.signed("cpu", "realtimeRuntime", "cpu-rt-runtime", &args.cpu_rt_runtime)?;
    flags.signed("cpu", "idle", "cpu-idle", &args.cpu_idle)?;
    flags.text("cpu", "cpus", &args.cpuset_cpus);
    flags.text("cpu", "mems", &args.cpuset_mems);
    flags.size("memory", "kernel", "kernel-memory", &args.kernel_memory)?;
    flags.size("memory", "kernelTCP", "kernel-memory-tcp", &args.kernel_memory_tcp)?;
    flags.size("memory", "limit", "memory", &args.memory)?;
    flags.size("memory", "reservation", "memory-reservation", &args.memory_reservation)?;
    flags.size("memory", "swap", "memory-swap", &args.memory_swap)?;
    if args.pids_limit.as_deref() != Some("0") {
        flags.signed("pids", "limit", "pids-limit", &args.pids_limit)?;
    }
    Ok(Value::Object(flags.0))
}

/// A `linux.resources` object in the making.
#[derive(Default)]
struct Flags(Map<String, Value>);

impl Flags {
    fn put(&mut self, section: &str, member: &str, value: Value) {
        let section = self.0.entry(section).or_insert_with(|| json!({}));
        section[member] = value;
    }

    fn text(&mut self, section: &str, member: &str, given: &Option<String>) {
        if let Some(text) = filled(given) {
            self.put(section, member, json!(text));
        }
    }

    fn number(
        &mut self,
        section: &str,
        member: &str,
        flag: &'static str,
        given: &Option<String>,
        most: u64,
    ) -> Result<(), Failure> {
        let Some(text) = filled(given) else { return Ok(()) };
        let number = text.parse::<u64>().ok().filter(|number| *number <= most);
        let number = number.ok_or_else(|| amount(flag, text, "a number"))?;
        self.put(section, member, json!(number));
        Ok(())
    }

    fn signed(
        &mut self,
        section: &str,
        member: &str,
        flag: &'static str,
        given: &Option<String>,
    ) -> Result<(), Failure> {
        let Some(text) = filled(given) else { return Ok(()) };
        let number = text.parse::<i64>().map_err(|_| amount(flag, text, "a number"))?;
        self.put(section, member, json!(number));
        Ok(())
    }

    fn size(
        &mut self,
        section: &str,
        member: &str,
        flag: &'static str,
        given: &Option<String>,
    ) -> Result<(), Failure> {
        let Some(text) = filled(given) else { return Ok(()) };
        let allowed = "a size such as 1048576, 1M or 1.5GiB, or -1 for no limit";
        let bytes = size(text).ok_or_else(|| amount(flag, text, allowed))?;
        self.put(section, member, json!(bytes));
        Ok(())
    }
}

fn filled(given: &Option<String>) -> Option<&str> {
    given.as_deref().filter(|text| !text.is_empty())
}

fn amount(flag: &'static str, found: &str, allowed: &'static str) -> Failure {
    Failure::Amount { flag, found: found.to_owned(), allowed }
}

/// Bytes: a number, with a unit of powers of 1024 behind it; -1 is no limit.
fn size(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let power = match unit {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    let factor = 1_i64 << (10 * power);
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    let bytes = number.parse::<f64>().ok()? * factor as f64;
    (bytes < i64::MAX as f64).then_some(bytes as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let cases = [
            ("-1", -1),
            ("0", 0),
            ("1000", 1000),
            ("50M", 50 << 20),
            ("50m", 50 << 20),
            ("1kb", 1024),
            ("2 GiB", 2 << 30),
            ("1.5k", 1536),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "-2", "abc", "1Q", "k", "1mm", "9223372036854775807k", "."] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
