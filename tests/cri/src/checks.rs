//! The checks, each a feature of an engine's table.

mod daemon;
mod exec;
mod identity;
mod limits;
mod lives;
mod mounts;
mod namespaces;
mod newer;
mod rights;
mod seccomp;
mod stats;
mod streams;

use std::pin::Pin;
use std::sync::Arc;

use crate::bench::Bench;
use crate::fault::Fault;

/// What a check does with its place.
pub(crate) type Check = fn(Arc<Bench>) -> Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

macro_rules! checks {
    ($($module:ident::$name:ident,)*) => {
        &[$((stringify!($name), |bench| Box::pin(async move { $module::$name(&bench).await }))),*]
    };
}

/// All checks by name; those that wait for long come first, so that others run beside them.
pub(crate) const CHECKS: &[(&str, Check)] = checks![
    lives::a_deaf_container_is_killed_in_the_end,
    exec::exec_sync_has_a_time_limit,
    stats::container_stats,
    stats::pod_stats,
    daemon::version_and_status,
    lives::pods_are_listed_stopped_and_removed,
    lives::a_container_that_hears_ends_at_once,
    lives::a_container_is_made_anew_in_its_pod,
    lives::a_running_container_is_removed,
    lives::the_exit_code_is_in_the_status,
    lives::a_missing_command_is_said,
    lives::a_file_that_is_no_program_is_said,
    lives::logs_have_the_format_of_the_cri,
    lives::a_log_is_opened_anew,
    lives::stopping_a_pod_ends_its_containers,
    exec::exec_sync_has_code_and_both_outputs,
    exec::exec_sync_of_a_missing_command_is_an_error,
    exec::many_execs_at_a_time,
    streams::exec_by_its_url,
    streams::exec_on_a_terminal,
    streams::attach_by_its_url,
    streams::attach_to_a_terminal,
    namespaces::a_pod_has_a_network_and_a_hostname,
    namespaces::containers_share_the_pods_namespaces,
    namespaces::containers_share_a_pid_namespace,
    namespaces::a_container_joins_anothers_pids,
    namespaces::the_hosts_namespaces,
    namespaces::sysctls_of_a_pod,
    identity::user_and_group_by_number,
    identity::user_by_name,
    identity::supplemental_groups,
    identity::environment_and_working_directory,
    rights::capabilities_are_added_and_dropped,
    rights::no_capability_at_all,
    rights::privileged,
    rights::no_new_privileges,
    rights::masked_and_readonly_paths,
    rights::a_readonly_root,
    rights::devices,
    seccomp::unconfined,
    seccomp::runtime_default,
    seccomp::localhost,
    mounts::volumes,
    mounts::hosts_mounts_come_in,
    mounts::mounts_go_out,
    mounts::shared_memory_of_a_pod,
    newer::a_recursively_readonly_volume,
    newer::a_pod_with_users_of_its_own,
    limits::limits_of_a_container,
    limits::resources_are_updated,
    limits::out_of_memory_is_the_reason,
    limits::the_first_process_is_out_of_memory,
    limits::oom_score,
];
