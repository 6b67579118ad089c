//! `update`: what is changed while a container runs, in the kernel and for the container.

use creel_probe::Try;
use serde_json::{Value, json};

use crate::harness::{Bundle, cgroup, needs_cgroup, needs_root, runc_deviates, unless, wait_until};

/// A file of the container's cgroup.
#[track_caller]
fn value(bundle: &Bundle, v1: (&str, &str), v2: &str) -> String {
    cgroup::read(&bundle.cgroup(), v1, v2).unwrap_or_else(|| panic!("no {v1:?} or {v2}"))
}

fn pids_limit(bundle: &Bundle) -> String {
    value(bundle, ("pids", "pids.max"), "pids.max")
}

fn update(bundle: &Bundle, flags: &[&str]) {
    bundle.cmd(&[&["update"], flags, &[&bundle.id]].concat()).ok();
}

fn update_from_stdin(bundle: &Bundle, resources: &Value) {
    let text = resources.to_string();
    bundle.cmd(&["update", "--resources", "-", &bundle.id]).stdin(&text).ok();
}

#[test]
fn every_flag_of_version_1_reaches_the_kernel() {
    needs_cgroup!();
    unless!(!cgroup::is_v2(), "this machine has cgroup v2 alone");
    let bundle = Bundle::new("flags").sleeping();
    let cases: [(&[&str], &str, &str, &str); 14] = [
        (&["--memory", "50M"], "memory", "memory.limit_in_bytes", "52428800"),
        (&["--memory-swap", "60M"], "memory", "memory.memsw.limit_in_bytes", "62914560"),
        (&["--memory-reservation", "20M"], "memory", "memory.soft_limit_in_bytes", "20971520"),
        (&["--kernel-memory-tcp", "1M"], "memory", "memory.kmem.tcp.limit_in_bytes", "1048576"),
        (&["--cpu-share", "512"], "cpu", "cpu.shares", "512"),
        (&["--cpu-quota", "50000"], "cpu", "cpu.cfs_quota_us", "50000"),
        (&["--cpu-period", "200000"], "cpu", "cpu.cfs_period_us", "200000"),
        (&["--cpu-burst", "10000"], "cpu", "cpu.cfs_burst_us", "10000"),
        (&["--cpu-idle", "1"], "cpu", "cpu.idle", "1"),
        (&["--cpuset-cpus", "0"], "cpuset", "cpuset.cpus", "0"),
        (&["--cpuset-mems", "0"], "cpuset", "cpuset.mems", "0"),
        (&["--pids-limit", "20"], "pids", "pids.max", "20"),
        (&["--pids-limit", "-1"], "pids", "pids.max", "max"),
        (&["--blkio-weight", "500"], "blkio", "blkio.bfq.weight", "500"),
    ];
    for (flags, controller, file, expected) in cases {
        // runc 1.1.5 does not know the first two, and does nothing for the third.
        let unknown = matches!(flags[0], "--cpu-burst" | "--cpu-idle" | "--kernel-memory-tcp");
        if crate::harness::is_runc() && unknown {
            continue;
        }
        if cgroup::read(&bundle.cgroup(), (controller, file), "").is_none() {
            continue;
        }
        update(&bundle, flags);
        assert_eq!(value(&bundle, (controller, file), ""), expected, "{flags:?}");
    }
    assert_eq!(value(&bundle, ("cpu", "cpu.cfs_quota_us"), ""), "50000", "the period's update");
    if crate::harness::is_runc() {
        return;
    }
    // Who is no longer idle has its shares again, which the kernel forgets.
    update(&bundle, &["--cpu-idle", "0"]);
    assert_eq!(value(&bundle, ("cpu", "cpu.shares"), ""), "512");
    assert_recorded(&bundle);
}

