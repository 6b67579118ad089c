//! What config.json may ask for and creel cannot do yet: refused, never left out in silence.

use super::PlanError;
use oci_spec::runtime::{
    ExecCPUAffinity, Linux, LinuxIdMapping, LinuxNamespaceType, Process, Spec,
};

const LATER: &str = "this version of creel cannot do it yet: leave it out";

/// Everything of a start. Absent and empty values ask for nothing.
pub(super) fn refuse(spec: &Spec) -> Result<(), PlanError> {
    if let Some(process) = spec.process() {
        refuse_process(process)?;
    }
    if let Some(linux) = spec.linux() {
        namespaces(linux)?;
        labels(&[("linux.mountLabel", linux.mount_label())])?;
        time_offsets(linux)?;
        network_devices(linux)?;
        memory_policy(linux)?;
        personality(linux)?;
        cache_classes(linux)?;
    }
    for (index, mount) in spec.mounts().iter().flatten().enumerate() {
        id_maps(&format!("mounts[{index}]"), mount.uid_mappings(), mount.gid_mappings())?;
    }
    Ok(())
}

/// What an exec shares with a start.
pub(super) fn refuse_process(process: &Process) -> Result<(), PlanError> {
    labels(&[
        ("process.apparmorProfile", process.apparmor_profile()),
        ("process.selinuxLabel", process.selinux_label()),
    ])?;
    scheduling(process)
}

fn namespaces(linux: &Linux) -> Result<(), PlanError> {
    for (index, namespace) in linux.namespaces().iter().flatten().enumerate() {
        let kind = namespace.typ();
        if kind == LinuxNamespaceType::Time {
            return Err(PlanError::Unsupported {
                json_path: format!("linux.namespaces[{index}].type"),
                found: kind.to_string(),
                allowed: "mount, cgroup, uts, ipc, user, pid and network are supported so far",
            });
        }
    }
    Ok(())
}

fn labels(given: &[(&str, &Option<String>)]) -> Result<(), PlanError> {
    for (path, label) in given {
        refuse_some(path, label.as_deref().filter(|label| !label.is_empty()))?;
    }
    Ok(())
}

fn id_maps(
    at: &str,
    uids: &Option<Vec<LinuxIdMapping>>,
    gids: &Option<Vec<LinuxIdMapping>>,
) -> Result<(), PlanError> {
    for (name, mappings) in [("uidMappings", uids), ("gidMappings", gids)] {
        let count = mappings.as_ref().map_or(0, Vec::len);
        let found = format!("{count} mapping{}", if count == 1 { "" } else { "s" });
        refuse_some(&format!("{at}.{name}"), (count > 0).then_some(found))?;
    }
    Ok(())
}

fn scheduling(process: &Process) -> Result<(), PlanError> {
    let scheduler = process.scheduler().as_ref();
    refuse_some("process.scheduler", scheduler.map(|scheduler| scheduler.policy()))?;
    let io = process.io_priority().as_ref();
    refuse_some("process.ioPriority", io.map(|io| io.class()))?;
    let affinity = process.exec_cpu_affinity().as_ref();
    let cpus = |list: fn(&ExecCPUAffinity) -> &Option<String>| {
        affinity.and_then(|affinity| list(affinity).as_deref()).filter(|cpus| !cpus.is_empty())
    };
    refuse_some("process.execCPUAffinity.initial", cpus(ExecCPUAffinity::initial))?;
    refuse_some("process.execCPUAffinity.final", cpus(ExecCPUAffinity::cpu_affinity_final))
}

fn time_offsets(linux: &Linux) -> Result<(), PlanError> {
    let clocks = linux.time_offsets().iter().flatten().map(|(clock, _)| clock);
    refuse_some("linux.timeOffsets", clocks.min())
}

fn network_devices(linux: &Linux) -> Result<(), PlanError> {
    let devices = linux.net_devices().iter().flatten().map(|(name, _)| name);
    refuse_some("linux.netDevices", devices.min())
}

fn memory_policy(linux: &Linux) -> Result<(), PlanError> {
    let policy = linux.memory_policy().as_ref();
    refuse_some("linux.memoryPolicy", policy.map(|policy| policy.mode()))
}

fn personality(linux: &Linux) -> Result<(), PlanError> {
    let personality = linux.personality().as_ref();
    refuse_some("linux.personality", personality.map(|personality| personality.domain()))
}

/// Even an empty object asks for a class of the container's own (config-linux.md, "IntelRdt").
fn cache_classes(linux: &Linux) -> Result<(), PlanError> {
    let rdt = linux.intel_rdt().as_ref();
    let class = rdt.map(|rdt| rdt.clos_id().as_deref().unwrap_or("a class of its own"));
    refuse_some("linux.intelRdt", class)
}

fn refuse_some(path: &str, found: Option<impl ToString>) -> Result<(), PlanError> {
    match found {
        None => Ok(()),
        Some(found) => Err(PlanError::Unsupported {
            json_path: path.to_owned(),
            found: found.to_string(),
            allowed: LATER,
        }),
    }
}
