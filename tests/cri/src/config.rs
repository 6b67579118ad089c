//! What a kubelet asks for: pods and containers with the settings that checks change.

use k8s_cri::v1::{
    Capability, ContainerConfig, ContainerMetadata, ImageSpec, Int64Value, KeyValue,
    LinuxContainerResources, LinuxContainerSecurityContext, LinuxPodSandboxConfig,
    LinuxSandboxSecurityContext, NamespaceMode, NamespaceOption, PodSandboxConfig,
    PodSandboxMetadata, SecurityProfile, security_profile::ProfileType,
};

/// What Kubernetes masks in a container that is not privileged.
pub(crate) const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
/// What it makes read-only.
pub(crate) const READONLY: &[&str] =
    &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// A pod in the host's network, whose containers have a pid namespace each.
pub(crate) fn pod(name: &str, cgroup_parent: &str, log_directory: &str) -> PodSandboxConfig {
    PodSandboxConfig {
        metadata: Some(PodSandboxMetadata {
            name: name.into(),
            uid: format!("uid-{name}"),
            namespace: "creel-test".into(),
            attempt: 0,
        }),
        log_directory: log_directory.into(),
        linux: Some(LinuxPodSandboxConfig {
            cgroup_parent: cgroup_parent.into(),
            security_context: Some(LinuxSandboxSecurityContext {
                namespace_options: Some(namespaces(NamespaceMode::Node)),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn namespaces(network: NamespaceMode) -> NamespaceOption {
    NamespaceOption {
        network: network.into(),
        pid: NamespaceMode::Container.into(),
        ipc: NamespaceMode::Pod.into(),
        ..Default::default()
    }
}

/// A container of the shell with a script.
pub(crate) fn container(
    name: &str,
    image: &str,
    script: &str,
    pod: &PodSandboxConfig,
) -> ContainerConfig {
    let mut config = ContainerConfig {
        metadata: Some(ContainerMetadata { name: name.into(), attempt: 0 }),
        image: Some(ImageSpec { image: image.into(), ..Default::default() }),
        command: ["sh", "-c", script].map(String::from).to_vec(),
        log_path: format!("{name}.log"),
        ..Default::default()
    };
    let context = security(&mut config);
    context.namespace_options = pod_security(&mut pod.clone()).namespace_options.clone();
    context.masked_paths = MASKED.iter().map(|path| (*path).into()).collect();
    context.readonly_paths = READONLY.iter().map(|path| (*path).into()).collect();
    config
}

pub(crate) fn pod_security(config: &mut PodSandboxConfig) -> &mut LinuxSandboxSecurityContext {
    config.linux.get_or_insert_default().security_context.get_or_insert_default()
}

pub(crate) fn pod_namespaces(config: &mut PodSandboxConfig) -> &mut NamespaceOption {
    pod_security(config).namespace_options.get_or_insert_default()
}

pub(crate) fn security(config: &mut ContainerConfig) -> &mut LinuxContainerSecurityContext {
    config.linux.get_or_insert_default().security_context.get_or_insert_default()
}

pub(crate) fn container_namespaces(config: &mut ContainerConfig) -> &mut NamespaceOption {
    security(config).namespace_options.get_or_insert_default()
}

pub(crate) fn resources(config: &mut ContainerConfig) -> &mut LinuxContainerResources {
    config.linux.get_or_insert_default().resources.get_or_insert_default()
}

pub(crate) fn capabilities(config: &mut ContainerConfig) -> &mut Capability {
    security(config).capabilities.get_or_insert_default()
}

pub(crate) fn profile(kind: ProfileType, path: &str) -> Option<SecurityProfile> {
    Some(SecurityProfile { profile_type: kind.into(), localhost_ref: path.into() })
}

pub(crate) fn number(value: i64) -> Option<Int64Value> {
    Some(Int64Value { value })
}

pub(crate) fn env(name: &str, value: &str) -> KeyValue {
    KeyValue { key: name.into(), value: value.into() }
}
