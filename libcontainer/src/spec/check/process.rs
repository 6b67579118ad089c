//! `process` (config.md, Process).

use oci_spec::runtime::{LinuxIOPriority, LinuxSchedulerPolicy, PosixRlimit, Process, Scheduler};

use super::{CheckError, text};
use crate::spec::json_path::member;

/// Checks a process object that stands at the JSON path `at`.
pub(super) fn check(process: &Process, at: &str) -> Result<(), CheckError> {
    cwd(process, at)?;
    args(process, at)?;
    environment(process, at)?;
    user(process, at)?;
    rlimits(process.rlimits().as_deref().unwrap_or_default(), at)?;
    oom_score_adj(process, at)?;
    if let Some(given) = process.scheduler() {
        scheduler(given, &member(at, "scheduler"))?;
    }
    if let Some(given) = process.io_priority() {
        io_priority(given, &member(at, "ioPriority"))?;
    }
    Ok(())
}

fn cwd(process: &Process, at: &str) -> Result<(), CheckError> {
    if process.cwd().as_os_str().is_empty() {
        return Err(CheckError::missing(member(at, "cwd"), "an absolute path in the container"));
    }
    text::absolute(|| member(at, "cwd"), process.cwd())
}

fn args(process: &Process, at: &str) -> Result<(), CheckError> {
    const EXPECTED: &str = "the program to run and its arguments";
    let args = process.args().as_deref().unwrap_or_default();
    match args.first() {
        None => return Err(CheckError::missing(member(at, "args"), EXPECTED)),
        Some(program) if program.is_empty() => {
            return Err(CheckError::missing(member(at, "args") + "[0]", "the program to run"));
        }
        Some(_) => {}
    }
    for (index, arg) in args.iter().enumerate() {
        text::no_nul_at(|| format!("{}[{index}]", member(at, "args")), arg)?;
    }
    Ok(())
}

fn environment(process: &Process, at: &str) -> Result<(), CheckError> {
    for (index, entry) in process.env().iter().flatten().enumerate() {
        let path = || format!("{}[{index}]", member(at, "env"));
        text::no_nul_at(path, entry)?;
        // environ(7): NAME=value, with a name.
        if matches!(entry.find('='), None | Some(0)) {
            return Err(CheckError::unsupported(path(), entry, "NAME=value"));
        }
    }
    Ok(())
}

fn user(process: &Process, at: &str) -> Result<(), CheckError> {
    /// NGROUPS_MAX, setgroups(2).
    const MOST: usize = 65_536;
    let groups = process.user().additional_gids().as_ref().map_or(0, Vec::len);
    if groups > MOST {
        let path = member(at, "user") + ".additionalGids";
        return Err(CheckError::unsupported(path, format!("{groups} groups"), "at most 65536"));
    }
    let user = process.user();
    let additional = user.additional_gids().iter().flatten();
    let ids = [("uid", user.uid()), ("gid", user.gid())].into_iter();
    for (name, id) in ids.chain(additional.map(|gid| ("additionalGids", *gid))) {
        // -1 to setresuid(2): the process would stay root.
        if id == u32::MAX {
            let path = format!("{}.{name}", member(at, "user"));
            return Err(CheckError::unsupported(path, id, "an id from 0 to 4294967294"));
        }
    }
    match user.umask() {
        Some(umask) if umask > 0o777 => Err(CheckError::unsupported(
            member(at, "user") + ".umask",
            umask,
            "a mask from 0 to 511 (octal 777)",
        )),
        _ => Ok(()),
    }
}

fn rlimits(rlimits: &[PosixRlimit], at: &str) -> Result<(), CheckError> {
    for (index, rlimit) in rlimits.iter().enumerate() {
        let path = |index: usize| format!("{}[{index}]", member(at, "rlimits"));
        if let Some(first) = rlimits[..index].iter().position(|other| other.typ() == rlimit.typ()) {
            return Err(CheckError::Duplicate {
                path: path(index),
                found: rlimit.typ().to_string(),
                first: path(first),
            });
        }
        if rlimit.soft() > rlimit.hard() {
            return Err(CheckError::conflict(
                path(index) + ".soft",
                rlimit.soft(),
                format!("the hard limit {} below it", rlimit.hard()),
            ));
        }
    }
    Ok(())
}

fn oom_score_adj(process: &Process, at: &str) -> Result<(), CheckError> {
    match process.oom_score_adj() {
        Some(score) if !(-1000..=1000).contains(&score) => Err(CheckError::unsupported(
            member(at, "oomScoreAdj"),
            score,
            "a number from -1000 to 1000",
        )),
        _ => Ok(()),
    }
}

/// sched(7) and sched_setattr(2).
fn scheduler(scheduler: &Scheduler, at: &str) -> Result<(), CheckError> {
    use LinuxSchedulerPolicy::{SchedBatch, SchedDeadline, SchedFifo, SchedOther, SchedRr};
    let policy = *scheduler.policy();
    let nice = scheduler.nice().unwrap_or(0);
    let priority = scheduler.priority().unwrap_or(0);
    let out_of = |member: &str, found: i32, allowed: &'static str| {
        Err(CheckError::unsupported(format!("{at}.{member}"), found, allowed))
    };
    if matches!(policy, SchedOther | SchedBatch) && !(-20..=19).contains(&nice) {
        return out_of("nice", nice, "a number from -20 to 19");
    }
    match policy {
        SchedFifo | SchedRr if !(1..=99).contains(&priority) => {
            out_of("priority", priority, "a number from 1 to 99 with a real-time policy")
        }
        SchedFifo | SchedRr => Ok(()),
        _ if priority != 0 => {
            out_of("priority", priority, "0 with a policy that is not SCHED_FIFO or SCHED_RR")
        }
        SchedDeadline => Ok(()),
        _ => no_deadline(scheduler, at),
    }
}

fn no_deadline(scheduler: &Scheduler, at: &str) -> Result<(), CheckError> {
    let given = [
        ("runtime", scheduler.runtime()),
        ("deadline", scheduler.deadline()),
        ("period", scheduler.period()),
    ];
    match given.iter().find(|(_, value)| value.is_some_and(|nanoseconds| nanoseconds != 0)) {
        Some((name, value)) => Err(CheckError::conflict(
            format!("{at}.{name}"),
            value.unwrap_or_default(),
            format!("{at}.policy, which is not SCHED_DEADLINE"),
        )),
        None => Ok(()),
    }
}

fn io_priority(given: &LinuxIOPriority, at: &str) -> Result<(), CheckError> {
    match given.priority() {
        0..=7 => Ok(()),
        other => {
            Err(CheckError::unsupported(format!("{at}.priority"), other, "a number from 0 to 7"))
        }
    }
}
