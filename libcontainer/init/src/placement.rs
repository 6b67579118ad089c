//! When and where the process runs: its scheduler, CPUs, memory nodes, and what it takes itself for.

use crate::failure::{Context, Failure, Outcome};
use crate::sys;
use creel_wire::Words;
use creel_wire::message::At;
use creel_wire::schedule::SchedAttr;
use rustix::io::Errno;
use rustix::thread::{CpuSet, sched_setaffinity};

/// personality(2).
pub fn personality(persona: u32) -> Outcome {
    sys::set_personality(persona).at(At::Call)
}

/// sched_setattr(2).
pub fn scheduler(wanted: &SchedAttr) -> Outcome {
    sys::set_scheduler(wanted).at(At::Call)
}

/// ioprio_set(2).
pub fn io_priority(value: u32) -> Outcome {
    sys::set_io_priority(value).at(At::Call)
}

/// set_mempolicy(2).
pub fn memory_policy(mode: u32, nodes: Words<'_>) -> Outcome {
    let mut mask = [0u64; sys::NODE_WORDS];
    for node in nodes.iter() {
        let word = mask.get_mut(node as usize / 64).ok_or(Failure::new(At::Call, Errno::INVAL))?;
        *word |= 1 << (node % 64);
    }
    sys::set_memory_policy(mode, &mask).at(At::Call)
}

/// sched_setaffinity(2).
pub fn affinity(cpus: Words<'_>) -> Outcome {
    let mut set = CpuSet::new();
    for cpu in cpus.iter() {
        if cpu as usize >= CpuSet::MAX_CPU {
            return Err(Failure::new(At::Call, Errno::INVAL));
        }
        set.set(cpu as usize);
    }
    sched_setaffinity(None, &set).at(At::Call)
}
