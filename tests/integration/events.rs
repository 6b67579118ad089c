//! `events`: statistics in runc's form, and word of memory that ran out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Bundle, cgroup, needs_cgroup, runc_deviates, unless, wait_until};

#[track_caller]
fn stats(bundle: &Bundle) -> Value {
    let text = bundle.cmd(&["events", "--stats", &bundle.id]).ok().stdout();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn statistics_have_runcs_form() {
    needs_cgroup!();
    let bundle = Bundle::new("form").sleeping();
    let line = stats(&bundle);
    assert_eq!(line["type"], "stats");
    assert_eq!(line["id"], bundle.id.as_str());
    let data = &line["data"];
    let sections =
        ["blkio", "cpu", "cpuset", "hugetlb", "intel_rdt", "memory", "network_interfaces", "pids"];
    assert_eq!(keys(data), sections.into());
    assert!(keys(&data["cpu"]).is_superset(&["throttling", "usage"].into()));
    for counter in ["usage", "swap", "kernel", "kernelTCP"] {
        assert!(keys(&data["memory"][counter]).is_superset(&["failcnt", "limit"].into()));
    }
    assert_eq!(data["network_interfaces"], Value::Null);
    unless!(!cgroup::is_v2(), "the rest is version 1's");
    let usage = ["kernel", "percpu", "percpu_kernel", "percpu_user", "total", "user"];
    assert_eq!(keys(&data["cpu"]["usage"]), usage.into());
    let cpuset = [
        "cpu_exclusive",
        "cpus",
        "mem_exclusive",
        "mem_hardwall",
        "memory_migrate",
        "memory_pressure",
        "memory_spread_page",
        "memory_spread_slab",
        "mems",
        "sched_load_balance",
        "sched_relax_domain_level",
    ];
    assert_eq!(keys(&data["cpuset"]), cpuset.into());
    assert_eq!(data["cpuset"]["sched_relax_domain_level"], -1);
}

#[test]
fn statistics_are_those_of_the_kernel() {
    needs_cgroup!();
    unless!(cgroup::has("memory") && cgroup::has("pids"), "memory and pids are not there");
    let bundle = Bundle::new("numbers").config(|c| {
        c.set("/linux/resources/memory", json!({"limit": 64 << 20}));
        c.set("/linux/resources/pids", json!({"limit": 77}));
    });
    let bundle = bundle.sleeping();
    let data = &stats(&bundle)["data"];
    assert_eq!(data["memory"]["usage"]["limit"], 64 << 20);
    assert!(data["memory"]["usage"]["usage"].as_u64().expect("bytes") > 0);
    assert!(data["memory"]["raw"].as_object().expect("memory.stat").len() > 10);
    assert_eq!(data["pids"], json!({"current": 1, "limit": 77}));
    assert!(data["cpu"]["usage"]["total"].as_u64().expect("nanoseconds") > 0);
}

#[test]
fn a_quota_throttles_and_the_statistics_say_so() {
    needs_cgroup!();
    unless!(cgroup::has("cpu"), "no cpu controller here");
    let bundle = Bundle::new("throttle").busybox().config(|c| {
        c.set("/linux/resources/cpu", json!({"quota": 5000, "period": 50_000}));
        c.args(&["/bin/sh", "-c", "while :; do :; done"]);
    });
    bundle.create_and_start();
    wait_until("ten throttled periods", || {
        let throttling = &stats(&bundle)["data"]["cpu"]["throttling"];
        throttling["throttledPeriods"].as_u64().is_some_and(|count| count >= 10)
    });
    let data = &stats(&bundle)["data"]["cpu"];
    let periods = data["throttling"]["periods"].as_u64().expect("periods");
    let used = data["usage"]["total"].as_u64().expect("nanoseconds");
    // A tenth of a processor; twice that for what is counted late.
    assert!(used < (periods + 2) * 10_000_000, "{used} ns in {periods} periods");
    assert!(data["throttling"]["throttledTime"].as_u64().expect("nanoseconds") > 0);
}

#[test]
fn processes_are_counted_without_their_controller_too() {
    needs_cgroup!();
    let bundle = Bundle::new("count").sleeping();
    assert_eq!(stats(&bundle)["data"]["pids"]["current"], 1);
}

/// Pressure is there where the kernel tells it, in the form of its file.
#[test]
fn pressure_is_told_as_the_kernel_does() {
    needs_cgroup!();
    runc_deviates!("it does not know pressure");
    let bundle = Bundle::new("psi").sleeping();
    let data = &stats(&bundle)["data"];
    for (section, file) in [("cpu", "cpu"), ("memory", "memory"), ("blkio", "io")] {
        let path = format!("/sys/fs/cgroup{}/{file}.pressure", bundle.cgroup());
        let psi = &data[section]["psi"];
        if std::fs::read_to_string(&path).is_err() {
            assert_eq!(*psi, Value::Null, "{path}");
            continue;
        }
        for line in ["some", "full"] {
            assert_eq!(keys(&psi[line]), ["avg10", "avg300", "avg60", "total"].into(), "{psi}");
        }
    }
}

#[test]
fn statistics_come_at_every_interval() {
    needs_cgroup!();
    let bundle = Bundle::new("interval").sleeping();
    let events = bundle.cmd(&["events", "--interval", "100ms", &bundle.id]).spawn();
    wait_until("three statistics", || events.stdout().lines().count() >= 3);
    for line in events.stdout().lines().take(3) {
        let line: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(line["type"], "stats");
    }
}

#[test]
fn memory_over_the_limit_is_killed_and_events_says_so() {
    needs_cgroup!();
    unless!(cgroup::has("memory"), "no memory controller here");
    let bundle = Bundle::new("oom").busybox().config(|c| {
        c.set("/linux/resources/memory", json!({"limit": 20 << 20, "swap": 20 << 20}));
        c.args(&["/bin/sh", "-c", "sleep 600"]);
    });
    bundle.create_and_start();
    let events = bundle.cmd(&["events", "--interval", "100ms", &bundle.id]).spawn();
    wait_until("the first statistics", || events.stdout().contains("\"stats\""));
    assert!(!events.stdout().contains("\"oom\""));
    let eat = ["exec", &bundle.id, "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=60M", "count=1"];
    bundle.cmd(&eat).output().exits(137);
    let line = format!("{{\"type\":\"oom\",\"id\":\"{}\"}}", bundle.id);
    wait_until("word of it", || events.stdout().lines().any(|l| l == line));
    assert_eq!(bundle.status(), "running", "the container's own process was killed");
}

#[test]
fn events_say_that_memory_was_why_the_container_ended() {
    unless!(cgroup::has("memory"), "no memory controller here");
    let bundle = Bundle::new("oominit").busybox().config(|c| {
        c.set("/linux/resources/memory", json!({"limit": 20 << 20, "swap": 20 << 20}));
        let eat = "read x </go; exec dd if=/dev/zero of=/dev/null bs=60M count=1";
        c.args(&["/bin/sh", "-c", eat]);
    });
    let go = bundle.rootfs("go");
    nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    bundle.create_and_start();
    let events = bundle.cmd(&["events", "--interval", "100ms", &bundle.id]).spawn();
    wait_until("the first statistics", || events.stdout().contains("\"stats\""));
    std::fs::write(&go, "now\n").expect("the fifo");
    bundle.wait_stopped();
    let line = format!("{{\"type\":\"oom\",\"id\":\"{}\"}}", bundle.id);
    wait_until("word of it", || events.stdout().lines().any(|l| l == line));
    bundle.delete();
    events.output().ok();
}

#[test]
fn events_end_with_the_container() {
    needs_cgroup!();
    let bundle = Bundle::new("end").sleeping();
    let events = bundle.cmd(&["events", "--interval", "100ms", &bundle.id]).spawn();
    wait_until("the first statistics", || events.stdout().contains("\"stats\""));
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
    let output = events.output().ok();
    assert!(!output.stdout().contains("\"oom\""), "{}", output.stdout());
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let bundle = Bundle::new("bad").sleeping();
    for interval in ["0", "-1s", "0s"] {
        let output = bundle.cmd(&["events", "--interval", interval, &bundle.id]).output();
        output.refused(&["duration interval must be greater than 0"]);
    }
    let output = bundle.cmd(&["events", "--interval", "soon", &bundle.id]).output();
    output.refused(&["invalid value", "soon", "interval: parse error"]);
    bundle.cmd(&["events", "nobody"]).output().refused(&["container does not exist"]);
}
