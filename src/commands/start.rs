//! `creel start`: lets a created container run its program.

use libcontainer::{Runtime, StartOptions};

use super::{find, one_container::OneContainer};
use crate::{environment, failure::Failure};

#[inline(never)]
pub(super) fn run(args: &OneContainer, runtime: &Runtime) -> Result<i32, Failure> {
    let options = StartOptions { notify_socket: environment::notify_socket() };
    find(runtime, &args.id)?.start_with(&options)?;
    Ok(0)
}