#[test]
fn every_flag_of_version_2_reaches_the_kernel() {
    let wanted = ["memory", "cpu", "cpuset", "pids"];
    let are_there = cgroup::is_v2() && wanted.into_iter().all(cgroup::has);
    unless!(are_there, "version 2's controllers are not all here");
    let bundle = Bundle::new("flags2").sleeping();
    let cases: [(&[&str], &str, &str); 15] = [
        (&["--memory", "50M"], "memory.max", "52428800"),
        (&["--memory-swap", "60M"], "memory.swap.max", "10485760"),
        (&["--memory", "55M"], "memory.swap.max", "5242880"),
        (&["--memory-reservation", "20M"], "memory.low", "20971520"),
        (&["--cpu-share", "512"], "cpu.weight", "59"),
        (&["--cpu-quota", "50000"], "cpu.max", "50000 100000"),
        (&["--cpu-period", "200000"], "cpu.max", "50000 200000"),
        (&["--cpu-burst", "10000"], "cpu.max.burst", "10000"),
        (&["--cpu-idle", "1"], "cpu.idle", "1"),
        (&["--cpuset-cpus", "0"], "cpuset.cpus", "0"),
        (&["--cpuset-mems", "0"], "cpuset.mems", "0"),
        (&["--pids-limit", "20"], "pids.max", "20"),
        (&["--memory", "-1"], "memory.max", "max"),
        (&["--blkio-weight", "500"], "io.bfq.weight", "default 500"),
        (&["--cpu-idle", "0"], "cpu.weight", "59"),
    ];
    for (flags, file, expected) in cases {
        // A kernel without swap has no such file.
        if cgroup::read(&bundle.cgroup(), ("", ""), file).is_none() {
            continue;
        }
        update(&bundle, flags);
        assert_eq!(value(&bundle, ("", ""), file), expected, "{flags:?}");
    }
    if !crate::harness::is_runc() {
        assert_recorded(&bundle);
    }
}

/// What the flags of the two tests above asked for is in the container's record.
#[track_caller]
fn assert_recorded(bundle: &Bundle) {
    let resources = recorded(bundle);
    let cpu = json!({"shares": 512, "quota": 50_000, "period": 200_000, "burst": 10_000, "idle": 0,
        "cpus": "0", "mems": "0"});
    assert_eq!(resources["cpu"], cpu);
    assert_eq!(resources["memory"]["reservation"], 20 << 20);
    assert!(resources["pids"]["limit"].is_i64());
}

/// The resources in creel's state of the container.
fn recorded(bundle: &Bundle) -> Value {
    let text = std::fs::read(bundle.root().join(&bundle.id).join("state.json")).expect("a state");
    let state: Value = serde_json::from_slice(&text).expect("JSON");
    state["resources"].clone()
}

#[test]
fn a_refused_value_puts_everything_back() {
    runc_deviates!("it leaves what it has written");
    unless!(cgroup::has("cpu") && cgroup::has("pids"), "cpu and pids are not there");
    let bundle = Bundle::new("refused").config(|c| {
        c.set("/linux/resources/cpu", json!({"shares": 256, "quota": 20_000}));
        c.set("/linux/resources/pids", json!({"limit": 33}));
    });
    let bundle = bundle.sleeping();
    let quota = if cgroup::is_v2() { "cpu.max" } else { "cpu.cfs_quota_us" };
    let values = || {
        let shares = value(&bundle, ("cpu", "cpu.shares"), "cpu.weight");
        let cpus =
            cgroup::read(&bundle.cgroup(), ("cpuset", "cpuset.cpus"), "cpuset.cpus.effective");
        let quota = value(&bundle, ("cpu", quota), quota);
        [shares, quota, pids_limit(&bundle), cpus.unwrap_or_default()]
    };
    let (before, state) = (values(), recorded(&bundle));
    let refused = |wanted: Value, words: &[&str]| {
        let output = bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin(&wanted.to_string());
        output.output().refused(words);
        assert_eq!(values(), before, "{wanted}");
        assert_eq!(recorded(&bundle), state, "{wanted}");
    };
    // The kernel refuses a burst above the quota, and a quota below a millisecond.
    let mut cpu = json!({"shares": 512, "quota": 30_000, "burst": 99_000_000});
    if cgroup::has("cpuset") {
        cpu["cpus"] = json!("0");
    }
    refused(json!({"pids": {"limit": 44}, "cpu": cpu}), &["linux.resources.cpu.burst"]);
    let cpu = json!({"shares": 512, "quota": 10});
    refused(json!({"pids": {"limit": 44}, "cpu": cpu}), &["linux.resources.cpu.quota"]);
    let hole =
        json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "x", "access": "r"}]);
    refused(json!({"pids": {"limit": 44}, "devices": hole}), &[]);
}

