//! The talk with creel-init, with the errors of the lifecycle.

use crate::cgroups::Cgroup;
use crate::error::Error;
use crate::process::conversation::{Conversation, Event};
use crate::process::launch::Init;
use crate::process::wait;
use std::os::fd::AsFd;

pub(super) fn next(conversation: &Conversation) -> Result<Event, Error> {
    conversation.next().map_err(|source| Error::io("read from creel-init", "", source))
}

/// As [`next`], of a creel-init that may go on in a second process.
pub(super) fn next_of(init: &mut Init) -> Result<Event, Error> {
    init.next().map_err(|source| Error::io("read from creel-init", "", source))
}

pub(super) fn go(conversation: &Conversation) -> Result<(), Error> {
    conversation.go().map_err(|source| Error::io("write to creel-init", "", source))
}

/// creel-init closed the conversation without a word: it was killed, perhaps for lack of memory.
pub(super) fn died(init: &Init, cgroup: Option<&Cgroup>) -> Error {
    let how = match wait::wait(init.pidfd.as_fd()) {
        Ok(wait::Exit::Status(status)) => format!("exit status {status}"),
        Ok(wait::Exit::Signal(9)) if cgroup.is_some() => {
            "killed; if linux.resources.memory.limit is small, raise it".to_owned()
        }
        Ok(wait::Exit::Signal(signal)) => format!("killed by signal {signal}"),
        Err(error) => error.to_string(),
    };
    Error::Died { during: "it was prepared", how }
}

/// creel-init went on in a sibling inside the joined pid namespace.
pub(super) fn enter_second_process(init: &mut Init, pid: i32) -> Result<(), Error> {
    let entered = init.enter_second_process(pid);
    entered.map_err(|source| Error::io("open the process in the joined pid namespace", "", source))
}
