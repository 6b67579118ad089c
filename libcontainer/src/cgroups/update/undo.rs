//! The way back from a write, when a later one fails.

/// What to write to `file` so that it is as before: `written` was written, and before it the file said `old`. `None`
/// where the file does not tell how.
pub(super) fn value(file: &str, written: &str, old: &str) -> Option<String> {
    if file == "memory.oom_control" {
        return old
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill_disable "))
            .map(str::to_owned);
    }
    let Some(key) = key(file, written) else {
        let is_one_value = !old.is_empty() && old.lines().count() == 1;
        return is_one_value.then(|| old.to_owned());
    };
    let is_of_key = |line: &&str| line.split_whitespace().next() == Some(key);
    old.lines().find(is_of_key).map(str::to_owned).or_else(|| without_limit(file, key))
}

/// What a line of the file begins with, where it has a line for each device.
fn key<'w>(file: &str, written: &'w str) -> Option<&'w str> {
    let first = written.split(' ').next().filter(|first| first.len() < written.len())?;
    let is_keyed = first.contains(':') || first == "default";
    let is_named = matches!(file, "rdma.max" | "net_prio.ifpriomap");
    (is_keyed || is_named).then_some(first)
}

/// A device that has no line has no limit.
fn without_limit(file: &str, key: &str) -> Option<String> {
    match file {
        "io.max" => Some(format!("{key} rbps=max wbps=max riops=max wiops=max")),
        "rdma.max" => Some(format!("{key} hca_handle=max hca_object=max")),
        "blkio.bfq.weight_device" | "io.bfq.weight" if key.contains(':') => {
            Some(format!("{key} 0"))
        }
        "io.weight" if key.contains(':') => Some(format!("{key} default")),
        _ if file.starts_with("blkio.throttle.") || file == "net_prio.ifpriomap" => {
            Some(format!("{key} 0"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    #[test]
    fn each_form_of_file_has_its_way_back() {
        let cases = [
            ("memory.max", "1000", "max", Some("max")),
            ("cpu.max", "50000 100000", "max 100000", Some("max 100000")),
            ("cpuset.cpus", "0", "", None),
            ("blkio.throttle.read_bps_device", "8:0 5", "", Some("8:0 0")),
            ("blkio.throttle.read_bps_device", "8:0 5", "8:16 1\n8:0 9", Some("8:0 9")),
            ("io.max", "8:0 rbps=5", "", Some("8:0 rbps=max wbps=max riops=max wiops=max")),
            ("io.weight", "default 7", "default 100\n8:0 5", Some("default 100")),
            ("io.bfq.weight", "8:0 7", "default 100", Some("8:0 0")),
            ("blkio.bfq.weight_device", "8:0 7", "default 100", Some("8:0 0")),
            ("io.weight", "8:0 7", "default 100", Some("8:0 default")),
            ("memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0", Some("0")),
            ("memory.stat", "x", "a 1\nb 2", None),
        ];
        for (file, written, old, expected) in cases {
            assert_eq!(value(file, written, old).as_deref(), expected, "{file}: {written}");
        }
    }
}
