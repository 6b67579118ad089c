//! What each command of creel may cost in system calls: counted with strace, kept in budget.txt and compared with it. It
//! counts what is the same on a busy machine, and measures no time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::{AFTER_CREATE, Strace, wait_for_pid};
use crate::args::Options;
use crate::bundle::Program;
use crate::container::{Command, Container};
use crate::error::{At, Error};
use crate::runtime::Runtime;
use crate::stage::Stage;

const FILE: &str = "budget.txt";
const HEADER: &str = "\
# What each command of creel costs in system calls, with creel-init up to its execve and the child that makes namespaces:
# all calls but those that wait, and of them those that made a process, executed a program, opened a file. Written and
# checked by hack/bench budget; docs/bench.md says more. The next line says what the numbers depend on beside creel.
";
/// What is in every static program with glibc.
const GLIBC: &[u8] = b"GNU C Library";
/// A command is counted so often: with --force a container is deleted in fewer calls when it ends at once. The largest
/// numbers are allowed, and the smallest held against them.
const ROUNDS: usize = 3;

/// The costs of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cost {
    calls: u32,
    processes: u32,
    programs: u32,
    files: u32,
}

impl Cost {
    fn numbers(self) -> [u32; 4] {
        [self.calls, self.processes, self.programs, self.files]
    }

    /// Each number chosen from those of both.
    fn with(self, other: Cost, choose: fn(u32, u32) -> u32) -> Cost {
        Cost {
            calls: choose(self.calls, other.calls),
            processes: choose(self.processes, other.processes),
            programs: choose(self.programs, other.programs),
            files: choose(self.files, other.files),
        }
    }
}

type Costs = BTreeMap<&'static str, Cost>;

/// Counts; writes the numbers, or holds them against those that are there.
pub(crate) fn run(
    stage: &Stage,
    creel: &Runtime,
    options: &Options,
    check: bool,
) -> Result<(), Error> {
    let rounds: Result<Vec<Costs>, Error> = (0..ROUNDS).map(|_| count(stage, creel)).collect();
    let rounds = rounds?;
    let (least, most) = (merge(&rounds, u32::min), merge(&rounds, u32::max));
    let place = place(creel)?;
    let file = options.source.join(FILE);
    if !check {
        fs::write(&file, format!("{HEADER}{place}{}", table(&most))).at("write", &file)?;
        println!("wrote {}", file.display());
        return Ok(());
    }
    let committed = fs::read_to_string(&file).at("read", &file)?;
    print!("{}", table(&most));
    if !committed.contains(&place) {
        println!("SKIP budget: the numbers of {} are of another machine:\n{place}", file.display());
        return Ok(());
    }
    let (grown, _) = differences(&committed, &least);
    let (_, shrunk) = differences(&committed, &most);
    if !shrunk.is_empty() {
        println!("less than {} allows; lower it: hack/bench budget\n{shrunk}", file.display());
    }
    if grown.is_empty() { Ok(()) } else { Err(Error::Budget { path: file, grown }) }
}

fn merge(rounds: &[Costs], choose: fn(u32, u32) -> u32) -> Costs {
    let mut merged = Costs::new();
    for (name, cost) in rounds.iter().flatten() {
        merged
            .entry(*name)
            .and_modify(|all: &mut Cost| *all = all.with(*cost, choose))
            .or_insert(*cost);
    }
    merged
}

/// Each command once, in the order of a container's life.
fn count(stage: &Stage, creel: &Runtime) -> Result<Costs, Error> {
    let once = Container::new(stage, creel, Program::True);
    let idle = Container::new(stage, creel, Program::Idle);
    let mut costs = Costs::new();
    let mut add = |strace: Strace<'_>| -> Result<(), Error> {
        costs.insert(name(strace.command), cost(strace)?);
        Ok(())
    };
    add(Strace::start(stage, &once, Command::Run)?)?;
    idle.forget_pid();
    // strace follows the container's process, so this one ends when the container does.
    let create = Strace::start(stage, &idle, Command::Create)?;
    let pid = wait_for_pid(&idle)?;
    for command in AFTER_CREATE {
        add(Strace::start(stage, &idle, command)?)?;
    }
    idle.wait_for_end(pid)?;
    add(create)?;
    once.forget_pid();
    let create = Strace::start(stage, &once, Command::Create)?;
    let pid = wait_for_pid(&once)?;
    cost(Strace::start(stage, &once, Command::Start)?)?;
    once.wait_for_end(pid)?;
    cost(create)?;
    add(Strace::start(stage, &once, Command::Delete)?)?;
    Ok(costs)
}

fn name(command: Command) -> &'static str {
    match command {
        Command::Run => "run",
        Command::Create => "create",
        Command::Start => "start",
        Command::Delete => "delete",
        Command::DeleteForce => "delete-force",
        Command::Exec => "exec",
        Command::State => "state",
        Command::Kill => "kill",
        Command::List => "list",
    }
}

fn cost(strace: Strace<'_>) -> Result<Cost, Error> {
    let mut cost = Cost::default();
    for (number, text) in strace.texts()?.iter().enumerate() {
        add_process(&mut cost, text, number == 0);
    }
    Ok(cost)
}

