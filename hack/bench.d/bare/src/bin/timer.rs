//! Runs commands and measures them: `timer ERRORS`, requests on stdin, replies on stdout.
//!
//! A program of its own because a process that is started with vfork carries its parent's peak
//! resident size into its own rusage: the parent must be smaller than anything that is measured.
//!
//! A request is a length (u32) and that many bytes: the NUL-terminated arguments one after another,
//! the first being the program's path. The reply is seven i64: wall time in ns from just before the
//! clone until the process is reaped, wait status, user and system time in µs, peak resident KiB,
//! page faults, and the errno of a failed exec or 0. Numbers are in the machine's byte order. The
//! command's stdin and stdout are /dev/null, its stderr is the file ERRORS, its environment is PATH.

#![no_std]
#![no_main]

use core::cell::Cell;

use bare::sys::{self, Args, Errno, flags, open_flags};

const MAX_REQUEST: usize = 4096;
const ENVIRONMENT: &core::ffi::CStr =
    c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bare::start_program!(main);

struct Command<'a> {
    packed: &'a [u8],
    null: i32,
    errors: i32,
    exec_errno: Cell<i32>,
}

fn main(args: Args) -> i32 {
    let Some(errors) = args.get(1) else { return 2 };
    let flags = open_flags::RDWR | open_flags::CLOEXEC;
    let Ok(null) = sys::open(c"/dev/null", flags) else { return 3 };
    let errors = sys::open(errors, flags | open_flags::CREAT | open_flags::APPEND);
    let Ok(errors) = errors else { return 4 };
    let mut buffer = [0_u8; MAX_REQUEST];
    loop {
        let mut length = [0_u8; 4];
        if !sys::read_full(0, &mut length) {
            return 0;
        }
        let Some(packed) = buffer.get_mut(..u32::from_ne_bytes(length) as usize) else { return 5 };
        if !sys::read_full(0, packed) {
            return 6;
        }
        let command = Command { packed, null, errors, exec_errno: Cell::new(0) };
        let Ok(reply) = run(&command) else { return 7 };
        if !sys::write_all(1, &reply) {
            return 0;
        }
    }
}

fn run(command: &Command<'_>) -> Result<[u8; 56], Errno> {
    let begin = sys::monotonic_ns();
    let pid = sys::start_process(flags::VM | flags::VFORK, None, child, command)?;
    let ended = sys::wait(pid)?;
    let wall = sys::monotonic_ns() - begin;
    let numbers = [
        wall,
        i64::from(ended.status),
        ended.user_us,
        ended.system_us,
        ended.max_rss,
        ended.faults,
        i64::from(command.exec_errno.get()),
    ];
    let mut reply = [0_u8; 56];
    for (place, number) in reply.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    Ok(reply)
}

fn child(command: &Command<'_>) -> ! {
    let stdio = [(command.null, 0), (command.null, 1), (command.errors, 2)];
    let moved = stdio.iter().try_for_each(|&(from, to)| sys::dup_to(from, to));
    let errno = match moved {
        Ok(()) => sys::exec_packed(command.packed, ENVIRONMENT),
        Err(e) => e,
    };
    // The parent stands still and shares this memory: it reads what is put here.
    command.exec_errno.set(errno.0);
    sys::exit(127)
}
