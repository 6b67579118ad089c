//! Standard descriptors and window sizes.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Descriptor 0.
pub(crate) fn standard_input() -> BorrowedFd<'static> {
    // SAFETY: nothing in this library closes descriptors 0 to 2, and std makes sure at start that they are open.
    unsafe { BorrowedFd::borrow_raw(0) }
}

/// Descriptor 1.
pub(crate) fn standard_output() -> BorrowedFd<'static> {
    // SAFETY: as above.
    unsafe { BorrowedFd::borrow_raw(1) }
}

/// Descriptors 0, 1 and 2.
pub(crate) fn standard_streams() -> [BorrowedFd<'static>; 3] {
    // SAFETY: as above.
    [0, 1, 2].map(|number| unsafe { BorrowedFd::borrow_raw(number) })
}

/// ioctl_tty(2): TIOCGWINSZ from one terminal, TIOCSWINSZ to another.
pub(crate) fn copy_window_size(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel writes one struct winsize, then reads it.
    let result = unsafe {
        match libc::ioctl(from.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) {
            0 => libc::ioctl(to.as_raw_fd(), libc::TIOCSWINSZ, &raw const size),
            failed => failed,
        }
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
