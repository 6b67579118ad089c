//! A hook that runs in the container's namespaces: started from here, waited for here.

use crate::failure::{Context, Failure, Outcome};
use crate::sys::{self, Pointers};
use core::ffi::CStr;
use creel_wire::Texts;
use creel_wire::message::{At, TEXT};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use rustix::time::{ClockId, clock_gettime};

/// The end of a hook's output, kept for the message when it fails.
struct Output {
    text: [u8; TEXT],
    length: usize,
}

/// Runs one hook to its end, or to the end of its time.
pub fn run(
    path: &CStr,
    arguments: Texts<'_>,
    environment: Texts<'_>,
    timeout: u32,
    stdin: BorrowedFd<'_>,
) -> Outcome {
    let arguments = Pointers::new(arguments, [None, None]).at(At::Memory)?;
    let environment = Pointers::new(environment, [None, None]).at(At::Memory)?;
    seek(stdin, SeekFrom::Start(0)).at(At::HookStart)?;
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).at(At::HookStart)?;
    let pid = match sys::fork().at(At::HookStart)? {
        Some(pid) => pid,
        None => {
            let errno = become_hook(path, &arguments, &environment, stdin, &writer);
            sys::exit(if errno == Errno::NOENT { 127 } else { 126 })
        }
    };
    drop(writer);
    let pid = Pid::from_raw(pid).ok_or(Failure::new(At::HookStart, Errno::CHILD))?;
    let process = pidfd_open(pid, PidfdFlags::empty()).at(At::HookStart)?;
    let mut output = Output { text: [0; TEXT], length: 0 };
    let in_time = wait_for_end(&process, &reader, timeout, &mut output)?;
    if !in_time {
        let _ = pidfd_send_signal(&process, Signal::KILL);
    }
    let status =
        rustix::io::retry_on_intr(|| waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED))
            .at(At::HookStart)?;
    let status = status.ok_or(Failure::new(At::HookStart, Errno::CHILD))?;
    if !in_time {
        return Err(Failure::new(At::HookTimeout, Errno::TIMEDOUT));
    }
    output.drain(&reader);
    judge(status.exit_status(), status.terminating_signal(), &output)
}

fn judge(exit: Option<i32>, signal: Option<i32>, output: &Output) -> Outcome {
    let (at, number) = match (exit, signal) {
        (Some(0), _) => return Ok(()),
        (Some(status), _) => (At::HookStatus, status),
        (None, signal) => (At::HookSignal, signal.unwrap_or(0)),
    };
    // A status is no errno; the library reads it by `at`.
    let failure = Failure::new(at, Errno::from_raw_os_error(number.max(1)));
    Err(failure.with_text(&output.text[..output.length]))
}

/// Between fork and exec: only system calls.
fn become_hook(
    path: &CStr,
    arguments: &Pointers<'_>,
    environment: &Pointers<'_>,
    stdin: BorrowedFd<'_>,
    output: &OwnedFd,
) -> Errno {
    // What is preserved is for the container's program.
    let result = sys::close_on_exec_from(3)
        .and_then(|()| sys::replace(stdin, 0))
        .and_then(|()| sys::replace(output.as_fd(), 1))
        .and_then(|()| sys::replace(output.as_fd(), 2));
    match result {
        Ok(()) => sys::execve(path, arguments, environment),
        Err(errno) => errno,
    }
}

/// Reads what the hook says until it ends; false when its time ran out before.
fn wait_for_end(
    process: &OwnedFd,
    reader: &OwnedFd,
    timeout: u32,
    output: &mut Output,
) -> Result<bool, Failure> {
    let end = (timeout > 0).then(|| now_ms() + i64::from(timeout));
    let mut reading = true;
    loop {
        let left = end.map(|end| end - now_ms());
        if left.is_some_and(|left| left <= 0) {
            return Ok(false);
        }
        let limit = left.map(|ms| Timespec { tv_sec: ms / 1000, tv_nsec: (ms % 1000) * 1_000_000 });
        let mut fds = [PollFd::new(process, PollFlags::IN), PollFd::new(reader, PollFlags::IN)];
        let watched = if reading { 2 } else { 1 };
        match poll(&mut fds[..watched], limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Failure::new(At::HookStart, errno)),
        }
        if !fds[0].revents().is_empty() {
            return Ok(true);
        }
        if reading && !fds[1].revents().is_empty() {
            reading = output.read(reader);
        }
    }
}

impl Output {
    /// Takes what there is, keeping the beginning; false at the end.
    fn read(&mut self, reader: &OwnedFd) -> bool {
        let mut chunk = [0u8; 512];
        let Ok(length) = rustix::io::read(reader, &mut chunk) else { return false };
        let kept = length.min(TEXT - self.length);
        self.text[self.length..self.length + kept].copy_from_slice(&chunk[..kept]);
        self.length += kept;
        length > 0
    }

    /// What is left in the pipe; a child of the hook may hold it open, so never wait.
    fn drain(&mut self, reader: &OwnedFd) {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        while self.length < TEXT {
            let mut fds = [PollFd::new(reader, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&zero)).is_ok_and(|count| count > 0);
            if !ready || !self.read(reader) {
                return;
            }
        }
    }
}

fn now_ms() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
