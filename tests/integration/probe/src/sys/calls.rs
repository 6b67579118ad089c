//! System calls by number, as any program may make them: what the kernel answers is what is wanted, and that may
//! be the death of the thread or the process. So each is made by a thread of a child.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use creel_probe::calls::{Answer, Call, Table};

/// Where a child says what became of the call.
static REPORT: AtomicI32 = AtomicI32::new(-1);

const RETURNED: i64 = 0;
const TRAPPED: i64 = 1;
const THREAD_KILLED: i64 = 2;

/// Makes the call in a child, and says what came of it.
pub(crate) fn make(call: &Call) -> io::Result<Answer> {
    let (reader, writer) = nix::unistd::pipe()?;
    // SAFETY: this process has one thread, so that the child may do all that it may.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(reader);
        REPORT.store(writer.as_raw_fd(), Ordering::Relaxed);
        in_child(*call);
    }
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    drop(writer);
    let mut text = Vec::new();
    File::from(reader).read_to_end(&mut text)?;
    let mut status = 0;
    // SAFETY: `status` lives through the call.
    if unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    if libc::WIFSIGNALED(status) {
        let signal = libc::WTERMSIG(status);
        return Ok(if signal == libc::SIGSYS {
            Answer::ProcessKilled
        } else {
            Answer::Signal(signal)
        });
    }
    let number = |at: usize| {
        let bytes = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
        bytes.map(i64::from_ne_bytes).ok_or_else(|| io::Error::other("a child said nothing"))
    };
    Ok(match number(0)? {
        RETURNED => Answer::Returned(number(8)?),
        TRAPPED => Answer::Trapped(number(8)? as i32),
        _ => Answer::ThreadKilled,
    })
}

/// A thread makes the call; this one waits until it is gone, should the kernel end it.
fn in_child(call: Call) -> ! {
    catch_traps();
    let identity = std::sync::Arc::new(AtomicI32::new(0));
    let tell = identity.clone();
    std::thread::spawn(move || {
        // SAFETY: gettid(2) takes nothing and cannot fail.
        tell.store(unsafe { libc::gettid() }, Ordering::Release);
        let value = call_as(call.table, call.number, call.arguments);
        report(RETURNED, value);
    });
    loop {
        let thread = identity.load(Ordering::Acquire);
        // SAFETY: signal 0 only asks whether the thread is there.
        let gone = thread != 0
            && unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) } != 0;
        if gone {
            report(THREAD_KILLED, 0);
        }
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}

/// Ends the process with this on the pipe.
fn report(kind: i64, value: i64) -> ! {
    let text = [kind.to_ne_bytes(), value.to_ne_bytes()];
    // SAFETY: the array lives through the write; _exit(2) does not return.
    unsafe {
        libc::write(REPORT.load(Ordering::Relaxed), text.as_ptr().cast(), 16);
        libc::_exit(0)
    }
}

fn catch_traps() {
    extern "C" fn trapped(_: i32, about: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel hands over a siginfo_t that lives through the handler.
        let about = unsafe { &*about };
        report(TRAPPED, i64::from(about.si_errno));
    }
    // SAFETY: a sigaction of zeros is a valid one; the handler calls only what signal-safety(7) lists.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = trapped as extern "C" fn(_, _, _) as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
    }
}

/// The kernel's own answer: -errno when it failed.
#[cfg(target_arch = "x86_64")]
fn call_as(table: Table, number: u32, arguments: [u64; 6]) -> i64 {
    let [a, b, c, d, e, f] = arguments;
    let mut value = u64::from(number);
    // SAFETY: the caller's filter answers the call, or it is one that touches no memory of this process. The
    // registers that the kernel changes are declared.
    unsafe {
        match table {
            Table::Native => std::arch::asm!("syscall", inlateout("rax") value,
                in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
                lateout("rcx") _, lateout("r11") _),
            // rbx and rbp are the compiler's own.
            Table::X86 => {
                std::arch::asm!("push rbp", "push rbx", "mov ebx, r8d", "mov ebp, r9d", "int 0x80", "pop rbx", "pop rbp",
                inlateout("rax") value, in("rcx") b, in("rdx") c, in("rsi") d, in("rdi") e,
                inlateout("r8") a => _, inlateout("r9") f => _, lateout("r10") _, lateout("r11") _)
            }
        }
    }
    match table {
        Table::Native => value as i64,
        Table::X86 => i64::from(value as i32),
    }
}

/// The kernel's own answer: -errno when it failed.
#[cfg(not(target_arch = "x86_64"))]
fn call_as(_: Table, number: u32, [a, b, c, d, e, f]: [u64; 6]) -> i64 {
    // SAFETY: the caller's filter answers the call, or it is one that touches no memory of this process.
    let value = unsafe { libc::syscall(number.into(), a, b, c, d, e, f) };
    if value < 0 {
        -i64::from(io::Error::last_os_error().raw_os_error().unwrap_or(0))
    } else {
        value
    }
}
