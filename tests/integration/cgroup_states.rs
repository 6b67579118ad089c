//! Cgroups that are frozen, threaded or divided when a container is to be in them.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::harness::{
    Bundle, cgroup, driver, needs_root, process_exists, runc_deviates, unless, wait_until,
};

/// A cgroup that is there before the container; removed in the end.
struct Parent {
    name: String,
    dirs: Vec<PathBuf>,
}

impl Parent {
    /// In the hierarchy that freezes, which cgroup2 does by itself. At the top, where all kinds can be made.
    fn make() -> Parent {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let hierarchy = if cgroup::is_v2() { "" } else { "freezer/" };
        let name = format!("/creel-above-{}-{number}", std::process::id());
        let dir = PathBuf::from(format!("/sys/fs/cgroup/{hierarchy}{}", &name[1..]));
        fs::create_dir(&dir).expect("a cgroup");
        Parent { name, dirs: vec![dir] }
    }

    fn write(&self, file: &str, value: &str) {
        fs::write(self.dirs[0].join(file), value).expect("a file of the cgroup");
    }

    fn freeze(&self, frozen: bool) {
        match (cgroup::is_v2(), frozen) {
            (true, _) => self.write("cgroup.freeze", if frozen { "1" } else { "0" }),
            (false, true) => self.write("freezer.state", "FROZEN"),
            (false, false) => self.write("freezer.state", "THAWED"),
        }
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        for dir in cgroup::dirs(&self.name) {
            let _ = fs::remove_dir(dir);
        }
    }
}

#[test]
fn a_frozen_cgroup_is_refused_and_left_as_it_is() {
    needs_root!("it makes cgroups beside the user's");
    runc_deviates!("it waits until somebody thaws it");
    unless!(!driver::is_systemd(), "systemd names its own cgroups");
    let frozen = Parent::make();
    frozen.freeze(true);
    let below = format!("{}/below", frozen.name);
    for path in [&frozen.name, &below] {
        let bundle = Bundle::new("in").config(|c| c.set("/linux/cgroupsPath", path.as_str()));
        bundle.on_bundle("create", &[]).output().refused(&["frozen", &frozen.name]);
        bundle.assert_nothing_left();
        assert_eq!(cgroup::dirs(&frozen.name), frozen.dirs);
        assert!(cgroup::dirs(&below).is_empty());
    }
    frozen.freeze(false);
}

#[test]
fn a_container_lives_below_a_threaded_cgroup() {
    needs_root!("it makes cgroups beside the user's");
    unless!(
        cgroup::is_v2() && !driver::is_systemd(),
        "only cgroup2 has them, and systemd makes none"
    );
    let bundle = Bundle::new("threaded").busybox();
    let above = Parent::make();
    above.write("cgroup.type", "threaded");
    let path = format!("{}/{}", above.name, bundle.id);
    let bundle = bundle.config(|c| {
        c.set("/linux/cgroupsPath", path.as_str());
        c.args(&["/bin/sh", "-c", "sleep 600 & sleep 600"]);
    });
    bundle.create_and_start();
    let listed = || -> Vec<u32> {
        let text = bundle.cmd(&["ps", "-f", "json", &bundle.id]).ok().stdout();
        serde_json::from_str(&text).expect("a list")
    };
    wait_until("two processes", || listed().len() == 2);
    let inside = bundle.exec_report(&[]).cgroups;
    assert!(inside.iter().any(|line| line.ends_with(&path)), "{inside:?}");
    bundle.cmd(&["pause", &bundle.id]).ok();
    assert_eq!(bundle.status(), "paused");
    bundle.cmd(&["resume", &bundle.id]).ok();
    let pids = listed();
    bundle.cmd(&["kill", "--all", &bundle.id, "KILL"]).ok();
    bundle.wait_stopped();
    wait_until("their end", || pids.iter().all(|pid| !process_exists(*pid)));
    bundle.delete();
    bundle.assert_nothing_left();
}

#[test]
fn a_limit_below_a_threaded_cgroup_is_refused() {
    needs_root!("it makes cgroups beside the user's");
    runc_deviates!("its message is another");
    unless!(
        cgroup::is_v2() && !driver::is_systemd(),
        "only cgroup2 has them, and systemd makes none"
    );
    let bundle = Bundle::new("threaded");
    let above = Parent::make();
    above.write("cgroup.type", "threaded");
    let bundle = bundle.config(|c| {
        c.set("/linux/cgroupsPath", format!("{}/below", above.name));
        c.set("/linux/resources/memory", json!({"limit": 64 << 20}));
    });
    bundle.on_bundle("create", &[]).output().refused(&["linux.resources.memory.limit", "threaded"]);
    bundle.assert_nothing_left();
}

/// It takes no processes (EBUSY): "no internal processes", cgroups(7).
#[test]
fn a_cgroup_that_is_divided_is_refused_with_the_reason() {
    needs_root!("it makes cgroups beside the user's");
    unless!(cgroup::is_v2() && !driver::is_systemd(), "only cgroup2 has this rule");
    let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").expect("a list");
    let first =
        controllers.split_whitespace().find(|name| ["memory", "io", "hugetlb"].contains(name));
    let Some(first) = first else { crate::harness::skip!("no controller that keeps to this rule") };
    let bundle = Bundle::new("divided");
    let above = Parent::make();
    let enabled = fs::write("/sys/fs/cgroup/cgroup.subtree_control", format!("+{first}"));
    enabled.expect("enabled at the top");
    above.write("cgroup.subtree_control", &format!("+{first}"));
    let bundle = bundle.config(|c| c.set("/linux/cgroupsPath", above.name.as_str()));
    bundle.on_bundle("create", &[]).output().refused(&[&above.name, "child cgroups"]);
    assert_eq!(cgroup::dirs(&above.name), above.dirs, "it was there before");
    bundle.assert_nothing_left();
}
