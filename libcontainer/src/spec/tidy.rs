//! An empty string is "not given" in the specification's Go types, and engines do write such
//! strings. After this nobody has to ask twice.

use std::path::PathBuf;

use oci_spec::runtime::{Linux, LinuxResources, Process, Spec};

pub(super) fn spec(spec: &mut Spec) {
    clear_empty(spec.hostname_mut());
    clear_empty(spec.domainname_mut());
    if let Some(given) = spec.process_mut() {
        process(given);
    }
    for mount in spec.mounts_mut().iter_mut().flatten() {
        clear_empty(mount.typ_mut());
        clear_empty_path(mount.source_mut());
    }
    if let Some(given) = spec.linux_mut() {
        linux(given);
    }
}

pub(super) fn process(process: &mut Process) {
    if is_empty(process.apparmor_profile()) {
        process.set_apparmor_profile(None);
    }
    if is_empty(process.selinux_label()) {
        process.set_selinux_label(None);
    }
}

fn linux(linux: &mut Linux) {
    clear_empty_path(linux.cgroups_path_mut());
    clear_empty(linux.rootfs_propagation_mut());
    clear_empty(linux.mount_label_mut());
    for namespace in linux.namespaces_mut().iter_mut().flatten() {
        if namespace.path().as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            namespace.set_path(None);
        }
    }
    if let Some(given) = linux.seccomp_mut() {
        if given.listener_path().as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            given.set_listener_path(None);
        }
        if is_empty(given.listener_metadata()) {
            given.set_listener_metadata(None);
        }
    }
    if let Some(given) = linux.intel_rdt_mut() {
        clear_empty(given.clos_id_mut());
        clear_empty(given.l3_cache_schema_mut());
        clear_empty(given.mem_bw_schema_mut());
    }
    if let Some(given) = linux.resources_mut() {
        resources(given);
    }
}

pub(super) fn resources(resources: &mut LinuxResources) {
    if let Some(cpu) = resources.cpu_mut() {
        if is_empty(cpu.cpus()) {
            cpu.set_cpus(None);
        }
        if is_empty(cpu.mems()) {
            cpu.set_mems(None);
        }
    }
    for rule in resources.devices_mut().iter_mut().flatten() {
        clear_empty(rule.access_mut());
    }
}

fn is_empty(text: &Option<String>) -> bool {
    text.as_deref() == Some("")
}

fn clear_empty(text: &mut Option<String>) {
    if is_empty(text) {
        *text = None;
    }
}

fn clear_empty_path(path: &mut Option<PathBuf>) {
    if path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
        *path = None;
    }
}
