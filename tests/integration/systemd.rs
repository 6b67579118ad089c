//! Cgroups that systemd makes. These run where `CREEL_TEST_SYSTEMD_CGROUP` is set, as all others do
//! then; what is here is about the unit itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use creel_probe::Try;
use serde_json::{Value, json};

use crate::harness::{
    Bundle, driver, needs_root, parse, rootless, runc_deviates, runtime, unless, wait_until,
};

const NO_SYSTEMD: &str = "CREEL_TEST_SYSTEMD_CGROUP is not set: systemd does not make the cgroups";

const NO_RULES: &str = "only root can load a device filter";

fn unit(bundle: &Bundle) -> String {
    format!("creel-{}.scope", bundle.id)
}

/// What `systemctl show` prints of a unit; of a property with several lines the last.
fn show(bundle: &Bundle) -> BTreeMap<String, String> {
    let text = bundle.plain(&["systemctl", driver::whose(), "show", &unit(bundle)]).ok().stdout();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn assert_shows(bundle: &Bundle, expected: &[(&str, &str)]) {
    let shown = show(bundle);
    for (name, value) in expected {
        assert_eq!(shown.get(*name).map(String::as_str), Some(*value), "{name}");
    }
}

#[test]
fn the_container_is_in_a_delegated_scope() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("scope").sleeping();
    let path = bundle.cgroup();
    assert_shows(
        &bundle,
        &[
            ("ActiveState", "active"),
            ("ControlGroup", path.as_str()),
            ("Slice", driver::default_slice()),
            ("Delegate", "yes"),
            ("DefaultDependencies", "no"),
            ("DevicePolicy", if rootless::is_rootless() { "auto" } else { "strict" }),
        ],
    );
    assert_eq!(bundle.processes(), [bundle.pid()]);
}

#[test]
fn limits_are_properties_of_the_unit() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("properties").config(|c| {
        c.set("/linux/resources/memory", json!({"limit": 64 << 20, "swap": 96 << 20}));
        c.set("/linux/resources/memory/reservation", 32 << 20);
        c.set("/linux/resources/pids", json!({"limit": 44}));
        let cpu = json!({"quota": 25_000, "period": 50_000, "cpus": "0", "mems": "0"});
        c.set("/linux/resources/cpu", cpu);
    });
    bundle.create();
    assert_shows(
        &bundle,
        &[
            ("MemoryMax", "67108864"),
            ("MemorySwapMax", "33554432"),
            ("MemoryLow", "33554432"),
            ("TasksMax", "44"),
            ("CPUQuotaPerSecUSec", "500ms"),
            ("CPUQuotaPeriodUSec", "50ms"),
            ("AllowedCPUs", "0"),
            ("AllowedMemoryNodes", "0"),
        ],
    );
}

#[test]
fn limits_and_devices_survive_a_daemon_reload() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("reload").busybox().config(|c| {
        c.set("/linux/resources/pids", json!({"limit": 44}));
        c.set("/linux/resources/cpu", json!({"quota": 12_345, "period": 100_000}));
        c.args(&["/bin/sleep", "600"]);
    });
    bundle.create_and_start();
    bundle.plain(&["systemctl", driver::whose(), "daemon-reload"]).ok();
    let read = |file| std::fs::read_to_string(format!("/sys/fs/cgroup{}/{file}", bundle.cgroup()));
    assert_eq!(read("pids.max").expect("pids.max"), "44\n");
    let script = "echo x >/dev/null && head -c 1 /dev/zero >/dev/null && echo worked";
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/sh", "-c", script]).ok();
    assert_eq!(output.stdout(), "worked\n");
}

#[test]
fn an_update_is_in_the_unit_and_survives_a_daemon_reload() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("update").sleeping();
    let words = ["update", "--pids-limit", "55", "--memory", "64M", &bundle.id];
    bundle.cmd(&words).ok();
    assert_shows(&bundle, &[("TasksMax", "55"), ("MemoryMax", "67108864")]);
    bundle.plain(&["systemctl", driver::whose(), "daemon-reload"]).ok();
    let file = format!("/sys/fs/cgroup{}/pids.max", bundle.cgroup());
    assert_eq!(std::fs::read_to_string(file).expect("pids.max"), "55\n");
}

