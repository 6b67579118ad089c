//! Arbitrary configurations are planned or refused with an error, and most of them are planned.

use super::harness::{hybrid, request, v1, v2};
use crate::plan::plan;
use crate::spec::{check, parse_spec};
use creel_conformance::arbitrary::{any, values};
use oci_spec::runtime::Spec;
use serde_json::Value;
use std::collections::BTreeMap;

const COUNT: usize = 2000;

/// Written out from oci-spec's types, as an engine does; then read, checked and planned for every kind of host.
fn planned(config: &Value) -> Result<(), String> {
    let spec: Spec =
        serde_json::from_value(config.clone()).map_err(|e| format!("oci-spec: {e}"))?;
    let text = serde_json::to_vec(&spec).expect("JSON");
    let (read, _) = parse_spec(&text).map_err(|e| e.to_string())?;
    check(&read).map_err(|e| e.to_string())?;
    // The two versions of cgroups have settings of their own, so a host of one kind has to do.
    let plans = [v2(), hybrid(), v1()].map(|host| plan(&read, &request(), &host).map(drop));
    if plans.iter().any(Result::is_ok) {
        return Ok(());
    }
    let [on_v2, ..] = plans;
    on_v2.map_err(|e| with_sources(&e))
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

#[test]
fn configurations_are_planned_or_refused() {
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for config in values(any(), COUNT) {
        if let Err(error) = planned(&config) {
            let place = error.split([':', '[']).next().unwrap_or("").to_owned();
            assert!(!error.is_empty() && !error.contains('\n'), "{error:?}");
            *refused.entry(place).or_default() += 1;
        }
    }
    let count: usize = refused.values().sum();
    println!("{} of {COUNT} planned; refused: {refused:#?}", COUNT - count);
    assert!(count * 5 <= COUNT, "only {} of {COUNT} are planned: {refused:#?}", COUNT - count);
    assert!(count > 0, "nothing was refused, so nothing wrong was tried");
}

/// The generator leaves nothing out, or the test above would say less than it seems to.
#[test]
fn every_field_is_in_some_configuration() {
    let configs: Vec<Value> = values(any(), COUNT).collect();
    let has = |config: &Value, field: &str| {
        let mut without = config.clone();
        creel_conformance::remove(&mut without, field);
        without != *config
    };
    let foreign = ["solaris", "windows", "vm", "zos"];
    let fields = creel_conformance::fields();
    let missing: Vec<&String> = fields
        .iter()
        .filter(|field| !foreign.contains(&field.as_str()))
        .filter(|field| !configs.iter().any(|config| has(config, field)))
        .collect();
    assert!(missing.is_empty(), "never generated: {missing:#?}");
}
