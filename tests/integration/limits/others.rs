//! Processes, huge pages, RDMA, and files by their own names.

use std::fs::{self, File};

use creel_probe::Try;
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};

use super::{limited, value};
use crate::harness::{Bundle, cgroup, driver, needs_cgroup, needs_root, runc_deviates, unless};

#[test]
fn no_process_at_all_is_a_limit_too() {
    needs_cgroup!();
    runc_deviates!("0 is no limit");
    unless!(cgroup::has("pids"), "no pids controller here");
    let script = "echo begin; /bin/true; echo all";
    let none = limited("none", &json!({"pids": {"limit": 0}}), script);
    let none = none.config(|c| c.set("/ociVersion", "1.3.0"));
    assert_eq!(none.run().stdout(), "begin\n");
    let any = limited("any", &json!({"pids": {"limit": -1}}), script);
    assert_eq!(any.run().ok().stdout(), "begin\nall\n");
    any.create();
    assert_eq!(value(&any, ("pids", "pids.max"), "pids.max"), "max");
}

/// Before version 1.3 of runtime-spec the limit could not be left out, and 0 stood for that.
#[test]
fn no_process_at_all_is_no_limit_before_version_1_3() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    for version in ["1.0.2", "1.2.1"] {
        let any = limited("zero", &json!({"pids": {"limit": 0}}), "exec sleep 1000");
        let any = any.config(|c| c.set("/ociVersion", version));
        any.create();
        let found = value(&any, ("pids", "pids.max"), "pids.max");
        // A scope without a limit of its own has systemd's default one.
        let is_none = if driver::is_systemd() { found != "0" } else { found == "max" };
        assert!(is_none, "{version}: {found}");
    }
}

const HUGE: u64 = 2 << 20;

/// Some huge pages for the test; as many as before when it is dropped. Other test runs wait for that.
struct HugePages {
    before: String,
    _alone: Flock<File>,
}

impl HugePages {
    const FILE: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

    /// `None` when the host has no memory in pieces of that size.
    fn reserve(count: u32) -> Option<HugePages> {
        let alone = Flock::lock(File::open(Self::FILE).ok()?, FlockArg::LockExclusive).ok()?;
        let before = fs::read_to_string(Self::FILE).ok()?;
        let wanted = before.trim().parse::<u32>().ok()? + count;
        let pages = HugePages { before, _alone: alone };
        fs::write(Self::FILE, wanted.to_string()).ok()?;
        let now = fs::read_to_string(Self::FILE).ok()?;
        (now.trim() == wanted.to_string()).then_some(pages)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let _ = fs::write(Self::FILE, &self.before);
    }
}

#[test]
fn huge_pages_over_the_limit_cannot_be_had() {
    runc_deviates!("it does not look for controllers beside version 1");
    unless!(
        cgroup::has("hugetlb") || cgroup::has_on_unified("hugetlb"),
        "no hugetlb controller here"
    );
    let Some(_pages) = HugePages::reserve(4) else {
        crate::harness::skip!("this host has no four huge pages left");
    };
    let tries = |limit: u64| {
        let mut bundle = Bundle::new("huge").config(|c| {
            c.push("/linux/resources/hugepageLimits", json!({"pageSize": "2MB", "limit": limit}));
        });
        let words = [1, 2, 3].map(|pages| format!("huge:{}", pages * HUGE));
        bundle.try_all(&words.each_ref().map(String::as_str))
    };
    let worked = Try::Worked(String::new());
    let refused = Try::Failed("ENOMEM".to_owned());
    assert_eq!(tries(2 * HUGE), [worked.clone(), worked.clone(), refused.clone()]);
    assert_eq!(tries(0), [refused.clone(), refused.clone(), refused]);
    assert_eq!(tries(4 * HUGE), [worked.clone(), worked.clone(), worked]);
}

/// The first RDMA device of the host.
fn rdma_device() -> Option<String> {
    let mut devices = fs::read_dir("/sys/class/infiniband").ok()?.flatten();
    devices.next()?.file_name().into_string().ok()
}

fn rdma_limits(device: &str) -> Value {
    json!({"rdma": {device: {"hcaHandles": 3, "hcaObjects": 70}}})
}

#[test]
fn a_limit_of_an_rdma_device_that_is_not_there_is_refused() {
    needs_root!("systemd delegates no rdma controller");
    let bundle = limited("nordma", &rdma_limits("nothing0"), "sleep 600");
    let problem = match (cgroup::has("rdma"), cgroup::is_v2()) {
        (true, _) => "rdma.max",
        (false, true) => "cgroup controller rdma is not available",
        (false, false) => "no cgroup controller rdma",
    };
    let output = bundle.on_bundle("create", &[]).output();
    output.refused(&["linux.resources.rdma.nothing0", problem]);
    bundle.assert_nothing_left();
}

#[test]
fn a_limit_of_rdma_is_in_the_kernel() {
    let Some(device) = rdma_device().filter(|_| cgroup::has("rdma")) else {
        crate::harness::skip!("it needs an RDMA device and the rdma controller");
    };
    let bundle = limited("rdma", &rdma_limits(&device), "sleep 600");
    bundle.create_and_start();
    let line = format!("{device} hca_handle=3 hca_object=70");
    assert!(value(&bundle, ("rdma", "rdma.max"), "rdma.max").lines().any(|l| l == line));
}

fn with_unified(name: &str, files: &Value) -> Bundle {
    limited(name, &json!({"unified": files}), "mkdir /sys/fs/cgroup/below && echo made").config(
        |c| {
            c.push("/linux/namespaces", json!({"type": "cgroup"}));
            c.without_mount("/sys/fs/cgroup");
            c.mount("cgroup", "/sys/fs/cgroup", "cgroup", &["rw"]);
        },
    )
}

#[test]
fn a_file_by_its_own_name_holds() {
    unless!(cgroup::is_v2(), "version 1 has no such files");
    assert_eq!(with_unified("deep", &json!({"cgroup.max.depth": "1"})).run().stdout(), "made\n");
    assert_eq!(with_unified("flat", &json!({"cgroup.max.depth": "0"})).run().stdout(), "");
}

#[test]
fn files_by_their_own_names_come_last() {
    unless!(cgroup::is_v2() && cgroup::has("pids"), "it needs the pids controller of cgroup2");
    let both = json!({"pids": {"limit": 50}, "unified": {"pids.max": "40"}});
    let bundle = limited("last", &both, "sleep 600");
    bundle.create_and_start();
    assert_eq!(value(&bundle, ("", ""), "pids.max"), "40");
}

#[test]
fn a_file_that_cannot_be_is_refused_by_its_name() {
    let refused = |files: Value, words: &[&str]| {
        let bundle = with_unified("bad", &files);
        bundle.on_bundle("create", &[]).output().refused(words);
        bundle.assert_nothing_left();
    };
    if !cgroup::is_v2() {
        return refused(json!({"cgroup.max.depth": "1"}), &["linux.resources.unified"]);
    }
    for file in ["cgroup.nothing", "nothing.max"] {
        refused(json!({file: "1"}), &["linux.resources.unified", file]);
    }
    refused(json!({"cgroup.max.depth": "deep"}), &["linux.resources.unified", "deep"]);
    refused(json!({"../cgroup.max.depth": "1"}), &["linux.resources.unified", "name of a file"]);
}
