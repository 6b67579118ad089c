//! When and where the process runs: scheduler, I/O priority, CPUs, memory nodes, personality.

use super::{Host, PlanError, Planned, Script};
use caps::Capability;
use creel_wire::owned::Step;
use oci_spec::runtime::{
    IOPriorityClass, Linux, LinuxMemoryPolicy, LinuxPersonality, LinuxPersonalityDomain,
    LinuxSchedulerFlag, LinuxSchedulerPolicy, MemoryPolicyFlagType, MemoryPolicyModeType, Process,
    Scheduler,
};
use serde::{Deserialize, Serialize};

/// What `linux` says of the container's processes: all of them, those of an exec too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Surroundings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    personality: Option<LinuxPersonality>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory_policy: Option<LinuxMemoryPolicy>,
}

impl Surroundings {
    pub(crate) fn of(linux: Option<&Linux>) -> Self {
        Surroundings {
            personality: linux.and_then(|linux| linux.personality().clone()),
            memory_policy: linux.and_then(|linux| linux.memory_policy().clone()),
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Surroundings::default()
    }
}

/// While all rights are there: most of it wants CAP_SYS_NICE.
pub(super) fn plan(
    script: &mut Script,
    process: &Process,
    surroundings: &Surroundings,
    outer_scheduling: bool,
) -> Result<(), PlanError> {
    if let Some(wanted) = &surroundings.personality {
        let persona = persona(wanted.domain());
        script.push("linux.personality", Step::Personality { persona });
    }
    if let Some(wanted) = &surroundings.memory_policy {
        script.push("linux.memoryPolicy", memory_policy(wanted)?);
    }
    if !outer_scheduling {
        script.steps.extend(scheduling(process));
    }
    Ok(())
}

/// Whether the library schedules the process from outside: in a user namespace nobody has the right to real time,
/// who makes the container may have it.
pub(super) fn outer_scheduling(in_user_namespace: bool, host: &Host) -> bool {
    in_user_namespace && host.has(Capability::CAP_SYS_NICE)
}

/// The steps for the scheduler and the I/O priority.
pub(super) fn scheduling(process: &Process) -> Vec<Planned> {
    let mut steps = Vec::new();
    if let Some(wanted) = process.scheduler() {
        let origin = "process.scheduler".to_owned();
        steps.push(Planned { origin, step: scheduler(wanted) });
    }
    if let Some(wanted) = process.io_priority() {
        // ioprio_set(2), IOPRIO_PRIO_VALUE; the check has seen to 0 to 7.
        let priority = io_class(wanted.class()) << 13 | (wanted.priority() & 7) as u32;
        let origin = "process.ioPriority".to_owned();
        steps.push(Planned { origin, step: Step::IoPriority { priority } });
    }
    steps
}

/// The CPUs that a second process gets, before it enters the cgroup and after (`execCPUAffinity`).
pub(super) struct ExecAffinity {
    initial: Option<Step>,
    last: Option<Step>,
}

impl ExecAffinity {
    pub(super) fn of(process: &Process) -> Result<Self, PlanError> {
        let given = process.exec_cpu_affinity().as_ref();
        let initial = given.and_then(|given| given.initial().as_deref());
        let last = given.and_then(|given| given.cpu_affinity_final().as_deref());
        Ok(ExecAffinity {
            initial: affinity("process.execCPUAffinity.initial", initial)?,
            last: affinity("process.execCPUAffinity.final", last)?,
        })
    }

    /// Before the cgroup is entered.
    pub(super) fn first(&self, script: &mut Script) {
        if let Some(step) = &self.initial {
            script.push("process.execCPUAffinity.initial", step.clone());
        }
    }

