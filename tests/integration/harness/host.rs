//! Small looks at the processes of the host.

use std::fs;

/// Three fields of `/proc/<pid>/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) state: char,
    pub(crate) ppid: u32,
    /// Its process group, and the one in the foreground of its terminal.
    pub(crate) group: i32,
    pub(crate) foreground: i32,
    /// In clock ticks since boot; with the pid it names a process for good.
    pub(crate) start_time: u64,
}

/// `None` when there is no such process.
pub(crate) fn stat_fields(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        ppid: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        foreground: fields.get(5)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

/// The process is there and not a zombie.
pub(crate) fn process_exists(pid: u32) -> bool {
    stat_fields(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}
