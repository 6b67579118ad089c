//! `creel plan`: what `create` would do, for people or as JSON.

use std::path::PathBuf;

use clap::Args;
use libcontainer::{
    Config, CreateOptions, Runtime,
    plan::{Plan, Planned},
};

use crate::{
    cli::Globals,
    failure::Failure,
    global::{CgroupManager, cgroup_manager, rootless},
    report::print,
};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct PlanArgs {
    /// The bundle directory
    #[arg(long, short, value_name = "DIRECTORY", default_value = ".")]
    bundle: PathBuf,
    /// The configuration file, instead of the bundle's config.json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// text or json
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    format: String,
    /// Do not use pivot_root; for a root file system on a ramdisk
    #[arg(long)]
    no_pivot: bool,
    /// The name that the container would have
    #[arg(value_name = "container-id", default_value = "planned")]
    id: String,
}

#[inline(never)]
pub(super) fn run(args: PlanArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    let PlanArgs { bundle, config, format, no_pivot, id } = args;
    let manager = cgroup_manager(globals)?;
    let options = CreateOptions {
        bundle,
        config: config.map_or(Config::Bundle, Config::File),
        no_pivot,
        systemd_cgroup: manager == CgroupManager::Systemd,
        no_cgroups: manager == CgroupManager::Disabled,
        rootless: rootless(globals)?,
        ..CreateOptions::default()
    };
    let plan = runtime.plan(&id, &options)?;
    let text = match format.as_str() {
        "text" => text(&plan),
        "json" => json(&plan)? + "\n",
        _ => return Err(Failure::Format { found: format, allowed: "text or json" }),
    };
    print(&text)?;
    Ok(0)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::Print { source: error.into() })
}

/// A line for each thing that is done, outside and then inside, with the place that asked for it.
fn text(plan: &Plan) -> String {
    let mut lines = vec!["outside:".to_owned()];
    if let Some(unit) = &plan.cgroup.unit {
        lines.push(format!("  systemd unit {}", unit.name));
        let properties = unit.properties.iter();
        lines.extend(properties.map(|p| format!("    {} = {:?}", p.name, p.value)));
    }
    for directory in &plan.cgroup.directories {
        lines.push(format!("  cgroup {}", directory.path().display()));
        let writes = directory.writes.iter();
        lines.extend(writes.map(|w| format!("    {} = {}  ({})", w.file, w.value, w.json_path)));
    }
    for directory in &plan.cgroup.shared {
        let path = directory.path();
        lines.push(format!("  cgroup {}, creel's own: none may be made here", path.display()));
    }
    lines.push(format!("  new namespaces: {}", names(&plan.new_namespaces)));
    for join in &plan.joined_namespaces {
        lines.push(format!(
            "  join {:?} {}  ({})",
            join.namespace,
            join.path.display(),
            join.origin
        ));
    }
    lines.push("inside, by creel-init:".to_owned());
    lines.extend(plan.inside.iter().enumerate().map(|(index, step)| line(index, step)));
    lines.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}")));
    lines.join("\n") + "\n"
}

fn names(namespaces: &[libcontainer::plan::Namespace]) -> String {
    namespaces.iter().map(|namespace| namespace.file()).collect::<Vec<_>>().join(" ")
}

/// `12 mountBind source=/data target=data ...  (mounts[2])`; what is 0 or empty says nothing and is left out.
fn line(index: usize, planned: &Planned) -> String {
    let mut line = format!("{index:4}");
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(&planned.step) {
        let name = fields.get("step").and_then(|name| name.as_str()).unwrap_or_default();
        line.push_str(&format!(" {name}"));
        for (field, value) in fields.iter().filter(|(field, _)| *field != "step") {
            let silent = ["0", "\"\"", "[]", "false"].contains(&value.to_string().as_str());
            if !silent {
                line.push_str(&format!(" {field}={value}"));
            }
        }
    }
    if !planned.origin.is_empty() {
        line.push_str(&format!("  ({})", planned.origin));
    }
    line
}
