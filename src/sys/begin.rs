//! The program's entry, in the place of std's, which spends more than a tenth of a `state` on finding the stack's
//! limits in /proc/self/maps, for the sake of a message about its overflow. The kernel's guard page is there without.
//! What else std does is done here.

use std::{
    ffi::{CStr, OsStr, OsString, c_char, c_int},
    os::unix::ffi::OsStrExt,
};

use super::arena;

/// What libc calls.
// SAFETY: no other function of the program has the name, and libc calls it with these arguments.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    // Nothing was started yet that could be another thread.
    arena::claim();
    open_closed_streams();
    ignore_broken_pipes();
    let count = usize::try_from(count).unwrap_or_default();
    let word = |index| {
        // SAFETY: the kernel puts as many strings there as it says, each with an end; execve(2).
        let word = unsafe { CStr::from_ptr(*words.add(index)) };
        OsStr::from_bytes(word.to_bytes()).to_owned()
    };
    let argv: Vec<OsString> = (1..count).map(word).collect();
    crate::main(argv)
}

/// So that no file of ours is taken for a standard stream, or is written to as if it were one.
fn open_closed_streams() {
    let stream = |fd| libc::pollfd { fd, events: 0, revents: 0 };
    let mut streams = [stream(0), stream(1), stream(2)];
    // SAFETY: the kernel writes to the three. It does not wait.
    let polled = unsafe { libc::poll(streams.as_mut_ptr(), 3, 0) };
    for stream in streams {
        if polled < 0 || stream.revents & libc::POLLNVAL != 0 {
            // SAFETY: the path ends with a zero. The lowest free descriptor is taken, which is that of the first that
            // is closed; when all are open one more does no harm.
            let opened = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
            if opened < 0 {
                std::process::abort();
            }
        }
    }
}

/// Writing where nobody reads is an error, and told as such.
fn ignore_broken_pipes() {
    // SAFETY: no handler is involved.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}
