//! Real cgroups under names of their own: on the host's version 1 hierarchies, and on cgroup2 in a
//! private mount namespace. Needs root; a test that cannot run says why.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use oci_spec::runtime::LinuxResources;
use serde_json::Value;

use crate::cgroups::{Cgroup, Layout, OwnCgroups, Plan, Request, plan};
use crate::skip::skip;

pub(super) const WAIT: Duration = Duration::from_secs(5);

/// Where device nodes can be opened: /tmp is often mounted without devices.
pub(in crate::cgroups) const DEVICES: &str = "/var/tmp";

/// A name that no other test and no other run uses.
pub(in crate::cgroups) fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("creel-unit-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip("making cgroups needs root");
    }
    is_root
}

/// Run a test on the version 1 hierarchies of the host.
pub(in crate::cgroups) fn on_v1(test: impl FnOnce(&Layout)) {
    if !is_root() {
        return;
    }
    match Layout::probe().unwrap() {
        layout @ Layout::V1 { .. } => test(&layout),
        Layout::V2 { .. } => skip("this host has no version 1 hierarchies"),
    }
}

/// Run a test in a thread whose mount namespace shows cgroup2 alone, as on many hosts the whole machine does.
pub(in crate::cgroups) fn on_v2(test: impl FnOnce(&Layout) + Send + 'static) {
    if !is_root() {
        return;
    }
    let run = move || {
        // Where it is alone already, it cannot be mounted over itself.
        if !matches!(Layout::probe(), Ok(Layout::V2 { .. })) {
            if let Err(error) = show_cgroup2_alone() {
                return skip(&format!("no private view of cgroup2: {error}"));
            }
        }
        let layout = Layout::probe().unwrap();
        assert_eq!(layout, Layout::V2 { mount: "/sys/fs/cgroup".into() });
        test(&layout);
    };
    let name = thread::current().name().unwrap_or("unnamed").to_owned();
    if let Err(panic) = thread::Builder::new().name(name).spawn(run).unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

pub(super) fn show_cgroup2_alone() -> nix::Result<()> {
    if matches!(Layout::probe(), Ok(Layout::V2 { mount }) if mount == Path::new("/sys/fs/cgroup")) {
        // So it is on this host.
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    mount(Some("cgroup2"), "/sys/fs/cgroup", Some("cgroup2"), MsFlags::empty(), none)
}

pub(in crate::cgroups) fn planned(layout: &Layout, path: &str, mut resources: Value) -> Plan {
    creel_conformance::take_out_below("linux.resources", &mut resources);
    let resources: LinuxResources = serde_json::from_value(resources).unwrap();
    let request =
        Request { id: "id", cgroups_path: Some(Path::new(path)), resources: Some(&resources) };
    plan(&request, layout, &OwnCgroups::default()).unwrap()
}

pub(super) fn directories(plan: &Plan) -> Vec<PathBuf> {
    plan.directories.iter().map(|directory| directory.path()).collect()
}

pub(super) fn there(plan: &Plan) -> Vec<PathBuf> {
    directories(plan).into_iter().filter(|path| path.exists()).collect()
}

/// The value of a file of the container's directory that has it.
pub(super) fn value(plan: &Plan, file: &str) -> String {
    let values = directories(plan).into_iter();
    let mut values = values.filter_map(|path| fs::read_to_string(path.join(file)).ok());
    values.next().unwrap_or_else(|| panic!("no {file}")).trim_end().to_owned()
}

pub(super) fn sleeper() -> Child {
    Command::new("sleep").arg("1000").spawn().unwrap()
}

/// A shell that begins when its standard input is closed.
pub(super) fn held_shell(script: &str) -> Child {
    let script = format!("read go; {script}");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(super) fn release(shell: &mut Child) {
    shell.stdin.take().unwrap().write_all(b"go\n").unwrap();
}

/// Kill what is in a cgroup and remove it, also when the test fails.
pub(in crate::cgroups) struct Cleanup(pub(in crate::cgroups) Plan);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let mut record = self.0.record();
        record.made = true;
        if let Ok(cgroup) = Cgroup::open(record.clone()) {
            let _ = cgroup.kill_all(libc::SIGKILL);
        }
        let _ = record.remove(WAIT);
    }
}
