//! Limits, as the kernel has them.

use k8s_cri::v1::{ContainerConfig, LinuxContainerResources, UpdateContainerResourcesRequest};

use crate::bench::Bench;
use crate::config::resources;
use crate::container::Container;
use crate::fault::{Fault, call, holds, is};
use crate::pod::Pod;

const MIB: i64 = 1 << 20;

pub(super) async fn limits_of_a_container(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod
        .sleeper(|config| {
            *resources(config) = LinuxContainerResources {
                cpu_period: 100_000,
                cpu_quota: 50_000,
                cpu_shares: 512,
                memory_limit_in_bytes: 64 * MIB,
                cpuset_cpus: "0".into(),
                ..Default::default()
            };
        })
        .await?;
    is(
        "memory",
        64 * MIB,
        container.cgroup_file("memory", "memory.limit_in_bytes", "memory.max").await?,
    )?;
    is("quota", "50000", quota(&container).await?)?;
    is("cpus", "0", container.cgroup_file("cpuset", "cpuset.cpus", "cpuset.cpus").await?)?;
    is(
        "cpus that it may use",
        "0",
        container.sh("awk '$1 == \"Cpus_allowed_list:\" { print $2 }' /proc/self/status").await?,
    )?;
    shares(&container, 512).await
}

pub(super) async fn resources_are_updated(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container =
        pod.sleeper(|config| resources(config).memory_limit_in_bytes = 64 * MIB).await?;
    let request = UpdateContainerResourcesRequest {
        container_id: container.id.clone(),
        linux: Some(LinuxContainerResources {
            cpu_period: 100_000,
            cpu_quota: 30_000,
            cpu_shares: 2048,
            memory_limit_in_bytes: 128 * MIB,
            ..Default::default()
        }),
        ..Default::default()
    };
    pod.engine
        .clone()
        .update_container_resources(request)
        .await
        .map_err(call("UpdateContainerResources"))?;
    is(
        "memory",
        128 * MIB,
        container.cgroup_file("memory", "memory.limit_in_bytes", "memory.max").await?,
    )?;
    is("quota", "30000", quota(&container).await?)?;
    shares(&container, 2048).await?;
    is("it goes on", "fine", container.sh("echo fine").await?)
}

/// cpu.max is "QUOTA PERIOD".
async fn quota(container: &Container) -> Result<String, Fault> {
    let text = container.cgroup_file("cpu", "cpu.cfs_quota_us", "cpu.max").await?;
    Ok(text.split(' ').next().unwrap_or_default().into())
}

/// Version 1 has the shares themselves; of weights that are made of them there are two formulas.
async fn shares(container: &Container, shares: i64) -> Result<(), Fault> {
    let got = container.cgroup_file("cpu", "cpu.shares", "cpu.weight").await?;
    let linear = 1 + (shares - 2) * 9999 / 262_142;
    #[expect(clippy::cast_precision_loss, reason = "they are small")]
    let bits = (shares as f64).log2();
    #[expect(clippy::cast_possible_truncation, reason = "from 1 to 10,000")]
    let curved = 10f64.powf((bits * bits + 125.0 * bits) / 612.0 - 7.0 / 34.0).ceil() as i64;
    let known = [shares, linear, curved].map(|number| number.to_string());
    holds(known.contains(&got), "shares", &known.join(" or "), &got)
}

/// More than fits.
const GREEDY: &str = "dd if=/dev/zero of=/dev/null bs=200M count=1";

pub(super) async fn out_of_memory_is_the_reason(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    // More than once: the engine begins to listen some time after the start.
    let script = format!("until [ -e /heard ]; do {GREEDY}; code=$?; sleep 0.2; done; exit $code");
    let container = pod.start(&small(&pod, &script)).await?;
    let status = container.until(|status| status.reason == "OOMKilled").await?;
    is("reason and state", "OOMKilled CONTAINER_RUNNING", {
        format!("{} {}", status.reason, status.state().as_str_name())
    })?;
    container.sh("touch /heard").await?;
    let status = container.end().await?;
    is("exit code and reason", "137 OOMKilled", format!("{} {}", status.exit_code, status.reason))
}

pub(super) async fn the_first_process_is_out_of_memory(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.start(&small(&pod, &format!("exec {GREEDY}"))).await?;
    let status = container.end().await?;
    is("exit code", 137, status.exit_code)?;
    // systemd removes an empty scope at once, and with it the file that says why: what the engine says then is chance.
    if bench.setting.systemd {
        return Ok(());
    }
    // The engine hears of it from elsewhere, perhaps after the end.
    let status = container.until(|status| status.reason == "OOMKilled").await?;
    is("reason", "OOMKilled", status.reason)
}

/// A container in which `GREEDY` does not fit.
fn small(pod: &Pod, script: &str) -> ContainerConfig {
    let mut config = pod.container(script);
    resources(&mut config).memory_limit_in_bytes = 32 * MIB;
    // Or what does not fit is swapped, where there is swap.
    resources(&mut config).memory_swap_limit_in_bytes = 32 * MIB;
    config
}

pub(super) async fn oom_score(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.sleeper(|config| resources(config).oom_score_adj = 789).await?;
    is("of the first process", "789", container.sh("cat /proc/1/oom_score_adj").await?)?;
    is("of an exec", "789", container.sh("cat /proc/self/oom_score_adj").await?)
}