/// The first process begins with strace's exec of creel; any other ends with that of the container's program.
fn add_process(cost: &mut Cost, text: &str, first: bool) {
    for line in text.lines().skip(usize::from(first)) {
        let Some((call, _)) = line.split_once('(') else { continue };
        if line.starts_with("---") || line.starts_with("+++") || is_waiting(call, line) {
            continue;
        }
        cost.calls += 1;
        let succeeded = !line.contains(" = -1 ");
        match call {
            "clone" | "clone3" | "fork" | "vfork" if succeeded => cost.processes += 1,
            "execve" | "execveat" if succeeded => cost.programs += 1,
            "open" | "openat" | "openat2" | "open_tree" if succeeded => cost.files += 1,
            _ => {}
        }
        if call == "execve" && succeeded {
            return;
        }
    }
}

/// How often these are made depends on who is faster.
fn is_waiting(call: &str, line: &str) -> bool {
    matches!(call, "futex" | "poll" | "ppoll" | "restart_syscall" | "waitid" | "wait4")
        || line.contains("EAGAIN")
        || line.contains("EINTR")
        || line.contains("ERESTART")
        // A signalfd that tells of a child's end, which may be told of otherwise first.
        || line.contains("ssi_signo=SIGCHLD")
        || (call == "read" && line.contains("\"\\21\\0\\0\\0"))
}

fn table(costs: &Costs) -> String {
    let mut text = "command       calls processes programs files\n".to_owned();
    for (name, cost) in costs {
        let [calls, processes, programs, files] = cost.numbers();
        let _ = writeln!(text, "{name:<13} {calls:>5} {processes:>9} {programs:>8} {files:>5}");
    }
    text
}

/// What the numbers depend on beside creel's own code.
fn place(creel: &Runtime) -> Result<String, Error> {
    let program = fs::read(&creel.path).at("read", &creel.path)?;
    let has_glibc = program.windows(GLIBC.len()).any(|part| part == GLIBC);
    let libc = if has_glibc { "glibc" } else { "musl" };
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let controllers = read("/sys/fs/cgroup/cgroup.controllers");
    let last = read("/proc/sys/kernel/cap_last_cap");
    Ok(format!(
        "# C library: {libc}; controllers of cgroup2: {controllers:?}; last capability: {last}\n"
    ))
}

/// What became more and what became less, a line for each.
fn differences(committed: &str, costs: &Costs) -> (String, String) {
    let (mut grown, mut shrunk) = (String::new(), String::new());
    for (name, cost) in costs {
        let line = committed.lines().find(|line| line.split_whitespace().next() == Some(name));
        let numbers = line.into_iter().flat_map(str::split_whitespace).skip(1);
        let allowed: Vec<u32> = numbers.filter_map(|number| number.parse().ok()).collect();
        let kinds = ["calls", "processes", "programs", "files"];
        for (index, (kind, found)) in kinds.into_iter().zip(cost.numbers()).enumerate() {
            let allowed = allowed.get(index).copied().unwrap_or(0);
            let list = if found > allowed { &mut grown } else { &mut shrunk };
            if found != allowed {
                let _ = writeln!(list, "  {name}: {found} {kind}, allowed are {allowed}");
            }
        }
    }
    (grown, shrunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_up_to_the_containers_program() {
        let library = "execve(\"creel\") = 0\nbrk(NULL) = 0x1\nfutex(0x1) = 0\n--- SIGCHLD {} ---\n\
                       openat(3, \"a\") = 4\nopenat(3, \"b\") = -1 ENOENT (No such file)\nclone3({}) = 7\n+++ exited +++\n";
        let init = "execveat(5, \"\") = 0\nexecve(\"/bin/a\") = -1 ENOENT (No such file)\nexecve(\"/bin/b\") = 0\n\
                    brk(NULL) = 0x1\n";
        let mut cost = Cost::default();
        add_process(&mut cost, library, true);
        assert_eq!(cost, Cost { calls: 4, processes: 1, programs: 0, files: 1 });
        add_process(&mut cost, init, false);
        assert_eq!(cost, Cost { calls: 7, processes: 1, programs: 2, files: 1 });
    }

    #[test]
    fn numbers_are_chosen_one_by_one() {
        let one = Cost { calls: 9, processes: 2, programs: 1, files: 3 };
        let other = Cost { calls: 7, processes: 3, programs: 1, files: 3 };
        let rounds = [Costs::from([("kill", one)]), Costs::from([("kill", other)])];
        assert_eq!(merge(&rounds, u32::min)["kill"].numbers(), [7, 2, 1, 3]);
        assert_eq!(merge(&rounds, u32::max)["kill"].numbers(), [9, 3, 1, 3]);
    }

    #[test]
    fn more_and_less_are_told_apart() {
        let cost = Cost { calls: 9, processes: 2, programs: 1, files: 3 };
        let costs = Costs::from([("kill", cost)]);
        let (grown, shrunk) = differences(&table(&costs), &costs);
        assert_eq!((grown.as_str(), shrunk.as_str()), ("", ""));
        let (grown, shrunk) = differences("kill 8 2 2 3\n", &costs);
        assert_eq!(grown, "  kill: 9 calls, allowed are 8\n");
        assert_eq!(shrunk, "  kill: 1 programs, allowed are 2\n");
        let (grown, _) = differences("", &costs);
        assert_eq!(grown.lines().count(), 4, "what is not named may do nothing");
    }
}
