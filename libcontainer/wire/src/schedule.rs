//! What both sides hand to sched_setattr(2).

/// struct sched_attr of its first size, SCHED_ATTR_SIZE_VER0; times are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

impl SchedAttr {
    /// From the fields of [`crate::Step::Scheduler`].
    pub fn new(
        policy: u32,
        flags: u64,
        nice: i64,
        priority: u32,
        (runtime, deadline, period): (u64, u64, u64),
    ) -> Self {
        let (size, nice) = (size_of::<Self>() as u32, nice as i32);
        SchedAttr { size, policy, flags, nice, priority, runtime, deadline, period }
    }
}
