//! `creel features`: what the runtime can do, as JSON.

use clap::Args;
use serde_json::Value;

use crate::{failure::Failure, report::print};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct FeaturesArgs {}

#[inline(never)]
pub(super) fn run() -> Result<i32, Failure> {
    let failed = |error: serde_json::Error| Failure::Print { source: error.into() };
    let mut features = serde_json::to_value(libcontainer::features()).map_err(failed)?;
    drop_nulls(&mut features);
    let text = serde_json::to_string_pretty(&features).map_err(failed)?;
    print(&(text + "\n"))?;
    Ok(0)
}

/// What is not there is left out, as everybody else writes it.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}
