//! Intel RDT, on machines without it. What is done with a resctrl tree is tested in libcontainer's `rdt`.

use std::fs;

use serde_json::json;

use crate::harness::{Bundle, is_runc, unless};

#[test]
fn without_resctrl_it_is_refused() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    unless!(!mounts.contains(" - resctrl "), "resctrl is mounted");
    let bundle = Bundle::new("rdt").config(|c| {
        c.set("/linux/intelRdt", json!({"closID": "gold", "l3CacheSchema": "L3:0=f"}));
    });
    let said: &[&str] = match is_runc() {
        true => &["intelRdt"],
        false => &["linux.intelRdt", "resctrl is not mounted"],
    };
    bundle.run().refused(said);
    bundle.assert_nothing_left();
}