/// A file of the container's cgroup.
#[track_caller]
fn file(bundle: &Bundle, name: &str) -> String {
    let path = format!("/sys/fs/cgroup{}/{name}", bundle.cgroup());
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    text.trim().to_owned()
}

/// A container that may make devices, as far as its rules go, and that stays.
fn maker_of_devices(name: &str) -> Bundle {
    let bundle = Bundle::new(name).config(|c| {
        c.capabilities(&["CAP_MKNOD"]);
        c.set("/linux/resources/pids", json!({"limit": 33}));
        c.mount("tmpfs", "/nodes", "tmpfs", &[]);
    });
    bundle.sleeping()
}

const FUSE: &str = "c:10:229";
const KMSG: &str = "c:1:11";

/// Whether the container's rules let it make a device.
#[track_caller]
fn may_make(bundle: &Bundle, device: &str) -> bool {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let word = format!("mknod:/nodes/{number}:{device}");
    let exec = ["exec", "--cap", "CAP_MKNOD", &bundle.id, "/bin/probe", "report", &word];
    let report = parse(&bundle.cmd(&exec).ok());
    // There may be no such driver, but that is what the open says then.
    report.tries[&word] != Try::Failed("EPERM".to_owned())
}

/// `update` with these resources.
fn update(bundle: &Bundle, resources: &Value) -> crate::harness::Output {
    bundle.cmd(&["update", "-r", "-", &bundle.id]).stdin(&resources.to_string()).output()
}

fn rules_with_fuse() -> Value {
    json!([{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rwm"}])
}

#[test]
fn an_update_writes_what_systemd_would_round() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("exact").sleeping();
    for (quota, rounded) in [("12345", "130ms"), ("23456", "240ms")] {
        bundle.cmd(&["update", "--cpu-quota", quota, &bundle.id]).ok();
        assert_shows(&bundle, &[("CPUQuotaPerSecUSec", rounded)]);
        assert_eq!(file(&bundle, "cpu.max"), format!("{quota} 100000"));
    }
}

#[test]
fn an_update_that_systemd_refuses_changes_nothing() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    needs_root!("{NO_RULES}");
    runc_deviates!("what was written before stays");
    let bundle = maker_of_devices("refused");
    let wanted = json!({"unified": {"memory.high": "0"}, "pids": {"limit": 44}, "devices": rules_with_fuse()});
    update(&bundle, &wanted).refused(&["systemd refused", "MemoryHigh"]);
    assert_eq!(
        (file(&bundle, "pids.max"), file(&bundle, "memory.high")),
        ("33".into(), "max".into())
    );
    assert_shows(&bundle, &[("TasksMax", "33"), ("MemoryHigh", "infinity")]);
    assert!(!may_make(&bundle, FUSE));
}

#[test]
fn an_update_that_the_kernel_refuses_changes_nothing_in_systemd() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    needs_root!("{NO_RULES}");
    runc_deviates!("what was written before stays");
    let bundle = maker_of_devices("kernel");
    let properties = ["TasksMax", "MemoryMax", "AllowedCPUs", "CPUWeight", "DevicePolicy"];
    let files = ["pids.max", "memory.max", "cpu.weight", "cpuset.cpus"];
    // Their order means nothing.
    let devices = || {
        let words =
            ["systemctl", driver::whose(), "show", "--property", "DeviceAllow", &unit(&bundle)];
        let text = bundle.plain(&words).ok().stdout();
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let values = || {
        let shown = show(&bundle);
        (
            devices(),
            properties.map(|name| shown.get(name).cloned()),
            files.map(|name| file(&bundle, name)),
        )
    };
    let before = values();
    let wanted = json!({"cpu": {"cpus": "4000", "shares": 512}, "pids": {"limit": 44},
        "memory": {"limit": 64 << 20}, "devices": rules_with_fuse()});
    update(&bundle, &wanted).refused(&["linux.resources.cpu.cpus", "4000"]);
    assert_eq!(values(), before);
    assert!(!may_make(&bundle, FUSE));
    bundle.plain(&["systemctl", driver::whose(), "daemon-reload"]).ok();
    assert_eq!(values(), before);
}

#[test]
fn devices_survive_a_daemon_reload() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    needs_root!("{NO_RULES}");
    let bundle = maker_of_devices("reloaded");
    let devices = || (may_make(&bundle, FUSE), may_make(&bundle, KMSG));
    let reload = || drop(bundle.plain(&["systemctl", driver::whose(), "daemon-reload"]).ok());
    assert_eq!(devices(), (false, false));
    reload();
    assert_eq!(devices(), (false, false));
    update(&bundle, &json!({"devices": rules_with_fuse()})).ok();
    assert_eq!(devices(), (true, false));
    reload();
    assert_eq!(devices(), (true, false));
}

