//! creel-init: the only program of creel's that ever enters a container.
//!
//! The library execs it from a sealed memfd right after the clone, with the number of the plan's
//! descriptor as its argument. It maps the plan, carries out the steps in their order (see
//! [`script`]), reports through the first descriptor of the plan, and ends by becoming the
//! container's process. It allocates nothing but one array of pointers, has no threads and no libc.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod buffer;
mod channel;
mod console;
mod copy;
mod device;
mod failure;
mod home;
mod hook;
mod identity;
mod label;
mod legacy;
mod loopback;
mod mask;
mod mount;
mod namespace;
mod pivot;
mod placement;
mod procfs;
mod program;
mod remount;
mod resolve;
mod script;
mod start;
mod sys;
mod sysctl;
mod time;
mod unpivoted;
mod walk;

use channel::Channel;
use creel_wire::Plan;
use creel_wire::message::{At, BEFORE_STEPS};
use failure::Failure;
use rustix::io::Errno;

/// Called from `_start` with the argument vector; never returns.
fn run(arguments: sys::Arguments) -> ! {
    let Some(number) = arguments.number(1) else { sys::exit(1) };
    let Ok(bytes) = sys::map_plan(number) else { sys::exit(1) };
    match Plan::decode(bytes) {
        Ok(plan) => script::run(plan),
        Err(error) => {
            // The table of descriptors is as doubtful as the rest: the second argument names the socket.
            let channel = Channel::new(arguments.number(2).unwrap_or(-1));
            let errno = Errno::from_raw_os_error(error as i32);
            channel.failed(BEFORE_STEPS, &Failure::new(At::Decode, errno));
            sys::exit(1)
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    channel::report_panic();
    sys::exit(1)
}
