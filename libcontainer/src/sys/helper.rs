//! A child that makes the system calls of a start that take long and need nothing else of it, while this thread does the
//! rest: a network namespace takes longer to make than all that is planned meanwhile, and a device filter has to be verified.

use super::bpf::{DeviceFilter, attach_device_filter};
use super::clone::{CLONE_CLEAR_SIGHAND, CLONE_PIDFD, CloneArgs, clone3, raw};
use super::pidfd::send_signal;
use super::schedule::{move_away, move_here};
use crate::process::wait::is_readable_within;
use nix::sys::signal::{SigSet, SigmaskHow};
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

const STACK: usize = 16 * 1024;
/// How long it is waited for at once. One that somebody has stopped, or that gets no time, is done without.
const PATIENCE_MS: u16 = 1000;

/// A child that makes namespaces and keeps them until this is dropped, and then attaches a device filter. It shares this
/// program's memory, of which it touches only its [`Room`] and the filter in it, and its descriptors, or it would hold locks and
/// pipes of others open. It ends with the thread that began it, and nobody but this can wait for it, for it sends no signal when it ends
/// (`__WCLONE`, wait(2)).
pub(crate) struct Helper {
    /// `None`: it could not be started.
    process: Option<Process>,
    room: NonNull<Room>,
    /// It was given a filter.
    filters: bool,
}

struct Process {
    pid: i32,
    pidfd: OwnedFd,
}

/// What the child reads, writes and runs on.
struct Room {
    /// CLONE_NEW* flags.
    flags: u64,
    /// The pid of this program.
    parent: u32,
    /// How far the child is: [`CALLED`] and so on, or 0 once it has ended: by CLONE_CHILD_CLEARTID.
    state: AtomicU32,
    /// What it is to do next: nothing, [`ATTACH`], or [`END`], which is for good.
    order: AtomicU32,
    /// Written before the order to attach, and not after it.
    filter: UnsafeCell<Option<DeviceFilter>>,
    /// A descriptor that the child has open, or -1: one that is killed leaves it in the table that it shares.
    open: AtomicI32,
    stack: UnsafeCell<MaybeUninit<[u8; STACK]>>,
}

impl Room {
    /// To be freed by who gets it.
    fn new(flags: u64) -> NonNull<Room> {
        NonNull::from(Box::leak(Box::new(Room {
            flags,
            parent: std::process::id(),
            state: AtomicU32::new(CALLED),
            order: AtomicU32::new(0),
            filter: UnsafeCell::new(None),
            open: AtomicI32::new(-1),
            stack: UnsafeCell::new(MaybeUninit::uninit()),
        })))
    }
}

/// It has not run yet.
const CALLED: u32 = 1;
/// It did not run in time, and is to make nothing.
const UNNEEDED: u32 = 2;
const MAKING: u32 = 3;
const MADE: u32 = 4;
const ATTACHED: u32 = 5;
const NOT_ATTACHED: u32 = 6;

const ATTACH: u32 = 1;
const END: u32 = 2;

impl Helper {
    /// Begins to make namespaces of these kinds, CLONE_NEW* flags; a network namespace's loopback device comes up, too.
    /// What goes wrong leaves them unmade.
    pub(crate) fn begin(flags: u64) -> Self {
        let room = Room::new(flags);
        let process = start(room).inspect_err(|error| log::debug!("no helper: {error}"));
        Helper { process: process.ok(), room, filters: false }
    }

    /// CLONE_NEW* flags of what it makes; 0 when it could not be started.
    pub(crate) fn flags(&self) -> u64 {
        self.process.as_ref().map_or(0, |_| self.room().flags)
    }

    /// What a child that shares memory needs to enter them. `None` when they are not even begun, because no processor was
    /// free for it: then they are not made any more, for whoever needs them makes them as fast.
    pub(crate) fn entrance(&self) -> Option<Entrance<'_>> {
        let Room { flags, state, .. } = self.room();
        let Process { pid, pidfd } = self.process.as_ref()?;
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        match state.compare_exchange(CALLED, UNNEEDED, acquire, relaxed) {
            Ok(_) => {
                // So that its end does not wait for the processor that it got no time on.
                move_here(*pid);
                None
            }
            Err(UNNEEDED | 0) => None,
            Err(_) => Some(Entrance { pidfd: pidfd.as_fd(), flags: *flags, state }),
        }
    }

    /// Has it load a device filter and attach it, once the namespaces are made. Only one.
    pub(crate) fn attach(&mut self, filter: DeviceFilter) {
        if self.filters || self.process.is_none() {
            return;
        }
        self.filters = true;
        let room = self.room();
        // SAFETY: the child reads it after the order, which is not given twice; nobody else does.
        unsafe { *room.filter.get() = Some(filter) };
        self.order(ATTACH);
    }

    /// Waits for the end of [`attach`](Self::attach). False: no filter was given, or it is not known to be attached.
    pub(crate) fn has_attached(&self) -> bool {
        let state = &self.room().state;
        loop {
            match state.load(Ordering::Acquire) {
                _ if !self.filters => return false,
                ATTACHED => return true,
                waiting @ (CALLED | MAKING | MADE) if wait_while(state, waiting, true) => {}
                _ => return false,
            }
        }
    }

    fn order(&self, order: u32) {
        let word = &self.room().order;
        word.store(order, Ordering::Release);
        wake(word);
    }

    fn room(&self) -> &Room {
        // SAFETY: it lives until this is dropped, and the child changes nothing of it but atomics and its stack, which
        // nobody here reads.
        unsafe { self.room.as_ref() }
    }
}

