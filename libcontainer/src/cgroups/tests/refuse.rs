//! Cgroups that a container must not get.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::harness::{Cleanup, directories, on_v1, on_v2, planned, sleeper, there, unique};
use crate::cgroups::{Cgroup, Error, Layout};

fn refuses_occupied(layout: &Layout) {
    let name = unique();
    let plan = planned(layout, &name, json!({}));
    let _cleanup = Cleanup(plan.clone());
    // Occupy a cgroup below the last directory: the others are to be removed again.
    let last = directories(&plan).pop().unwrap();
    let below = last.join("below");
    fs::create_dir_all(&below).unwrap();
    let mut child = sleeper();
    fs::write(below.join("cgroup.procs"), child.id().to_string()).unwrap();
    let error = Cgroup::create(&plan).unwrap_err();
    match error {
        Error::Occupied { path, pids } => {
            assert_eq!((path, pids), (last.clone(), vec![child.id() as i32]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(there(&plan), [last]);
    // Its record was saved by now, and the processes are somebody else's.
    let stranger = Cgroup::open(plan.record()).unwrap();
    stranger.kill_all(libc::SIGKILL).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    let removed = plan.record().remove(Duration::from_millis(20));
    assert!(matches!(removed, Err(Error::Busy { .. })), "{removed:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    // An empty cgroup of somebody else's is not removed with it either.
    let removed = plan.record().remove(Duration::from_millis(20));
    assert!(matches!(removed, Err(Error::Busy { .. })), "{removed:?}");
    assert!(below.exists());
}

#[test]
fn an_occupied_cgroup_of_version_1_is_refused() {
    on_v1(refuses_occupied);
}

#[test]
fn an_occupied_cgroup_of_version_2_is_refused() {
    on_v2(refuses_occupied);
}

fn refuses_frozen(layout: &Layout, hierarchy: &str, file: &str, values: [&str; 2]) {
    let name = unique();
    for path in [name.clone(), format!("{name}/nested")] {
        let plan = planned(layout, &path, json!({}));
        let mount = Path::new("/sys/fs/cgroup").join(hierarchy);
        let frozen = mount.join(&name);
        fs::create_dir(&frozen).unwrap();
        fs::write(frozen.join(file), values[0]).unwrap();
        let created = Cgroup::create(&plan);
        // As delete does after a runtime that was killed before it knew.
        if path == name {
            plan.record().remove(Duration::from_millis(20)).unwrap();
        }
        fs::write(frozen.join(file), values[1]).unwrap();
        assert!(matches!(created, Err(Error::Frozen { .. })), "{created:?}");
        fs::remove_dir(&frozen).unwrap();
        assert_eq!(there(&plan), [] as [PathBuf; 0]);
    }
}

#[test]
fn a_frozen_cgroup_of_version_1_is_refused() {
    on_v1(|layout| refuses_frozen(layout, "freezer", "freezer.state", ["FROZEN", "THAWED"]));
}

#[test]
fn a_frozen_cgroup_of_version_2_is_refused() {
    on_v2(|layout| refuses_frozen(layout, "", "cgroup.freeze", ["1", "0"]));
}
