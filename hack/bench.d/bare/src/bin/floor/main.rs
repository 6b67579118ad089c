//! The floor: what the kernel alone costs for the bench's container.
//!
//! Each command does only the system calls without which the container of `bundle/config.json` and
//! the command's result cannot be had: no config is read, nothing is checked, no limits, rights,
//! device filter or hostname are set. `floor.trace` beside the sources has every call it makes, and
//! `hack/bench floor-trace --check` compares.
//!
//!     floor run ROOTFS CGROUP PROGRAM [ARG..]
//!     floor run-in PROCS ROOTFS CGROUP PROGRAM [ARG..]
//!     floor create STATE ROOTFS CGROUP PROGRAM [ARG..]
//!     floor start|state STATE
//!     floor kill STATE
//!     floor exec STATE CGROUP PROGRAM [ARG..]
//!     floor delete|delete-force STATE CGROUP
//!     floor list ROOT
//!
//! STATE is a directory, made by `create`, with `pid` and a fifo `exec.fifo` in it; the commands go
//! into it, so that `create` needs ROOTFS and CGROUP as absolute paths. PROCS is the cgroup.procs of
//! a cgroup of version 1.

#![no_std]
#![no_main]

mod container;
mod lifecycle;
mod state;

use bare::sys::{self, Args, Errno};

bare::start_program!(main);

/// What failed, and why.
pub(crate) struct Failure {
    what: &'static str,
    errno: Errno,
}

/// Names the step that failed.
pub(crate) trait Step<T> {
    fn step(self, what: &'static str) -> Result<T, Failure>;
}

impl<T> Step<T> for sys::Result<T> {
    fn step(self, what: &'static str) -> Result<T, Failure> {
        self.map_err(|errno| Failure { what, errno })
    }
}

fn main(args: Args) -> i32 {
    let result = match args.get(1).map(|name| name.to_bytes()) {
        Some(b"run") => lifecycle::run(args.from(2)),
        Some(b"run-in") => lifecycle::run_in(args.from(2)),
        Some(b"create") => lifecycle::create(args.from(2)),
        Some(b"start") => lifecycle::start(args.from(2)),
        Some(b"exec") => lifecycle::exec(args.from(2)),
        Some(b"kill") => lifecycle::kill(args.from(2)),
        Some(b"delete") => lifecycle::delete(args.from(2)),
        Some(b"delete-force") => lifecycle::delete_force(args.from(2)),
        Some(b"state") => state::show(args.from(2)),
        Some(b"list") => state::list(args.from(2)),
        _ => Err(Failure { what: "unknown command", errno: Errno(0) }),
    };
    result.unwrap_or_else(|failure| {
        report(&failure);
        1
    })
}

/// One line on stderr: the step and its errno.
pub(crate) fn report(failure: &Failure) {
    let mut digits = [b'0'; 3];
    let mut rest = failure.errno.0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let parts: [&[u8]; 5] = [b"floor: ", failure.what.as_bytes(), b": errno ", &digits, b"\n"];
    for part in parts {
        sys::write_all(2, part);
    }
}
