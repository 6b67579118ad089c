//! The whole plan of the default configuration, one per kind of host.

use super::harness::{hybrid, planned, request, v1, v2};
use super::text::json;
use creel_wire::owned::encode;
use insta::assert_snapshot;

#[test]
fn default_on_v2() {
    assert_snapshot!(json(&planned(|_| {}, &request(), &v2())));
}

#[test]
fn default_on_hybrid() {
    assert_snapshot!(json(&planned(|_| {}, &request(), &hybrid())));
}

#[test]
fn default_on_v1() {
    assert_snapshot!(json(&planned(|_| {}, &request(), &v1())));
}

/// The snapshots are meant for programs too.
#[test]
fn the_text_is_json() {
    let plan = planned(|_| {}, &request(), &hybrid());
    let read: serde_json::Value = serde_json::from_str(&json(&plan)).unwrap();
    assert_eq!(read, serde_json::to_value(&plan).unwrap());
}

/// Everything that is planned can be sent.
#[test]
fn creel_init_can_read_it() {
    for host in [v2(), hybrid(), v1()] {
        let plan = planned(|_| {}, &request(), &host);
        let steps: Vec<_> = plan.inside.iter().map(|planned| planned.step.clone()).collect();
        let buffer = encode(&steps, &vec![3; plan.descriptors.len()]).unwrap();
        let read = creel_wire::Plan::decode(&buffer).unwrap();
        assert_eq!(read.steps().count(), steps.len());
    }
}