#[test]
fn a_unit_that_failed_is_forgotten_by_delete() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("reset").config(|c| {
        let annotations = json!({"org.systemd.property.RuntimeMaxSec": "1",
            "org.systemd.property.TimeoutStopSec": "1"});
        c.set("/annotations", annotations);
    });
    let bundle = bundle.sleeping();
    bundle.wait_stopped();
    let failed = || show(&bundle).get("ActiveState").is_some_and(|state| state == "failed");
    wait_until("the unit to have failed", failed);
    bundle.delete();
    assert_shows(&bundle, &[("ActiveState", "inactive"), ("LoadState", "not-found")]);
    bundle.assert_nothing_left();
}

#[test]
fn annotations_are_properties_of_the_unit() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("annotations").config(|c| {
        c.set(
            "/annotations",
            json!({
                "org.systemd.property.TimeoutStopSec": "7",
                "org.systemd.property.CollectMode": "'inactive-or-failed'",
            }),
        );
    });
    bundle.create();
    let expected = [("TimeoutStopUSec", "7s"), ("CollectMode", "inactive-or-failed")];
    assert_shows(&bundle, &expected);
}

#[test]
fn an_annotation_that_is_no_property_is_refused() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    for (name, value) in [("CollectMode", "inactive"), ("CreelsOwn", "true")] {
        let bundle = Bundle::new("property").config(|c| {
            let key = format!("org.systemd.property.{name}");
            c.set("/annotations", json!({ key: value }));
        });
        bundle.on_bundle("create", &[]).output().refused(&[name]);
        bundle.assert_nothing_left();
    }
}

#[test]
fn a_path_that_names_no_unit_is_refused() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    for path in ["/a/b", "system.slice:creel", "system:creel:x", "system.slice:creel:../x"] {
        let bundle = Bundle::new("path").config(|c| c.set("/linux/cgroupsPath", path));
        let words = ["linux.cgroupsPath", path, "slice:prefix:name"];
        bundle.on_bundle("create", &[]).output().refused(&words);
        bundle.assert_nothing_left();
    }
}

#[test]
fn delete_needs_no_flag() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("noflag").sleeping();
    let runtime = runtime().to_str().expect("UTF-8");
    let root = bundle.root();
    let root = root.to_str().expect("UTF-8");
    bundle.plain(&[runtime, "--root", root, "delete", "--force", &bundle.id]).ok();
    bundle.assert_nothing_left();
}

#[test]
fn a_failed_unit_of_the_same_name_is_forgotten() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    let bundle = Bundle::new("failed");
    let unit = unit(&bundle);
    let words = [
        "systemd-run",
        driver::whose(),
        "--scope",
        "--unit",
        &unit,
        "--property",
        "RuntimeMaxSec=1",
        "sleep",
        "30",
    ];
    bundle.plain(&words).output();
    let failed = || show(&bundle).get("ActiveState").is_some_and(|state| state == "failed");
    wait_until("the unit to have failed", failed);
    bundle.create();
    assert_shows(&bundle, &[("ActiveState", "active")]);
}

#[test]
fn an_active_unit_of_the_same_name_is_left_alone() {
    unless!(driver::is_systemd(), "{NO_SYSTEMD}");
    runc_deviates!("it takes the unit over");
    let bundle = Bundle::new("taken");
    let unit = unit(&bundle);
    let sleeper = bundle
        .plain(&[
            "systemd-run",
            driver::whose(),
            "--quiet",
            "--scope",
            "--unit",
            &unit,
            "sleep",
            "30",
        ])
        .spawn();
    let active = || show(&bundle).get("ActiveState").is_some_and(|state| state == "active");
    wait_until("the other unit to be active", active);
    bundle.on_bundle("create", &[]).output().refused(&[&unit]);
    assert!(active(), "the other unit was stopped");
    bundle.plain(&["systemctl", driver::whose(), "stop", &unit]).ok();
    drop(sleeper);
}