#[test]
fn huge_pages_are_limited_from_now_on() {
    needs_cgroup!();
    runc_deviates!("update leaves huge pages alone");
    unless!(
        cgroup::has("hugetlb") || cgroup::has_on_unified("hugetlb"),
        "no hugetlb controller here"
    );
    let bundle = Bundle::new("huge").config(|c| {
        c.set("/linux/resources/hugepageLimits", json!([{"pageSize": "2MB", "limit": 4 << 20}]));
    });
    let bundle = bundle.sleeping();
    let unified = format!("unified/{}", bundle.cgroup().trim_start_matches('/'));
    let read = |file: &str| match cgroup::has("hugetlb") {
        true => value(&bundle, ("hugetlb", &file.replace("max", "limit_in_bytes")), file),
        false => {
            let path = format!("/sys/fs/cgroup/{unified}/{file}");
            std::fs::read_to_string(path).expect("a limit").trim().to_owned()
        }
    };
    assert_eq!(read("hugetlb.2MB.max"), (4 << 20).to_string());
    let limits = json!([{"pageSize": "2MB", "limit": 8 << 20}]);
    update_from_stdin(&bundle, &json!({"hugepageLimits": limits}));
    assert_eq!(read("hugetlb.2MB.max"), (8 << 20).to_string());
    assert_eq!(read("hugetlb.2MB.rsvd.max"), (8 << 20).to_string());
    assert_eq!(recorded(&bundle)["hugepageLimits"], limits);
}

/// No machine of ours has RDT; `libcontainer`'s `rdt` tests the rest.
#[test]
fn a_schema_without_rdt_is_refused_and_nothing_is_changed() {
    needs_cgroup!();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    unless!(!mounts.contains(" - resctrl "), "resctrl is mounted");
    let bundle = Bundle::new("rdt").sleeping();
    for flags in [["--l3-cache-schema", "L3:0=f"], ["--mem-bw-schema", "MB:0=20"]] {
        let words = [&["update"], &flags[..], &["--cpu-share", "300", &bundle.id]].concat();
        bundle.cmd(&words).output().refused(&["linux.intelRdt", "resctrl is not mounted"]);
    }
    if !crate::harness::is_runc() {
        assert_eq!(recorded(&bundle)["cpu"], Value::Null);
    }
}

#[test]
fn a_checked_limit_below_what_is_in_use_is_refused() {
    unless!(cgroup::is_v2() && cgroup::has("memory"), "version 1 checks by itself");
    let bundle = Bundle::new("check").sleeping();
    let wanted = json!({"memory": {"limit": 4096, "checkBeforeUpdate": true}}).to_string();
    let output = bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin(&wanted).output();
    output.refused(&["linux.resources.memory.limit", "checkBeforeUpdate"]);
    assert_eq!(bundle.status(), "running");
    assert_eq!(value(&bundle, ("", ""), "memory.max"), "max");
}

#[test]
fn nothing_asked_for_changes_nothing() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("nothing").config(|c| c.set("/linux/resources/pids/limit", 33));
    let bundle = bundle.sleeping();
    update(&bundle, &[]);
    update(&bundle, &["--pids-limit", "0", "--cpu-share", "0", "--memory", ""]);
    update_from_stdin(&bundle, &json!({}));
    update_from_stdin(&bundle, &json!({"cpu": {"shares": 0, "quota": 0}, "memory": {"limit": 0}}));
    update_from_stdin(&bundle, &json!({"pids": {"limit": 0}}));
    assert_eq!(pids_limit(&bundle), "33");
}

#[test]
fn from_version_1_3_on_zero_processes_are_a_limit() {
    needs_cgroup!();
    runc_deviates!("0 changes nothing");
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("zero").config(|c| {
        c.set("/ociVersion", "1.3.0");
        c.set("/linux/resources/pids/limit", 33);
    });
    let bundle = bundle.sleeping();
    update_from_stdin(&bundle, &json!({"pids": {"limit": 0}}));
    // systemd knows no limit of 0.
    assert!(["0", "1"].contains(&pids_limit(&bundle).as_str()));
}

