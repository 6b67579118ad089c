//! Following one system call of another process, with ptrace(2).

use crate::process::identity::is_child;
use std::io;

const EVENT_STOP: i32 = 128;
const SYSCALL_STOP: i32 = libc::SIGTRAP | 0x80;
// Requests of ptrace(2), which musl and glibc type differently.
const SYSCALL: u32 = 24;
const DETACH: u32 = 17;
const SEIZE: u32 = 0x4206;
const INTERRUPT: u32 = 0x4207;
const GET_SYSCALL_INFO: u32 = 0x420e;
const ENTRY: u8 = 1;
const EXIT: u8 = 2;

/// A process that this thread traces: it is killed when the thread ends without letting go of it.
pub(crate) struct Traced {
    pid: i32,
    /// What the next resuming delivers.
    signal: i32,
}

/// What a traced process does.
enum Stop {
    /// It has ended.
    Ended,
    /// It begins or has ended a system call.
    Call,
    Other,
}

impl Traced {
    /// PTRACE_SEIZE and PTRACE_INTERRUPT: stops the process where it is.
    pub(crate) fn stop(pid: i32) -> io::Result<Self> {
        let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
        request(SEIZE, pid, 0, options as usize)?;
        let mut traced = Traced { pid, signal: 0 };
        request(INTERRUPT, pid, 0, 0)?;
        traced.wait()?;
        Ok(traced)
    }

    /// Lets it go on until the system call `number` has returned, and stops it there; what it returned, or
    /// `None` when the process has ended.
    pub(crate) fn result_of(&mut self, number: u64) -> io::Result<Option<i64>> {
        let mut inside = false;
        loop {
            match request(SYSCALL, self.pid, 0, self.signal as usize) {
                // It was killed; waiting says so.
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
            match self.wait()? {
                Stop::Ended => return Ok(None),
                Stop::Other => {}
                Stop::Call => match self.call()? {
                    (ENTRY, call) => inside = call == number,
                    (EXIT, result) if inside => return Ok(Some(result as i64)),
                    _ => {}
                },
            }
        }
    }

    fn wait(&mut self) -> io::Result<Stop> {
        let flags = libc::WEXITED | libc::WSTOPPED | libc::__WALL | libc::WNOWAIT;
        let (code, status) = wait_for(self.pid, flags)?;
        if !matches!(code, libc::CLD_TRAPPED | libc::CLD_STOPPED) {
            // The end of a child is for whoever waits for it; that of another process for its parent, who
            // learns of it when we have.
            if !is_child(self.pid) {
                wait_for(self.pid, libc::WEXITED | libc::__WALL)?;
            }
            return Ok(Stop::Ended);
        }
        wait_for(self.pid, libc::WSTOPPED | libc::__WALL)?;
        self.signal = 0;
        Ok(match status {
            SYSCALL_STOP => Stop::Call,
            status if status >> 8 == EVENT_STOP => Stop::Other,
            signal => {
                self.signal = signal & 0x7f;
                Stop::Other
            }
        })
    }

    /// Which end of a call this is, and its number at its beginning or its result at its end.
    fn call(&self) -> io::Result<(u8, u64)> {
        // struct ptrace_syscall_info: op, padding, arch; ip; sp; then by op: nr and arguments, or rval.
        let mut info = [0u64; 11];
        request(GET_SYSCALL_INFO, self.pid, size_of_val(&info), info.as_mut_ptr() as usize)?;
        Ok((info[0].to_ne_bytes()[0], info[3]))
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // ESRCH: it has ended.
        let _ = request(DETACH, self.pid, 0, self.signal as usize);
    }
}

/// ptrace(2). `data` is a number, or for GET_SYSCALL_INFO the address of as many bytes as `address` says.
fn request(request: u32, pid: i32, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: of the requests that are made in this file only GET_SYSCALL_INFO writes to memory of this process,
    // to the array of its caller, and no more than its size.
    let result = unsafe { libc::syscall(libc::SYS_ptrace, request as usize, pid, address, data) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// waitid(2): the code and the status.
fn wait_for(pid: i32, flags: i32) -> io::Result<(i32, i32)> {
    // SAFETY: a siginfo_t is plain numbers, for which zeros will do.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: the kernel writes one siginfo_t.
        let result = unsafe { libc::waitid(libc::P_PID, pid as u32, &raw mut info, flags) };
        if result == 0 {
            // SAFETY: waitid filled in the fields of SIGCHLD.
            return Ok((info.si_code, unsafe { info.si_status() }));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