/// The way into namespaces that may not be made yet.
#[derive(Clone, Copy)]
pub(crate) struct Entrance<'a> {
    pidfd: BorrowedFd<'a>,
    flags: u64,
    state: &'a AtomicU32,
}

impl Entrance<'_> {
    /// CLONE_NEW* flags.
    pub(crate) fn flags(&self) -> u64 {
        self.flags
    }

    /// Waits until they are made, and enters them by setns(2); what that returns. System calls and no more.
    pub(super) fn enter(self) -> isize {
        loop {
            match self.state.load(Ordering::Acquire) {
                MAKING if wait_while(self.state, MAKING, true) => {}
                MAKING => return -(libc::ETIMEDOUT as isize),
                MADE | ATTACHED | NOT_ATTACHED => break,
                _ => return -(libc::ESRCH as isize),
            }
        }
        let (process, flags) = (self.pidfd.as_raw_fd() as usize, self.flags as usize);
        // SAFETY: plain numbers.
        unsafe { raw(libc::SYS_setns, [process, flags, 0, 0, 0]) }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some(Process { pidfd, .. }) = &self.process {
            self.order(END);
            if !end(pidfd) {
                // It may still use the room.
                return;
            }
        }
        // SAFETY: it came from a box, and the child, which also used it, has ended or was never there.
        let room = unsafe { Box::from_raw(self.room.as_ptr()) };
        if let open @ 0.. = room.open.load(Ordering::Acquire) {
            // SAFETY: the child opened it and did not get to close it; nobody else knows the number.
            drop(unsafe { OwnedFd::from_raw_fd(open) });
        }
    }
}

/// Waits until a child has ended that was told to; one that does not is killed. False: that is not known.
fn end(pidfd: &OwnedFd) -> bool {
    if !is_readable_within(pidfd, PATIENCE_MS).unwrap_or(false) {
        let _ = send_signal(pidfd.as_fd(), libc::SIGKILL);
    }
    await_end(pidfd)
}

fn start(room: NonNull<Room>) -> io::Result<Process> {
    let mut pidfd: c_int = -1;
    // SAFETY: only the addresses of fields of the room are taken.
    let (stack, state) =
        unsafe { (&raw const (*room.as_ptr()).stack, &raw const (*room.as_ptr()).state) };
    let args = CloneArgs {
        flags: (libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_CHILD_CLEARTID) as u64
            | CLONE_PIDFD
            | CLONE_CLEAR_SIGHAND,
        pidfd: (&raw mut pidfd) as u64,
        child_tid: state as u64,
        stack: stack as u64,
        stack_size: STACK as u64,
        ..CloneArgs::default()
    };
    let blocked = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    // SAFETY: `args` is a whole struct clone_args whose pidfd points to a c_int. The room, with the stack, stays until the
    // child has ended, for what frees it waits for that. `child` makes system calls and no more.
    let pid = unsafe { clone3(&args, child, room.as_ptr().cast()) };
    // It was the mask before, so it can be again.
    let _ = blocked.thread_set_mask();
    if pid < 0 {
        return Err(io::Error::from_raw_os_error(-pid as i32));
    }
    move_away(pid as i32);
    // SAFETY: the kernel stored a new descriptor, which nobody else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Process { pid: pid as i32, pidfd })
}

fn await_end(pidfd: &OwnedFd) -> bool {
    let (id, how) = (pidfd.as_raw_fd(), libc::WEXITED | libc::__WALL);
    let (nothing, usage) = (ptr::null_mut::<libc::siginfo_t>(), ptr::null_mut::<libc::rusage>());
    loop {
        // SAFETY: the kernel writes nothing through null pointers.
        let waited =
            unsafe { libc::syscall(libc::SYS_waitid, libc::P_PIDFD, id, nothing, how, usage) };
        match (waited, io::Error::last_os_error().raw_os_error()) {
            (0, _) => return true,
            (_, Some(libc::EINTR)) => {}
            // Another thread of an embedding program waits for all children.
            (_, error) => return error == Some(libc::ECHILD),
        }
    }
}

