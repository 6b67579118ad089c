//! Scheduling, memory nodes, personality.

use super::arch::number;
use super::calls::call;
use creel_wire::schedule::SchedAttr;
use rustix::io::Errno;

/// Words of a mask of memory nodes: 1,024 of them, as many as kernels are built for.
pub const NODE_WORDS: usize = 16;

/// sched_setattr(2) on this process.
pub fn set_scheduler(wanted: &SchedAttr) -> Result<(), Errno> {
    let at = &raw const *wanted as usize;
    // SAFETY: the kernel reads one struct of the size that stands in it.
    unsafe { call(number::SCHED_SETATTR, [0, at, 0, 0, 0, 0]).map(drop) }
}

/// ioprio_set(2) on this process.
pub fn set_io_priority(value: u32) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    // SAFETY: plain numbers.
    unsafe { call(number::IOPRIO_SET, [IOPRIO_WHO_PROCESS, 0, value as usize, 0, 0, 0]).map(drop) }
}

/// set_mempolicy(2); an empty mask is none.
pub fn set_memory_policy(mode: u32, nodes: &[u64; NODE_WORDS]) -> Result<(), Errno> {
    let none = nodes.iter().all(|word| *word == 0);
    // The kernel takes one bit less than it is told.
    let (at, bits) = if none { (0, 0) } else { (nodes.as_ptr() as usize, 64 * NODE_WORDS + 1) };
    // SAFETY: the kernel reads as many bits as it is told of, less one, which the array has.
    unsafe { call(number::SET_MEMPOLICY, [mode as usize, at, bits, 0, 0, 0]).map(drop) }
}

/// personality(2).
pub fn set_personality(persona: u32) -> Result<(), Errno> {
    // SAFETY: plain numbers.
    unsafe { call(number::PERSONALITY, [persona as usize, 0, 0, 0, 0, 0]).map(drop) }
}
