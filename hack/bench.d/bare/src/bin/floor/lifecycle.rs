//! The commands, as an engine calls them of a runtime.

use core::ffi::CStr;

use bare::sys::{self, Args, Errno, flags, open_flags};

use crate::container::{self, Inside, NAMESPACES, StartGate};
use crate::state::{self, PID_FILE};
use crate::{Failure, Step, report};

const FIFO: &CStr = c"exec.fifo";
const SIGKILL: i32 = 9;
const SIGWINCH: i32 = 28;

pub(crate) fn argument(args: Args, i: usize) -> Result<&'static CStr, Failure> {
    args.get(i).ok_or(Failure { what: "an argument is missing", errno: Errno(0) })
}

/// `run ROOTFS CGROUP PROGRAM..`: in the foreground; the program's exit code is its own.
pub(crate) fn run(args: Args) -> Result<i32, Failure> {
    run_joining(None, args)
}

/// `run-in PROCS ROOTFS CGROUP PROGRAM..`: the same in one more cgroup, of version 1.
pub(crate) fn run_in(args: Args) -> Result<i32, Failure> {
    run_joining(Some(argument(args, 0)?), args.from(1))
}

fn run_joining(join: Option<&'static CStr>, args: Args) -> Result<i32, Failure> {
    let cgroup = argument(args, 1)?;
    let inside = Inside { join, rootfs: argument(args, 0)?, program: args.from(2), wait: None };
    let fd = make_cgroup(cgroup)?;
    // Nothing is copied for the child; this process stands still until the program is exec'd.
    let flags = NAMESPACES | flags::VM | flags::VFORK;
    let pid = sys::start_process(flags, Some(fd), container::enter, &inside).step("clone3")?;
    let ended = sys::wait(pid).step("wait")?;
    remove_cgroup(cgroup)?;
    Ok(ended.code())
}

/// `create STATE ROOTFS CGROUP PROGRAM..`: the process waits for `start` with all else done.
pub(crate) fn create(args: Args) -> Result<i32, Failure> {
    let directory = argument(args, 0)?;
    sys::mkdir(directory, 0o700).step("make state directory")?;
    sys::chdir(directory).step("enter state directory")?;
    sys::mkfifo(FIFO, 0o600).step("make fifo")?;
    // Open for both, so that neither side waits for the other to open it.
    let fifo = sys::open(FIFO, open_flags::RDWR | open_flags::CLOEXEC).step("open fifo")?;
    let gate = StartGate { ready: sys::eventfd().step("eventfd")?, fifo };
    let (rootfs, program) = (argument(args, 1)?, args.from(3));
    let inside = Inside { join: None, rootfs, program, wait: Some(gate) };
    let fd = make_cgroup(argument(args, 2)?)?;
    let pid = sys::start_process(NAMESPACES, Some(fd), container::enter, &inside).step("clone3")?;
    sys::read(gate.ready, &mut [0; 8]).step("wait until ready")?;
    state::save(pid)?;
    Ok(0)
}

/// `start STATE`
pub(crate) fn start(args: Args) -> Result<i32, Failure> {
    sys::chdir(argument(args, 0)?).step("enter state directory")?;
    let fifo = sys::open(FIFO, open_flags::WRONLY).step("open fifo")?;
    sys::write(fifo, &[0]).step("start").map(|_| 0)
}

/// `exec STATE CGROUP PROGRAM..`: one more process in the container, in the foreground.
pub(crate) fn exec(args: Args) -> Result<i32, Failure> {
    let pid = state::enter_and_load(argument(args, 0)?)?;
    let cgroup = open_cgroup(argument(args, 1)?)?;
    let pidfd = sys::pidfd_open(pid).step("pidfd_open")?;
    sys::setns(pidfd, NAMESPACES).step("setns")?;
    let program = args.from(2);
    let flags = flags::VM | flags::VFORK;
    let pid = sys::start_process(flags, Some(cgroup), exec_child, &program).step("clone3")?;
    Ok(sys::wait(pid).step("wait")?.code())
}

fn exec_child(program: &Args) -> ! {
    report(&container::become_program(*program));
    sys::exit(127)
}

/// `kill STATE`: SIGWINCH, which the container's program does not notice.
pub(crate) fn kill(args: Args) -> Result<i32, Failure> {
    let pid = state::enter_and_load(argument(args, 0)?)?;
    let pidfd = sys::pidfd_open(pid).step("pidfd_open")?;
    sys::pidfd_send_signal(pidfd, SIGWINCH).step("send signal").map(|()| 0)
}

/// `delete STATE CGROUP`: of a stopped container.
pub(crate) fn delete(args: Args) -> Result<i32, Failure> {
    let pid = state::enter_and_load(argument(args, 0)?)?;
    match sys::pidfd_open(pid) {
        Err(Errno::ESRCH) => remove(args),
        Ok(_) => Err(Failure { what: "the container is running", errno: Errno::EBUSY }),
        Err(errno) => Err(Failure { what: "look for the process", errno }),
    }
}

/// `delete-force STATE CGROUP`: of a running one.
pub(crate) fn delete_force(args: Args) -> Result<i32, Failure> {
    let pid = state::enter_and_load(argument(args, 0)?)?;
    let pidfd = sys::pidfd_open(pid).step("pidfd_open")?;
    sys::pidfd_send_signal(pidfd, SIGKILL).step("kill")?;
    sys::poll_in(pidfd).step("wait for the end")?;
    remove(args)
}

/// The working directory is the state directory.
fn remove(args: Args) -> Result<i32, Failure> {
    remove_cgroup(argument(args, 1)?)?;
    sys::unlink(FIFO).step("remove fifo")?;
    sys::unlink(PID_FILE).step("remove pid file")?;
    sys::rmdir(argument(args, 0)?).step("remove state directory").map(|()| 0)
}

fn make_cgroup(path: &CStr) -> Result<i32, Failure> {
    sys::mkdir(path, 0o755).step("make cgroup")?;
    open_cgroup(path)
}

fn open_cgroup(path: &CStr) -> Result<i32, Failure> {
    let flags = open_flags::PATH | open_flags::DIRECTORY | open_flags::CLOEXEC;
    sys::open(path, flags).step("open cgroup")
}

/// A cgroup is busy for a moment after its last process has ended.
fn remove_cgroup(path: &CStr) -> Result<(), Failure> {
    loop {
        match sys::rmdir(path) {
            Err(Errno::EBUSY) => {}
            result => return result.step("remove cgroup"),
        }
    }
}
