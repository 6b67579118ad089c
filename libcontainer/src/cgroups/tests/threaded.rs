//! Cgroups below threaded ones.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use serde_json::json;

use super::harness::{Cleanup, WAIT, directories, on_v2, planned, sleeper, there, unique};
use crate::cgroups::{Cgroup, Error};

/// A directory at the top that is threaded; removed in the end.
struct Parent(String);

impl Parent {
    fn make() -> Parent {
        let parent = Parent(unique());
        fs::create_dir(parent.path()).unwrap();
        fs::write(parent.path() + "/cgroup.type", "threaded").unwrap();
        parent
    }

    fn path(&self) -> String {
        format!("/sys/fs/cgroup/{}", self.0)
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.path());
    }
}

#[test]
fn a_cgroup_below_a_threaded_one_becomes_threaded_and_works() {
    on_v2(|layout| {
        let parent = Parent::make();
        let plan = planned(layout, &format!("{}/inner", parent.0), json!({}));
        let cleanup = Cleanup(plan.clone());
        let cgroup = Cgroup::create(&plan).unwrap();
        let kind = fs::read_to_string(directories(&plan)[0].join("cgroup.type")).unwrap();
        assert_eq!(kind.trim_end(), "threaded");
        let mut child = sleeper();
        cgroup.enter(child.id() as i32).unwrap();
        cgroup.apply(&plan).unwrap();
        assert_eq!(cgroup.pids().unwrap(), [child.id() as i32]);
        let second = Cgroup::create(&plan);
        assert!(matches!(second, Err(Error::Occupied { .. })), "{second:?}");
        cgroup.freeze(WAIT).unwrap();
        cgroup.thaw(WAIT).unwrap();
        cgroup.freeze(WAIT).unwrap();
        cgroup.kill_all(libc::SIGKILL).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        cgroup.record().remove(WAIT).unwrap();
        assert!(there(&plan).is_empty());
        drop(cleanup);
    });
}

#[test]
fn a_limit_that_does_not_work_below_a_threaded_one_is_refused() {
    on_v2(|layout| {
        let parent = Parent::make();
        let name = format!("{}/inner", parent.0);
        for (resources, path) in [
            (json!({"memory": {"limit": 1 << 24}}), "linux.resources.memory.limit"),
            (json!({"unified": {"io.max": "8:0 rbps=1"}}), "linux.resources.unified[\"io.max\"]"),
        ] {
            let plan = planned(layout, &name, resources);
            let error = Cgroup::create(&plan).unwrap_err().to_string();
            assert!(error.starts_with(path) && error.contains("threaded"), "{error}");
            assert!(there(&plan).is_empty());
        }
    });
}
