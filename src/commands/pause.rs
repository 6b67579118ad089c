//! `creel pause` and `creel resume`: the container's processes stand still, and go on.

use libcontainer::Runtime;

use super::{find, one_container::OneContainer};
use crate::failure::Failure;

#[inline(never)]
pub(super) fn pause(args: &OneContainer, runtime: &Runtime) -> Result<i32, Failure> {
    find(runtime, &args.id)?.pause()?;
    Ok(0)
}

#[inline(never)]
pub(super) fn resume(args: &OneContainer, runtime: &Runtime) -> Result<i32, Failure> {
    find(runtime, &args.id)?.resume()?;
    Ok(0)
}