/// futex(2), FUTEX_WAIT; not private, for the kernel wakes at the child's end without that flag. False: it took too long.
fn wait_while(word: &AtomicU32, value: u32, patient: bool) -> bool {
    let second = libc::timespec { tv_sec: (PATIENCE_MS / 1000).into(), tv_nsec: 0 };
    let limit = if patient { (&raw const second) as usize } else { 0 };
    // SAFETY: the kernel reads one word, which lives as long as it is borrowed, and the time, if any.
    let woken =
        unsafe { raw(libc::SYS_futex, [word.as_ptr() as usize, 0, value as usize, limit, 0]) };
    woken != -(libc::ETIMEDOUT as isize)
}

/// futex(2), FUTEX_WAKE.
fn wake(word: &AtomicU32) {
    // SAFETY: only the word's address is used.
    unsafe { raw(libc::SYS_futex, [word.as_ptr() as usize, 1, 1, 0, 0]) };
}

/// The child: no allocation, no libc (whose state belongs to another thread), only system calls.
///
/// # Safety
/// `argument` points to a `Room` that is there until this process has ended.
unsafe extern "C" fn child(argument: *mut c_void) -> ! {
    // SAFETY: as promised above; of the rest of the room only this function's stack is written.
    let (flags, parent, state, order, filter, open) = unsafe {
        let room: *const Room = argument.cast();
        let Room { flags, parent, ref state, ref order, ref filter, ref open, .. } = *room;
        (flags, parent, state, order, filter, open)
    };
    let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
    // SAFETY: plain numbers; the namespaces are of this process alone.
    let made = unsafe {
        let (signal, kill) = (libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize);
        raw(libc::SYS_prctl, [signal, kill, 0, 0, 0]) == 0
            && raw(libc::SYS_getppid, [0; 5]) == parent as isize
            && state.compare_exchange(CALLED, MAKING, acquire, relaxed).is_ok()
            && raw(libc::SYS_unshare, [flags as usize, 0, 0, 0, 0]) == 0
    };
    if made {
        reach(state, MADE);
        if flags & libc::CLONE_NEWNET as u64 != 0 {
            bring_loopback_up(open);
        }
        obey(order, state, filter, open);
    }
    loop {
        // SAFETY: a plain number; this does not come back.
        unsafe { raw(libc::SYS_exit, [0; 5]) };
    }
}

/// Waits for orders until the one to end.
fn obey(
    order: &AtomicU32,
    state: &AtomicU32,
    filter: &UnsafeCell<Option<DeviceFilter>>,
    open: &AtomicI32,
) {
    let mut done = 0;
    loop {
        match order.load(Ordering::Acquire) {
            END => return,
            same if same == done => _ = wait_while(order, done, false),
            ordered => {
                done = ordered;
                // SAFETY: it was written before the order, and is not written again.
                let filter = unsafe { &*filter.get() };
                let attached =
                    filter.as_ref().is_some_and(|filter| attach_device_filter(filter, open));
                reach(state, if attached { ATTACHED } else { NOT_ATTACHED });
            }
        }
    }
}

fn reach(state: &AtomicU32, reached: u32) {
    state.store(reached, Ordering::Release);
    wake(state);
}

/// netdevice(7), SIOCSIFFLAGS with IFF_UP. creel-init finds it done, or does it and says what is wrong.
fn bring_loopback_up(open: &AtomicI32) {
    const SIOCSIFFLAGS: usize = 0x8914;
    // struct ifreq: 16 bytes of name, then a union of 24 that begins with the flags.
    let mut request = [0u8; 40];
    request[..2].copy_from_slice(b"lo");
    request[16] = libc::IFF_UP as u8;
    let (family, kind) = (libc::AF_INET as usize, (libc::SOCK_DGRAM | libc::SOCK_CLOEXEC) as usize);
    // SAFETY: the kernel reads one struct ifreq; the socket is this function's own.
    unsafe {
        let socket = raw(libc::SYS_socket, [family, kind, 0, 0, 0]);
        if socket >= 0 {
            open.store(socket as i32, Ordering::Release);
            let number = socket as usize;
            raw(libc::SYS_ioctl, [number, SIOCSIFFLAGS, request.as_ptr() as usize, 0, 0]);
            open.store(-1, Ordering::Release);
            raw(libc::SYS_close, [number, 0, 0, 0, 0]);
        }
    }
}

#[cfg(test)]
mod tests;
