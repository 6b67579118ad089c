//! No cgroup at all: the container stays in those of its caller.

use serde_json::Value;

use super::error::Error;
use super::plan::{Ignored, Plan, Request};

/// Plan a container without a cgroup of its own, for callers that may make none or see to them themselves.
///
/// # Errors
/// [`Error::NeedsCgroup`] for a limit, which nothing could enforce.
pub fn plan_none(request: &Request) -> Result<Plan, Error> {
    let resources = request.resources.map(serde_json::to_value).and_then(Result::ok);
    let Some(Value::Object(resources)) = resources else { return Ok(nothing(Vec::new())) };
    let mut ignored = Vec::new();
    for (name, _) in resources.iter().filter(|(_, value)| says_something(value)) {
        let json_path = format!("linux.resources.{name}");
        // Every configuration that was ever generated has some.
        if name != "devices" {
            return Err(Error::NeedsCgroup { json_path });
        }
        ignored.push(Ignored { json_path, reason: "the container has no cgroup" });
    }
    Ok(nothing(ignored))
}

fn nothing(ignored: Vec<Ignored>) -> Plan {
    Plan {
        directories: Vec::new(),
        device_filter: None,
        unit: None,
        ignored,
        shared: Vec::new(),
        rootless: false,
        owner: None,
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(members) => members.values().any(says_something),
        Value::Array(entries) => !entries.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::LinuxResources;

    fn plan(resources: &str) -> Result<Plan, Error> {
        let resources: LinuxResources = serde_json::from_str(resources).unwrap();
        let resources = Some(&resources);
        plan_none(&Request { id: "x", cgroups_path: None, resources })
    }

    #[test]
    fn device_rules_are_passed_over_and_limits_refused() {
        let planned = plan(r#"{"devices": [{"allow": false}], "memory": {}}"#).unwrap();
        assert_eq!(planned.directories, []);
        assert_eq!(planned.ignored[0].json_path, "linux.resources.devices");
        assert_eq!(plan("{}").unwrap().ignored, []);
        let error = plan(r#"{"memory": {"limit": 1000000}}"#).unwrap_err();
        assert!(error.to_string().starts_with("linux.resources.memory"), "{error}");
    }
}