    /// After it. With an initial one alone, what the move into the cgroup made of it stays.
    pub(super) fn second(self, script: &mut Script) {
        match self {
            ExecAffinity { last: Some(step), .. } => {
                script.push("process.execCPUAffinity.final", step);
            }
            ExecAffinity { initial: Some(_), .. } => {}
            ExecAffinity { .. } => script.push("", Step::ResetAffinity {}),
        }
    }
}

/// Whether a second process has to enter its cgroup only after creel-init has set the CPUs.
pub(crate) fn enters_late(process: &Process) -> bool {
    let given = process.exec_cpu_affinity().as_ref();
    given.and_then(|given| given.initial().as_deref()).is_some_and(|cpus| !cpus.is_empty())
}

fn affinity(json_path: &str, list: Option<&str>) -> Result<Option<Step>, PlanError> {
    let list = list.filter(|list| !list.is_empty());
    list.map(|list| Ok(Step::Affinity { cpus: numbers(json_path, list)? })).transpose()
}

fn persona(domain: LinuxPersonalityDomain) -> u32 {
    match domain {
        LinuxPersonalityDomain::PerLinux => 0,
        LinuxPersonalityDomain::PerLinux32 => 8,
    }
}

fn scheduler(wanted: &Scheduler) -> Step {
    let flags =
        wanted.flags().iter().flatten().fold(0, |flags, flag| flags | scheduler_flag(*flag));
    Step::Scheduler {
        policy: match wanted.policy() {
            LinuxSchedulerPolicy::SchedOther => 0,
            LinuxSchedulerPolicy::SchedFifo => 1,
            LinuxSchedulerPolicy::SchedRr => 2,
            LinuxSchedulerPolicy::SchedBatch => 3,
            LinuxSchedulerPolicy::SchedIso => 4,
            LinuxSchedulerPolicy::SchedIdle => 5,
            LinuxSchedulerPolicy::SchedDeadline => 6,
        },
        flags,
        nice: i64::from(wanted.nice().unwrap_or(0)),
        // The check has seen to 0 to 99.
        priority: wanted.priority().unwrap_or(0).max(0) as u32,
        runtime: wanted.runtime().unwrap_or(0),
        deadline: wanted.deadline().unwrap_or(0),
        period: wanted.period().unwrap_or(0),
    }
}

/// SCHED_FLAG_*, linux/sched.h.
fn scheduler_flag(flag: LinuxSchedulerFlag) -> u64 {
    match flag {
        LinuxSchedulerFlag::SchedResetOnFork => 0x01,
        LinuxSchedulerFlag::SchedFlagReclaim => 0x02,
        LinuxSchedulerFlag::SchedFlagDLOverrun => 0x04,
        LinuxSchedulerFlag::SchedFlagKeepPolicy => 0x08,
        LinuxSchedulerFlag::SchedFlagKeepParams => 0x10,
        LinuxSchedulerFlag::SchedFlagUtilClampMin => 0x20,
        LinuxSchedulerFlag::SchedFlagUtilClampMax => 0x40,
    }
}

fn io_class(class: IOPriorityClass) -> u32 {
    match class {
        IOPriorityClass::IoprioClassRt => 1,
        IOPriorityClass::IoprioClassBe => 2,
        IOPriorityClass::IoprioClassIdle => 3,
    }
}

fn memory_policy(wanted: &LinuxMemoryPolicy) -> Result<Step, PlanError> {
    const NODES: &str = "linux.memoryPolicy.nodes";
    let list = wanted.nodes().as_deref().unwrap_or("");
    let nodes = if list.is_empty() { Vec::new() } else { numbers(NODES, list)? };
    let (mode, takes_nodes) = match wanted.mode() {
        MemoryPolicyModeType::MpolDefault => (0, Some(false)),
        // Without nodes it is the node of the CPU that allocates.
        MemoryPolicyModeType::MpolPreferred => (1, None),
        MemoryPolicyModeType::MpolBind => (2, Some(true)),
        MemoryPolicyModeType::MpolInterleave => (3, Some(true)),
        MemoryPolicyModeType::MpolLocal => (4, Some(false)),
        MemoryPolicyModeType::MpolPreferredMany => (5, Some(true)),
        MemoryPolicyModeType::MpolWeightedInterleave => (6, Some(true)),
    };
    let refuse = |allowed| {
        let (json_path, found) = (NODES.to_owned(), list.to_owned());
        Err(PlanError::Unsupported { json_path, found, allowed })
    };
    match (takes_nodes, nodes.is_empty()) {
        (Some(true), true) => return refuse("this mode needs a list of nodes such as 0-1"),
        (Some(false), false) => return refuse("this mode takes no nodes"),
        _ => {}
    }
    let flags = wanted.flags().iter().flatten().fold(0, |flags, flag| {
        flags
            | match flag {
                MemoryPolicyFlagType::MpolFNumaBalancing => 1 << 13,
                MemoryPolicyFlagType::MpolFRelativeNodes => 1 << 14,
                MemoryPolicyFlagType::MpolFStaticNodes => 1 << 15,
            }
    });
    Ok(Step::MemoryPolicy { mode: mode | flags, nodes })
}

/// The kernel's list format, cpuset(7): `0-3,7`.
fn numbers(json_path: &str, list: &str) -> Result<Vec<u32>, PlanError> {
    const MOST: u32 = 1023;
    let refuse = || PlanError::Unsupported {
        json_path: json_path.to_owned(),
        found: list.to_owned(),
        allowed: "use numbers from 0 to 1023 and ranges of them, such as 0-3,7",
    };
    let mut numbers = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let parse = |digits: &str| digits.trim().parse::<u32>().map_err(|_| refuse());
        let (first, last) = (parse(first)?, parse(last)?);
        if first > last || last > MOST {
            return Err(refuse());
        }
        numbers.extend(first..=last);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_numbers_and_ranges() {
        assert_eq!(numbers("", "0-2,7").unwrap(), [0, 1, 2, 7]);
        for wrong in ["", "3-1", "a", "1,", "0-1024", "-1"] {
            assert!(numbers("", wrong).is_err(), "{wrong:?}");
        }
    }

    fn policy(mode: MemoryPolicyModeType, nodes: Option<&str>) -> Result<Step, PlanError> {
        let mut policy = LinuxMemoryPolicy::default();
        policy.set_mode(mode).set_nodes(nodes.map(str::to_owned));
        memory_policy(&policy)
    }

    #[test]
    fn a_memory_policy_has_nodes_exactly_where_its_mode_takes_them() {
        use MemoryPolicyModeType::{MpolBind, MpolLocal, MpolPreferred};
        let step = policy(MpolBind, Some("0-1")).unwrap();
        assert_eq!(step, Step::MemoryPolicy { mode: 2, nodes: vec![0, 1] });
        assert!(policy(MpolBind, None).is_err());
        assert!(policy(MpolLocal, Some("0")).is_err());
        assert!(policy(MpolPreferred, None).is_ok() && policy(MpolPreferred, Some("0")).is_ok());
    }
}