#[test]
fn resources_come_from_a_file_or_standard_input() {
    needs_cgroup!();
    unless!(cgroup::has("pids") && cgroup::has("memory"), "memory and pids are not there");
    let bundle = Bundle::new("file").sleeping();
    let file = bundle.path("resources.json");
    std::fs::write(&file, r#"{"pids": {"limit": 21}, "unheard": {"of": 1}}"#).expect("a file");
    let file = file.to_str().expect("UTF-8");
    update(&bundle, &["-r", file, "--pids-limit", "99"]);
    assert_eq!(pids_limit(&bundle), "21", "the other flags do not count");
    update_from_stdin(&bundle, &json!({"memory": {"limit": 64 << 20}}));
    let limit = value(&bundle, ("memory", "memory.limit_in_bytes"), "memory.max");
    assert_eq!(limit, "67108864");
    assert_eq!(pids_limit(&bundle), "21");
}

#[test]
fn fewer_processes_are_allowed_from_now_on() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("forks").busybox().config(|c| c.args(&["/bin/sleep", "600"]));
    bundle.create_and_start();
    let script = "for i in 1 2 3 4 5 6; do sleep 0.1 & done; echo all; wait";
    let bomb = ["exec", &bundle.id, "/bin/sh", "-c", script];
    assert_eq!(bundle.cmd(&bomb).ok().stdout(), "all\n");
    wait_until("the end of the six", || bundle.processes().len() == 1);
    update(&bundle, &["--pids-limit", "4"]);
    let output = bundle.cmd(&bomb).output();
    assert_eq!(output.stdout(), "", "six processes with a limit of four");
    assert!(output.stderr().contains("can't fork"), "{}", output.stderr());
}

#[test]
fn less_memory_is_allowed_from_now_on() {
    needs_cgroup!();
    unless!(cgroup::has("memory"), "no memory controller here");
    let bundle = Bundle::new("memory").busybox().config(|c| c.args(&["/bin/sleep", "600"]));
    bundle.create_and_start();
    let eat = ["exec", &bundle.id, "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=60M", "count=1"];
    bundle.cmd(&eat).ok();
    update(&bundle, &["--memory", "20M", "--memory-swap", "20M"]);
    bundle.cmd(&eat).output().exits(137);
    // Both at once, each above the other's old value.
    update(&bundle, &["--memory", "100M", "--memory-swap", "120M"]);
    bundle.cmd(&eat).ok();
    // And below it.
    update(&bundle, &["--memory", "20M", "--memory-swap", "20M"]);
    bundle.cmd(&eat).output().exits(137);
    update(&bundle, &["--memory", "-1"]);
    bundle.cmd(&eat).ok();
}

#[test]
fn a_quota_holds_from_now_on() {
    needs_cgroup!();
    unless!(cgroup::has("cpu"), "no cpu controller here");
    let bundle = Bundle::new("quota").busybox();
    let bundle = bundle.config(|c| c.args(&["/bin/sh", "-c", "while :; do :; done"]));
    bundle.create_and_start();
    let throttled = || {
        let stat = value(&bundle, ("cpu", "cpu.stat"), "cpu.stat");
        let count = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        count.expect("nr_throttled").parse::<u32>().expect("a number")
    };
    assert_eq!(throttled(), 0);
    update(&bundle, &["--cpu-quota", "5000", "--cpu-period", "50000"]);
    wait_until("throttled periods", || throttled() >= 5);
    update(&bundle, &["--cpu-quota", "-1"]);
    let before = throttled();
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(throttled() <= before + 1, "still throttled");
}

