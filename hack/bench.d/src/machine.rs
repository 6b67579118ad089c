//! The machine that was measured on; numbers without it say nothing.

use std::fmt;
use std::fs;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub cpu: String,
    pub cpus: usize,
    #[serde(rename = "memoryMiB")]
    pub memory_mib: u64,
    /// Kernel release and architecture.
    pub kernel: String,
    pub system: String,
    /// Seconds since 1970.
    #[serde(skip)]
    pub time: u64,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease");
        let memory = value(&read("/proc/meminfo"), "MemTotal", ':');
        let memory_kib = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
        Self {
            cpu: value(&read("/proc/cpuinfo"), "model name", ':'),
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory_kib / 1024,
            kernel: format!("{} {}", release.trim(), std::env::consts::ARCH),
            system: value(&read("/etc/os-release"), "PRETTY_NAME", '='),
            time: std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs()),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cpus, memory_mib, kernel, system, .. } = self;
        write!(f, "{cpu}, {cpus} CPUs, {memory_mib} MiB; Linux {kernel}; {system}")
    }
}

/// The value of the first line that begins with the name.
fn value(text: &str, name: &str, separator: char) -> String {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().replace('"', ""))
}
