//! Time namespaces and their offsets.

use std::fs;
use std::os::unix::fs::MetadataExt;

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, runc_deviates};

const DAY: u64 = 86_400;

/// With clocks that are a day ahead.
fn ahead(name: &str) -> Bundle {
    Bundle::new(name).config(|c| {
        c.push("/linux/namespaces", json!({"type": "time"}));
        let offset = json!({"secs": DAY, "nanosecs": 500_000_000});
        c.set("/linux/timeOffsets", json!({"monotonic": {"secs": 7}, "boottime": offset}));
    })
}

/// Seconds since boot, out of /proc/uptime.
fn uptime(text: &str) -> u64 {
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).expect("seconds")
}

fn host_uptime() -> u64 {
    uptime(&fs::read_to_string("/proc/uptime").expect("uptime"))
}

#[test]
fn offsets_move_the_clocks() {
    runc_deviates!("time namespaces came with 1.2");
    let before = host_uptime();
    let mut bundle = ahead("timeoffsets");
    let tries = bundle.try_all(&["read:/proc/uptime", "read:/proc/self/timens_offsets"]);
    let [Try::Worked(inside), Try::Worked(offsets)] = &tries[..] else { panic!("{tries:?}") };
    let inside = uptime(inside);
    assert!((before + DAY..=host_uptime() + DAY + 1).contains(&inside), "{inside} after {before}");
    let words: Vec<&str> = offsets.split_whitespace().collect();
    assert_eq!(words, ["monotonic", "7", "0", "boottime", "86400", "500000000"]);
}

#[test]
fn a_time_namespace_is_new_and_an_exec_is_in_it() {
    runc_deviates!("time namespaces came with 1.2");
    let bundle = ahead("timens").sleeping();
    let of = |pid: &str| fs::metadata(format!("/proc/{pid}/ns/time")).expect("time").ino();
    let own = of(&bundle.pid().to_string());
    assert_ne!(own, of("self"));
    assert_eq!(bundle.exec_report(&[]).namespaces["time"], own);
    assert_eq!(bundle.exec_report(&[]).namespaces["time_for_children"], own);
}

#[test]
fn a_time_namespace_is_joined_by_path() {
    runc_deviates!("time namespaces came with 1.2");
    let first = ahead("timeowner").sleeping();
    let path = format!("/proc/{}/ns/time", first.pid());
    let mut second = Bundle::new("timeguest").config(|c| c.join_namespace("time", &path));
    let Try::Worked(inside) = second.try_inside("read:/proc/uptime") else { panic!("no uptime") };
    assert!(uptime(&inside) >= DAY, "{inside}");
}

#[test]
fn an_offset_before_the_beginning_is_refused() {
    runc_deviates!("time namespaces came with 1.2");
    let bundle = ahead("timenegative").config(|c| {
        c.set("/linux/timeOffsets", json!({"boottime": {"secs": -1_000_000_000}}));
    });
    bundle.run().refused(&["linux.timeOffsets", "offsets", "negative"]);
    bundle.assert_nothing_left();
}
