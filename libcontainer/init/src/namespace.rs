//! Joining and making namespaces.

use crate::channel::Channel;
use crate::failure::{Context, Outcome};
use crate::sys;
use creel_wire::message::{At, Kind, Message};
use rustix::io::Errno;

/// CLONE_NEWUSER, clone(2).
const USER: u32 = 0x1000_0000;

/// setns(2): the kernel checks that the descriptor is of this kind.
pub fn join(number: i32, kind: u32) -> Outcome {
    if kind & USER != 0 {
        leave_groups()?;
    }
    sys::setns(sys::borrow(number), kind).at(At::Call)
}

/// The caller's groups are given up while that can be done: the user namespace may be one without setgroups(2).
/// A caller who may not do it keeps them, as he would everywhere.
fn leave_groups() -> Outcome {
    match sys::drop_groups() {
        Err(Errno::PERM) => Ok(()),
        dropped => dropped.at(At::Groups),
    }
}

/// unshare(2).
pub fn unshare(flags: u32) -> Outcome {
    sys::unshare(flags).at(At::Call)
}

/// setns(2) on a pid namespace moves only children: go on in a child that has this process's parent
/// as its own, so that the library can wait for it.
pub fn enter_pid(channel: &Channel, at_once: bool) -> Outcome {
    match sys::clone_sibling().at(At::Call)? {
        Some(pid) => {
            let mut message = Message::new(Kind::Pid);
            message.step = pid as u32;
            channel.send(&message);
            sys::exit(0)
        }
        None if at_once => Ok(()),
        None => channel.wait(),
    }
}
