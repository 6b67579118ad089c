//! The settings of an exec'd process: the container's own, with what the exec asks for above them.

use super::exec_options::{ExecProcess, ProcessOverrides};
use oci_spec::runtime::{Capabilities, Capability, LinuxCapabilities, Process, User};

/// A whole process file, or the container's settings with single overrides above them.
pub(super) fn settings(own: &Process, wanted: &ExecProcess) -> Process {
    let overrides = match wanted {
        ExecProcess::Given(process) => return completed(Process::clone(process), own),
        ExecProcess::Over(overrides) => overrides,
    };
    let mut process = own.clone();
    process.set_args(Some(overrides.args.clone()));
    process.set_terminal(Some(overrides.tty));
    process.set_console_size(None);
    if !overrides.env.is_empty() {
        let mut env = process.env().clone().unwrap_or_default();
        env.extend(overrides.env.iter().cloned());
        process.set_env(Some(env));
    }
    if let Some(cwd) = &overrides.cwd {
        process.set_cwd(cwd.clone());
    }
    if overrides.no_new_privs {
        process.set_no_new_privileges(Some(true));
    }
    if overrides.process_label.is_some() {
        process.set_selinux_label(overrides.process_label.clone());
    }
    if overrides.apparmor.is_some() {
        process.set_apparmor_profile(overrides.apparmor.clone());
    }
    if !overrides.caps.is_empty() {
        let capabilities = process.capabilities().clone().unwrap_or_default();
        process.set_capabilities(Some(with_capabilities(capabilities, &overrides.caps)));
    }
    process.set_user(with_user(process.user().clone(), overrides));
    process
}

/// What a process file does not say about rights and limits, the container's settings do: an exec'd process
/// must not have more than its container.
fn completed(mut process: Process, own: &Process) -> Process {
    if process.capabilities().is_none() {
        process.set_capabilities(own.capabilities().clone());
    }
    if process.rlimits().as_ref().is_none_or(Vec::is_empty) {
        process.set_rlimits(own.rlimits().clone());
    }
    if process.no_new_privileges().is_none() {
        process.set_no_new_privileges(own.no_new_privileges());
    }
    if process.apparmor_profile().is_none() {
        process.set_apparmor_profile(own.apparmor_profile().clone());
    }
    if process.selinux_label().is_none() {
        process.set_selinux_label(own.selinux_label().clone());
    }
    if process.oom_score_adj().is_none() {
        process.set_oom_score_adj(own.oom_score_adj());
    }
    if process.scheduler().is_none() {
        process.set_scheduler(own.scheduler().clone());
    }
    if process.io_priority().is_none() {
        process.set_io_priority(*own.io_priority());
    }
    if process.exec_cpu_affinity().is_none() {
        process.set_exec_cpu_affinity(own.exec_cpu_affinity().clone());
    }
    process
}

fn with_user(mut user: User, overrides: &ProcessOverrides) -> User {
    if let Some((uid, gid)) = overrides.user {
        user.set_uid(uid);
        user.set_gid(gid.unwrap_or(user.gid()));
    }
    if !overrides.additional_gids.is_empty() {
        let mut gids = user.additional_gids().clone().unwrap_or_default();
        gids.extend(&overrides.additional_gids);
        user.set_additional_gids(Some(gids));
    }
    user
}

/// Never inheritable: what is inheritable could be had again through a file's capabilities
/// (CVE-2022-29162).
fn with_capabilities(mut sets: LinuxCapabilities, names: &[String]) -> LinuxCapabilities {
    let names: Capabilities = names.iter().filter_map(|name| capability(name)).collect();
    let more = |set: &Option<Capabilities>| {
        let mut set = set.clone().unwrap_or_default();
        set.extend(names.iter().copied());
        Some(set)
    };
    let (bounding, effective, permitted) =
        (more(sets.bounding()), more(sets.effective()), more(sets.permitted()));
    sets.set_bounding(bounding).set_effective(effective).set_permitted(permitted);
    sets
}

/// By its name, with or without `CAP_`; as in config.json, one that is not known is left out with a warning.
fn capability(name: &str) -> Option<Capability> {
    let upper = name.to_ascii_uppercase();
    let known = upper.strip_prefix("CAP_").unwrap_or(&upper).parse().ok();
    if known.is_none() {
        log::warn!("capability {name:?} is not known, and is left out");
    }
    known
}
