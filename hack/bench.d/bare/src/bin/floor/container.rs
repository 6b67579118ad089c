//! The inside of the container: mounts, devices, masks, pivot, exec.

use core::ffi::CStr;

use bare::sys::mount_flags::{
    BIND, NODEV, NOEXEC, NOSUID, PRIVATE, RDONLY, REC, RELATIME, STRICTATIME,
};
use bare::sys::{self, Args, flags, open_flags};

use crate::{Failure, Step, report};

/// The six new namespaces of the bundle.
pub(crate) const NAMESPACES: u64 =
    flags::NEWNS | flags::NEWPID | flags::NEWNET | flags::NEWIPC | flags::NEWUTS | flags::NEWCGROUP;

pub(crate) const ENVIRONMENT: &CStr =
    c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const DEVICES: [(&CStr, u8, u8); 6] = [
    (c"dev/null", 1, 3),
    (c"dev/zero", 1, 5),
    (c"dev/full", 1, 7),
    (c"dev/random", 1, 8),
    (c"dev/urandom", 1, 9),
    (c"dev/tty", 5, 0),
];

const LINKS: [(&CStr, &CStr); 5] = [
    (c"/proc/self/fd", c"dev/fd"),
    (c"/proc/self/fd/0", c"dev/stdin"),
    (c"/proc/self/fd/1", c"dev/stdout"),
    (c"/proc/self/fd/2", c"dev/stderr"),
    (c"pts/ptmx", c"dev/ptmx"),
];

// Which masked path is a file and which a directory is known, so neither is looked up.
const MASKED_FILES: [&CStr; 6] = [
    c"proc/kcore",
    c"proc/keys",
    c"proc/latency_stats",
    c"proc/timer_list",
    c"proc/timer_stats",
    c"proc/sched_debug",
];
const MASKED_DIRECTORIES: [&CStr; 4] =
    [c"proc/acpi", c"proc/asound", c"sys/firmware", c"proc/scsi"];
const READONLY: [&CStr; 5] =
    [c"proc/bus", c"proc/fs", c"proc/irq", c"proc/sys", c"proc/sysrq-trigger"];

/// What the process inside needs: all of it made before the clone.
pub(crate) struct Inside {
    /// For `run-in`: the cgroup.procs of a cgroup of version 1 to join.
    pub join: Option<&'static CStr>,
    pub rootfs: &'static CStr,
    pub program: Args,
    /// For `create`: tells that the container is ready, then waits for the start.
    pub wait: Option<StartGate>,
}

/// The two ends between `create`, the waiting process and `start`.
#[derive(Clone, Copy)]
pub(crate) struct StartGate {
    pub ready: i32,
    pub fifo: i32,
}

/// Makes the container around the calling process and becomes its program.
pub(crate) fn enter(inside: &Inside) -> ! {
    let made = join(inside.join).and_then(|()| set_up(inside.rootfs));
    let failure = match made.and_then(|()| hold(inside.wait)) {
        Ok(()) => become_program(inside.program),
        Err(failure) => failure,
    };
    report(&failure);
    sys::exit(127)
}

/// Replaces this process by the program; comes back only with the failure.
pub(crate) fn become_program(program: Args) -> Failure {
    let Some(path) = program.get(0) else {
        return Failure { what: "no program given", errno: sys::Errno(0) };
    };
    Failure { what: "exec", errno: sys::exec_args(path, program, ENVIRONMENT) }
}

fn join(procs: Option<&CStr>) -> Result<(), Failure> {
    let Some(procs) = procs else { return Ok(()) };
    let fd =
        sys::open(procs, open_flags::WRONLY | open_flags::CLOEXEC).step("open cgroup.procs")?;
    // The process itself, whatever its pid is there.
    sys::write(fd, b"0").step("join cgroup").map(drop)
}

fn set_up(rootfs: &CStr) -> Result<(), Failure> {
    sys::umask(0);
    sys::mount(None, c"/", None, REC | PRIVATE, None).step("make mounts private")?;
    sys::mount(Some(rootfs), rootfs, None, BIND | REC, None).step("bind rootfs")?;
    sys::chdir(rootfs).step("enter rootfs")?;
    mounts()?;
    devices()?;
    masks()?;
    sys::mount_set_readonly(c".").step("make root read-only")?;
    sys::pivot_root_here().step("pivot_root")?;
    sys::umount_detach(c".").step("detach old root")
}

fn mounts() -> Result<(), Failure> {
    let fs = |name, at, flags, data| sys::mount(Some(name), at, Some(name), flags, data);
    fs(c"proc", c"proc", 0, None).step("mount proc")?;
    let data = c"mode=755,size=65536k";
    fs(c"tmpfs", c"dev", NOSUID | STRICTATIME, Some(data)).step("mount dev")?;
    sys::mkdir(c"dev/pts", 0o755).step("mkdir dev/pts")?;
    let data = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    fs(c"devpts", c"dev/pts", NOSUID | NOEXEC, Some(data)).step("mount devpts")?;
    sys::mkdir(c"dev/shm", 0o755).step("mkdir dev/shm")?;
    let (data, flags) = (c"mode=1777,size=65536k", NOSUID | NOEXEC | NODEV);
    sys::mount(Some(c"shm"), c"dev/shm", Some(c"tmpfs"), flags, Some(data)).step("mount shm")?;
    sys::mkdir(c"dev/mqueue", 0o755).step("mkdir dev/mqueue")?;
    fs(c"mqueue", c"dev/mqueue", flags, None).step("mount mqueue")?;
    fs(c"sysfs", c"sys", flags | RDONLY, None).step("mount sysfs")?;
    let flags = flags | RELATIME | RDONLY;
    sys::mount(Some(c"cgroup"), c"sys/fs/cgroup", Some(c"cgroup2"), flags, None)
        .step("mount cgroup2")
}

fn devices() -> Result<(), Failure> {
    for (path, major, minor) in DEVICES {
        sys::mknod_char(path, 0o666, major, minor).step("mknod")?;
    }
    for (target, path) in LINKS {
        sys::symlink(target, path).step("symlink")?;
    }
    Ok(())
}

fn masks() -> Result<(), Failure> {
    for path in MASKED_FILES {
        let bind = sys::mount(Some(c"dev/null"), path, None, BIND, None);
        where_present(bind).step("mask file")?;
    }
    for path in MASKED_DIRECTORIES {
        let tmpfs = sys::mount(Some(c"tmpfs"), path, Some(c"tmpfs"), RDONLY, None);
        where_present(tmpfs).step("mask directory")?;
    }
    for path in READONLY {
        // Both calls where the path is missing too: the trace is to be the same on every kernel.
        let bind = sys::mount(Some(path), path, None, BIND | REC, None);
        where_present(bind).step("bind")?;
        where_present(sys::mount_set_readonly(path)).step("make path read-only")?;
    }
    Ok(())
}

/// Not every kernel has every path.
fn where_present(result: sys::Result<()>) -> sys::Result<()> {
    match result {
        Err(sys::Errno::ENOENT) => Ok(()),
        result => result,
    }
}

fn hold(gate: Option<StartGate>) -> Result<(), Failure> {
    let Some(gate) = gate else { return Ok(()) };
    sys::write(gate.ready, &1_u64.to_ne_bytes()).step("tell ready")?;
    sys::read(gate.fifo, &mut [0]).step("wait for start").map(drop)
}
