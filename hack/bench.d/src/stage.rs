//! Where everything is measured: a mount namespace of its own, in which cgroup2 alone is at
//! /sys/fs/cgroup and a fresh tmpfs at /run, and a pid namespace of its own.
//!
//! Bundles, state and processes go away with the namespaces, however the bench ends; only the
//! cgroups have to be removed, which the process outside does, after Ctrl-C too.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread::sleep;
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};

use crate::args::Options;
use crate::error::{At, Error, chain};

const CGROUP_VARIABLE: &str = "CREEL_BENCH_CGROUP";
const CGROUP_PREFIX: &str = "creel-bench.";
const CGROUP_ROOT: &str = "/sys/fs/cgroup";
const DIRECTORY: &str = "/run/creel-bench";

/// The inside of the stage.
pub(crate) struct Stage {
    /// The bench's own cgroup, relative to the root of cgroup2: all others are below it.
    pub cgroup: String,
}

/// Inside the stage: the name of the bench's cgroup.
pub(crate) fn inside() -> Option<String> {
    std::env::var(CGROUP_VARIABLE).ok()
}

impl Stage {
    /// As the first process of the pid namespace: its /proc, and the directory for everything.
    pub(crate) fn enter(cgroup: String) -> Result<Self, Error> {
        set_pdeathsig(Signal::SIGKILL).at("follow", "/proc/self")?;
        SigSet::all().thread_unblock().at("unblock signals of", "/proc/self")?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>).at("mount", "/proc")?;
        fs::create_dir(DIRECTORY).at("make", DIRECTORY)?;
        Ok(Self { cgroup })
    }

    /// A path below the stage's directory.
    pub(crate) fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        Path::new(DIRECTORY).join(name)
    }

    /// The root file system of all bundles.
    pub(crate) fn rootfs(&self) -> PathBuf {
        self.file("rootfs")
    }

    /// The directory of a cgroup of the bench.
    pub(crate) fn cgroup_directory(&self, name: &str) -> PathBuf {
        Path::new(CGROUP_ROOT).join(&self.cgroup).join(name)
    }
}

/// Outside: makes the stage, runs this program in it and removes what outlives it.
pub(crate) fn run_inside(_: &Options) -> ExitCode {
    let result = set_up().and_then(|()| {
        remove_abandoned_cgroups();
        let cgroup = format!("{CGROUP_PREFIX}{}", std::process::id());
        let directory = Path::new(CGROUP_ROOT).join(&cgroup);
        fs::create_dir(&directory).at("make cgroup", &directory)?;
        let controllers = enabled_controllers();
        let code = spawn(&cgroup).and_then(supervise);
        disable_controllers_beyond(&controllers);
        remove_cgroups(&directory).at("remove cgroup", &directory)?;
        code
    });
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("bench: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn set_up() -> Result<(), Error> {
    unshare(CloneFlags::CLONE_NEWNS).at("make a mount namespace (as root?) for", "/")?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).at("make private", "/")?;
    umount2(CGROUP_ROOT, MntFlags::MNT_DETACH).at("detach", CGROUP_ROOT)?;
    mount(Some("cgroup2"), CGROUP_ROOT, Some("cgroup2"), MsFlags::empty(), None::<&str>)
        .at("mount cgroup2 on", CGROUP_ROOT)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), flags, Some("mode=755")).at("mount", "/run")?;
    unshare(CloneFlags::CLONE_NEWPID).at("make a pid namespace below", "/proc/self/ns/pid")
}

fn spawn(cgroup: &str) -> Result<Child, Error> {
    // Blocked before the child is there, so that none is missed.
    watched().thread_block().at("block signals of", "/proc/self")?;
    let program = std::env::current_exe().at("look up", "/proc/self/exe")?;
    // A process group of its own: Ctrl-C comes here alone, and nothing dies half-way by itself.
    Command::new(&program)
        .args(std::env::args_os().skip(1))
        .env(CGROUP_VARIABLE, cgroup)
        .process_group(0)
        .spawn()
        .at("start", program)
}

fn watched() -> SigSet {
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD])
}

/// Waits for the inside to end; a signal ends it with everything that runs in it.
fn supervise(mut child: Child) -> Result<u8, Error> {
    loop {
        let signal = watched().wait().at("wait for", "a signal")?;
        if signal != Signal::SIGCHLD {
            child.kill().at("kill", "the bench")?;
            child.wait().at("wait for", "the bench")?;
            return Ok(128 + signal as u8);
        }
        if let Some(status) = child.try_wait().at("wait for", "the bench")? {
            return Ok(status.code().map_or(1, |code| code as u8));
        }
    }
}

fn control_file() -> PathBuf {
    Path::new(CGROUP_ROOT).join("cgroup.subtree_control")
}

/// Runtimes enable controllers at the root for their cgroups to have them.
fn enabled_controllers() -> Vec<String> {
    let text = fs::read_to_string(control_file()).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

fn disable_controllers_beyond(before: &[String]) {
    for controller in enabled_controllers().iter().filter(|c| !before.contains(c)) {
        // Somebody else may need it by now, in which case the kernel says busy and it stays.
        let _ = fs::write(control_file(), format!("-{controller}"));
    }
}

/// Of a bench that was killed itself.
fn remove_abandoned_cgroups() {
    for entry in fs::read_dir(CGROUP_ROOT).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(CGROUP_PREFIX) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            // Another bench may be removing the same one.
            let _ = remove_cgroups(&entry.path());
        }
    }
}

/// Removes a cgroup and those below it. One is busy until its last process is gone altogether.
fn remove_cgroups(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_cgroups(&entry.path())?;
        }
    }
    let mut tries = 0;
    loop {
        match fs::remove_dir(directory) {
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy && tries < 500 => tries += 1,
            result => return result,
        }
        sleep(Duration::from_millis(10));
    }
}
