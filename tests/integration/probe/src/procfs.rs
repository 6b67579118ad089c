//! What /proc/self says.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::{fs, io};

use creel_probe::{Capabilities, Ids, Mount, Rlimits, Signals, capabilities};

/// `/proc/self/status`: fields by name.
pub(crate) struct Status(BTreeMap<String, String>);

impl Status {
    pub(crate) fn read() -> io::Result<Status> {
        let text = fs::read_to_string("/proc/self/status")?;
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Ok(Status(fields.map(|(k, v)| (k.to_owned(), v.trim().to_owned())).collect()))
    }

    pub(crate) fn field(&self, name: &str) -> io::Result<&str> {
        let missing = || io::Error::other(format!("/proc/self/status has no {name}"));
        self.0.get(name).map(String::as_str).ok_or_else(missing)
    }

    pub(crate) fn number(&self, name: &str, radix: u32) -> io::Result<u64> {
        u64::from_str_radix(self.field(name)?, radix).map_err(io::Error::other)
    }

    pub(crate) fn ids(&self) -> io::Result<Ids> {
        let mut groups = numbers(self.field("Groups")?)?;
        groups.sort_unstable();
        Ok(Ids { uid: four(self.field("Uid")?)?, gid: four(self.field("Gid")?)?, groups })
    }

    pub(crate) fn capabilities(&self) -> io::Result<Capabilities> {
        let set = |name| self.number(name, 16).map(capabilities::names);
        Ok(Capabilities {
            bounding: set("CapBnd")?,
            effective: set("CapEff")?,
            inheritable: set("CapInh")?,
            permitted: set("CapPrm")?,
            ambient: set("CapAmb")?,
        })
    }

    /// The Rust runtime of the probe itself ignores SIGPIPE: that bit is left out.
    pub(crate) fn signals(&self) -> io::Result<Signals> {
        const SIGPIPE: u64 = 1 << 12;
        Ok(Signals {
            blocked: self.number("SigBlk", 16)?,
            ignored: self.number("SigIgn", 16)? & !SIGPIPE,
        })
    }
}

fn numbers(text: &str) -> io::Result<Vec<u32>> {
    text.split_whitespace().map(|n| n.parse().map_err(io::Error::other)).collect()
}

fn four(text: &str) -> io::Result<[u32; 4]> {
    numbers(text)?.try_into().map_err(|_| io::Error::other("not four ids"))
}

/// A file that holds one number.
pub(crate) fn number(path: &str) -> io::Result<i32> {
    fs::read_to_string(path)?.trim().parse().map_err(io::Error::other)
}

/// `/proc/self/limits`, with the names that setrlimit(2) uses.
pub(crate) fn rlimits() -> io::Result<Rlimits> {
    let text = fs::read_to_string("/proc/self/limits")?;
    let mut limits = BTreeMap::new();
    for line in text.lines().skip(1) {
        let Some((title, rest)) = line.split_at_checked(26) else { continue };
        let mut values = rest.split_whitespace().map(|v| v.parse().ok());
        let pair = (values.next().flatten(), values.next().flatten());
        limits.insert(rlimit_name(title.trim()).to_owned(), pair);
    }
    Ok(limits)
}

fn rlimit_name(title: &str) -> &str {
    match title {
        "Max cpu time" => "RLIMIT_CPU",
        "Max file size" => "RLIMIT_FSIZE",
        "Max data size" => "RLIMIT_DATA",
        "Max stack size" => "RLIMIT_STACK",
        "Max core file size" => "RLIMIT_CORE",
        "Max resident set" => "RLIMIT_RSS",
        "Max processes" => "RLIMIT_NPROC",
        "Max open files" => "RLIMIT_NOFILE",
        "Max locked memory" => "RLIMIT_MEMLOCK",
        "Max address space" => "RLIMIT_AS",
        "Max file locks" => "RLIMIT_LOCKS",
        "Max pending signals" => "RLIMIT_SIGPENDING",
        "Max msgqueue size" => "RLIMIT_MSGQUEUE",
        "Max nice priority" => "RLIMIT_NICE",
        "Max realtime priority" => "RLIMIT_RTPRIO",
        "Max realtime timeout" => "RLIMIT_RTTIME",
        other => other,
    }
}

/// The inodes of `/proc/self/ns`.
pub(crate) fn namespaces() -> io::Result<BTreeMap<String, u64>> {
    let mut namespaces = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/ns")? {
        let entry = entry?;
        let inode = fs::metadata(entry.path())?.ino();
        namespaces.insert(entry.file_name().to_string_lossy().into_owned(), inode);
    }
    Ok(namespaces)
}

/// Open descriptors, without the one this reading needs.
pub(crate) fn fds() -> io::Result<BTreeMap<i32, String>> {
    let mut fds = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let target = fs::read_link(entry.path())?.display().to_string();
        let number = entry.file_name().to_string_lossy().parse().map_err(io::Error::other)?;
        if !is_fd_directory(&target) {
            fds.insert(number, target);
        }
    }
    Ok(fds)
}

/// `/proc/<number>/fd`: the number need not be our pid, /proc may be of another namespace.
fn is_fd_directory(target: &str) -> bool {
    let number = target.strip_prefix("/proc/").and_then(|t| t.strip_suffix("/fd"));
    number.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

/// The mount table.
pub(crate) fn mounts() -> io::Result<Vec<Mount>> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    text.lines()
        .map(|line| mount(line).ok_or_else(|| io::Error::other(format!("odd mount: {line}"))))
        .collect()
}

fn mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let right: Vec<&str> = right.split(' ').collect();
    let list = |text: &str| text.split(',').map(str::to_owned).collect();
    Some(Mount {
        root: unescape(left.get(3)?),
        target: unescape(left.get(4)?),
        options: list(left.get(5)?),
        propagation: left.get(6..)?.iter().map(|s| (*s).to_owned()).collect(),
        fstype: (*right.first()?).to_owned(),
        source: unescape(right.get(1)?),
        super_options: list(right.get(2)?),
    })
}

/// The kernel writes blanks and backslashes as `\040`.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}
