//! Processor time and processors. That a quota throttles is in `events.rs` and `update.rs`.

use std::fs;

use creel_probe::Try;
use serde_json::{Value, json};

use super::{limited, value};
use crate::harness::{Bundle, cgroup, needs_cgroup, runc_deviates, unless, wait_until};

const BUSY: &str = "while :; do :; done";

/// A container that wants all of processor 0.
fn busy(name: &str, mut cpu: Value) -> Bundle {
    cpu["cpus"] = json!("0");
    let bundle = limited(name, &json!({"cpu": cpu}), BUSY);
    bundle.create_and_start();
    bundle
}

/// Processor time used so far, in clock ticks.
fn time_of(bundle: &Bundle) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", bundle.pid())).expect("stat");
    let (_, rest) = text.rsplit_once(") ").expect("a name");
    let fields: Vec<&str> = rest.split(' ').collect();
    fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime")
}

/// What two containers get of one processor, once that is together half a second.
fn compete(first: &Bundle, second: &Bundle) -> (u64, u64) {
    let start = (time_of(first), time_of(second));
    let mut got = (0, 0);
    wait_until("half a second of processor time", || {
        got = (time_of(first) - start.0, time_of(second) - start.1);
        got.0 + got.1 >= 50
    });
    got
}

fn have_both() -> bool {
    cgroup::has("cpu") && cgroup::has("cpuset")
}

#[test]
fn who_has_more_shares_gets_more_time() {
    unless!(have_both(), "cpu and cpuset are not there");
    let (more, less) =
        (busy("more", json!({"shares": 4096})), busy("less", json!({"shares": 256})));
    let shares = value(&more, ("cpu", "cpu.shares"), "cpu.weight");
    assert_eq!(shares, if cgroup::is_v2() { "303" } else { "4096" });
    let (more, less) = compete(&more, &less);
    assert!(more > 3 * less, "{more} with 4096 shares, {less} with 256");
}

#[test]
fn who_is_idle_lets_others_go_first() {
    runc_deviates!("it does not know cpu.idle");
    unless!(have_both(), "cpu and cpuset are not there");
    // Beside one that wants all of the processor it would take very long to be made.
    let idle = busy("idle", json!({"idle": 1}));
    let normal = busy("normal", json!({}));
    assert_eq!(value(&idle, ("cpu", "cpu.idle"), "cpu.idle"), "1");
    let (normal, idle) = compete(&normal, &idle);
    assert!(normal > 10 * idle, "{normal}, and {idle} of the idle one");
}

#[test]
fn a_burst_is_in_the_kernel() {
    runc_deviates!("it does not know cpu.burst");
    unless!(cgroup::has("cpu"), "no cpu controller here");
    let cpu = json!({"quota": 20_000, "period": 50_000, "burst": 5000});
    let bundle = limited("burst", &json!({"cpu": cpu}), "sleep 600");
    bundle.create_and_start();
    assert_eq!(value(&bundle, ("cpu", "cpu.cfs_burst_us"), "cpu.max.burst"), "5000");
}

#[test]
fn a_container_runs_on_its_processors_and_memory_nodes() {
    unless!(cgroup::has("cpuset"), "no cpuset controller here");
    let online = fs::read_to_string("/sys/devices/system/cpu/online").expect("online");
    unless!(online.trim() != "0", "this machine has one processor");
    let mut bundle = Bundle::new("cpus").config(|c| {
        c.set("/linux/resources/cpu", json!({"cpus": "1", "mems": "0"}));
    });
    assert_eq!(bundle.report().cpus, "1");
    let status = bundle.try_inside("read:/proc/self/status");
    let Try::Worked(status) = status else { panic!("{status:?}") };
    assert!(status.lines().any(|line| line == "Mems_allowed_list:\t0"), "{status}");
}

#[test]
fn realtime_processes_need_realtime_of_their_own() {
    needs_cgroup!();
    runc_deviates!("a failed update leaves the other settings changed");
    unless!(!cgroup::is_v2(), "cgroup2 does not divide realtime among cgroups");
    unless!(
        fs::exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us").expect("a look"),
        "this kernel does not divide realtime among cgroups"
    );
    let container = |name: &str, cpu: Value| {
        Bundle::new(name).config(|c| {
            c.set("/linux/resources/cpu", cpu);
            c.capabilities(&["CAP_SYS_NICE"]);
        })
    };
    let mut without = container("without", json!({}));
    // What a container gets its parent has to have, and the kernel takes a while to hear that it was given back.
    let parent = format!("/sys/fs/cgroup/cpu{}", cgroup::parent());
    fs::create_dir_all(&parent).expect("the parent");
    fs::write(format!("{parent}/cpu.rt_runtime_us"), "200000").expect("realtime for the parent");
    assert_eq!(without.try_inside("realtime:1"), Try::Failed("EPERM".to_owned()));
    let mut with = container("with", json!({"realtimeRuntime": 20_000, "realtimePeriod": 500_000}));
    assert_eq!(with.try_inside("realtime:1"), Try::Worked(String::new()));
    with.create();
    let file = |name| value(&with, ("cpu", name), "");
    assert_eq!(["cpu.rt_runtime_us", "cpu.rt_period_us"].map(file), ["20000", "500000"]);
    let update = |flags: &[&str]| with.cmd(&[&["update"], flags, &[&with.id]].concat()).output();
    update(&["--cpu-rt-runtime", "10000", "--cpu-rt-period", "400000"]).ok();
    assert_eq!(["cpu.rt_runtime_us", "cpu.rt_period_us"].map(file), ["10000", "400000"]);
    // More than the parent has, with another setting that is taken back.
    let refused = update(&["--cpu-rt-runtime", "300000", "--cpu-share", "300"]);
    refused.refused(&["linux.resources.cpu.realtimeRuntime", "cpu.rt_runtime_us"]);
    assert_eq!(["cpu.rt_runtime_us", "cpu.shares"].map(file), ["10000", "1024"]);
}
