//! The only world that the runtime gets to see: a root file system in memory, with namespaces of its own, so that a
//! runtime that is led out can do no harm. The program itself goes in, and does not come back.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{chdir, getpid, pivot_root};

use crate::names::{CANARY, PLACES, is_file};

/// The runtime, and the program that runs in containers.
pub(crate) const RUNTIME: &str = "/runtime/creel";
pub(crate) const PROGRAM: &str = "/scratch/program";

/// What must stay as it is, whatever a link leads to. [`PROGRAM`] is linked to by every root file system.
pub(crate) const UNTOUCHED: [&str; 5] = [CANARY, "/etc", "/dev", "/runtime", "/mnt"];

const NONE: Option<&str> = None;

/// Goes in, or says what is missing for it.
pub(crate) fn enter(runtime: &Path, program: &Path) -> io::Result<()> {
    refuse_others()?;
    let programs = [(RUNTIME, fs::read(runtime)?), (PROGRAM, fs::read(program)?)];
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let world = std::env::temp_dir();
    mount(Some("tmpfs"), &world, Some("tmpfs"), MsFlags::empty(), Some("size=512m,mode=755"))?;
    for directory in [
        "proc",
        "whole/proc",
        "sys",
        "dev/pts",
        "etc",
        "tmp",
        "mnt",
        "run",
        "runtime",
        "scratch",
        "old",
    ] {
        fs::create_dir_all(world.join(directory))?;
    }
    kernels(&world)?;
    devices(&world.join("dev"))?;
    for (path, bytes) in programs {
        let path = world.join(&path[1..]);
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    pivot_root(&world, &world.join("old"))?;
    chdir("/")?;
    umount2("/old", MntFlags::MNT_DETACH)?;
    fs::remove_dir("/old")?;
    lock("/proc/sys")?;
    lock("/proc/sysrq-trigger")?;
    // What is mounted where it should not be, is seen here.
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_SHARED, NONE)?;
    fs::write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")?;
    canary()
}

/// Nobody may do this to a machine: it has to be the first process of namespaces of its own, without a network.
fn refuse_others() -> io::Result<()> {
    let refuse = |why: &str| {
        Err(io::Error::new(ErrorKind::Unsupported, format!("{why}: hack/fuzz rootfs starts this")))
    };
    if getpid().as_raw() != 1 {
        return refuse("not the first process of a pid namespace");
    }
    let devices = fs::read_to_string("/proc/self/net/dev")?;
    let is_only_loopback = devices.lines().skip(2).all(|line| line.trim_start().starts_with("lo:"));
    if is_only_loopback { Ok(()) } else { refuse("there are network devices") }
}

/// A user namespace may have a procfs only where one is seen whole: beside the locked one there is another.
fn kernels(world: &Path) -> io::Result<()> {
    for place in ["proc", "whole/proc"] {
        mount(Some("proc"), &world.join(place), Some("proc"), MsFlags::empty(), NONE)?;
    }
    mount(Some("sysfs"), &world.join("sys"), Some("sysfs"), MsFlags::MS_RDONLY, NONE)?;
    let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some("/sys/fs/cgroup"), &world.join("sys/fs/cgroup"), NONE, bind, NONE)?;
    Ok(())
}

fn devices(dev: &Path) -> io::Result<()> {
    for (name, major, minor) in [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    ] {
        let node = dev.join(name);
        mknod(&node, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(major, minor))?;
        fs::set_permissions(&node, fs::Permissions::from_mode(0o666))?;
    }
    let data = Some("newinstance,ptmxmode=0666");
    mount(Some("devpts"), &dev.join("pts"), Some("devpts"), MsFlags::empty(), data)?;
    symlink("pts/ptmx", dev.join("ptmx"))
}

/// What would be the host's, where the kernel has it.
fn lock(path: &str) -> io::Result<()> {
    if !Path::new(path).exists() {
        return Ok(());
    }
    mount(Some(path), path, NONE, MsFlags::MS_BIND, NONE)?;
    mount(NONE, path, NONE, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY, NONE)?;
    Ok(())
}

/// The same names as in a root file system, so that links through it lead to something.
fn canary() -> io::Result<()> {
    fs::create_dir(CANARY)?;
    for place in PLACES {
        let path = Path::new(CANARY).join(place);
        if is_file(place) {
            fs::write(path, "canary\n")?;
        } else {
            fs::create_dir(path)?;
        }
    }
    Ok(())
}