#[test]
fn devices_are_allowed_and_denied() {
    needs_root!("no device can be made in a user namespace");
    runc_deviates!("update leaves devices alone");
    let bundle = Bundle::new("devices").config(|c| {
        c.capabilities(&["CAP_MKNOD"]);
        c.mount("tmpfs", "/nodes", "tmpfs", &[]);
    });
    let bundle = bundle.sleeping();
    let open = |node: &str| {
        let word = format!("mknod:/nodes/{node}:c:10:229");
        let words = ["exec", "--cap", "CAP_MKNOD", &bundle.id, "/bin/probe", "report", &word];
        let mut report = crate::harness::parse(&bundle.cmd(&words).ok());
        report.tries.remove(&word).expect("tried")
    };
    let deny = json!({"allow": false, "access": "rwm"});
    let fuse = json!({"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"});
    let denied = Try::Failed("EPERM".to_owned());
    assert_eq!(open("first"), denied);
    update_from_stdin(&bundle, &json!({"devices": [deny, fuse]}));
    // There may be no such driver, but that is what the open says then.
    assert_ne!(open("second"), denied);
    // The same again, and another setting: nothing is lost.
    let other = if cgroup::has("pids") { json!({"limit": 50}) } else { Value::Null };
    update_from_stdin(&bundle, &json!({"devices": [deny, fuse], "pids": other}));
    assert_ne!(open("third"), denied);
    update_from_stdin(&bundle, &json!({"devices": [deny]}));
    assert_eq!(open("fourth"), denied);
}

#[test]
fn an_update_that_fails_changes_nothing() {
    needs_cgroup!();
    unless!(!cgroup::is_v2(), "the order of the files is that of version 1");
    let bundle = Bundle::new("back").config(|c| {
        c.set("/linux/resources/cpu", json!({"shares": 256, "quota": 20_000}));
        c.set("/linux/resources/pids", json!({"limit": 33}));
    });
    let bundle = bundle.sleeping();
    let files = [("cpu", "cpu.shares"), ("cpu", "cpu.cfs_quota_us"), ("pids", "pids.max")];
    let values = || files.map(|file| value(&bundle, file, ""));
    let before = values();
    let wanted =
        json!({"cpu": {"shares": 512, "quota": 30_000, "cpus": "4000"}, "pids": {"limit": 44}});
    let output = bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin(&wanted.to_string()).output();
    output.refused(&["linux.resources.cpu.cpus", "4000", "cpuset.cpus"]);
    assert_eq!(values(), before);
    // Nor is it remembered.
    update(&bundle, &["--memory-reservation", "1M"]);
    assert_eq!(values(), before);
}

#[test]
fn a_limit_below_what_is_in_use_is_refused() {
    needs_cgroup!();
    unless!(!cgroup::is_v2(), "version 2 kills for it");
    let bundle = Bundle::new("below").sleeping();
    let output = bundle.cmd(&["update", "--memory", "4096", &bundle.id]).output();
    output.refused(&["linux.resources.memory.limit", "in use"]);
    assert_eq!(bundle.status(), "running");
}

#[test]
fn a_paused_container_is_updated() {
    needs_cgroup!();
    unless!(cgroup::has("pids"), "no pids controller here");
    let bundle = Bundle::new("paused").sleeping();
    bundle.cmd(&["pause", &bundle.id]).ok();
    update(&bundle, &["--pids-limit", "12"]);
    assert_eq!(pids_limit(&bundle), "12");
    assert_eq!(bundle.status(), "paused");
    bundle.cmd(&["resume", &bundle.id]).ok();
}

#[test]
fn what_cannot_be_updated_is_refused() {
    let bundle = Bundle::new("bad").sleeping();
    let refused = |flags: &[&str], words: &[&str]| {
        bundle.cmd(&[&["update"], flags, &[&bundle.id]].concat()).output().refused(words);
    };
    refused(&["--memory", "abc"], &["invalid value for memory", "abc"]);
    refused(&["--memory", "1Q"], &["invalid value for memory", "1Q"]);
    refused(&["--cpu-share", "x"], &["invalid value for cpu-share", "x"]);
    refused(&["--cpu-quota", "1.5"], &["invalid value for cpu-quota"]);
    refused(&["--pids-limit", "x"], &["pids-limit", "x"]);
    refused(&["-r", "/nonexistent"], &["/nonexistent", "no such file or directory"]);
    let output = bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin("xx").output();
    output.refused(&[]);
    let output = bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin("{\"cpu\": 5}").output();
    output.refused(&["cpu"]);
    bundle.cmd(&["update", "nobody"]).output().refused(&["container does not exist"]);
    bundle.kill("KILL");
    bundle.wait_stopped();
    refused(&["--pids-limit", "5"], &["container not running"]);
}
