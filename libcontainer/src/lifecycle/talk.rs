//! The talk with creel-init, with the errors of the lifecycle.

use crate::cgroups::Cgroup;
use crate::error::Error;
use crate::process::conversation::{Conversation, Event};
use crate::process::launch::{Init, PATIENCE_MS};
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

/// creel-init closed the conversation without a word: it was killed, perhaps for lack of memory. One that somebody traces may have
/// been made to close it, and not end.
pub(super) fn died(init: &Init, cgroup: Option<&Cgroup>) -> Error {
    let how = match wait::wait_within(init.pidfd.as_fd(), PATIENCE_MS) {
        Ok(Some(wait::Exit::Status(status))) => format!("exit status {status}"),
        Ok(Some(wait::Exit::Signal(9))) if cgroup.is_some() => {
            "killed; if linux.resources.memory.limit is small, raise it".to_owned()
        }
        Ok(Some(wait::Exit::Signal(signal))) => format!("killed by signal {signal}"),
        Ok(None) => "its connection did, but it is still there; is it traced?".to_owned(),
        Err(error) => error.to_string(),
    };
    Error::Died { during: "it was prepared", how }
}

/// creel-init went on in a sibling inside the joined pid namespace.
pub(super) fn enter_second_process(init: &mut Init, pid: i32) -> Result<(), Error> {
    let entered = init.enter_second_process(pid);
    entered.map_err(|source| Error::io("open the process in the joined pid namespace", "", source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::launch::tests::launched;
    use creel_wire::owned::Step;
    use std::sync::mpsc;
    use std::time::Duration;

    /// Stopped here; somebody who traces it could do the same.
    #[test]
    fn what_closed_the_conversation_and_does_not_end_is_not_waited_for_without_end() {
        let mut init = launched(&[Step::Ready {}], &[]);
        assert!(matches!(next_of(&mut init), Ok(Event::Ready)));
        crate::sys::send_signal(init.pidfd.as_fd(), libc::SIGSTOP).expect("it runs");
        let (ended, waited) = mpsc::channel();
        let waiting = std::thread::spawn(move || {
            let _ = ended.send(died(&init, None).to_string());
            init
        });
        let said = waited.recv_timeout(Duration::from_secs(20)).expect("it was waited for");
        assert!(said.contains("is still there"), "{said}");
        waiting.join().expect("no panic").end();
    }
}
