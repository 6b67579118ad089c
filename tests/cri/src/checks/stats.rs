//! Statistics.

use std::time::{Duration, Instant};

use k8s_cri::v1::{
    ContainerStats, ContainerStatsFilter, ContainerStatsRequest, ListContainerStatsRequest,
    PodSandboxStatsRequest,
};
use tonic::Code;

use crate::bench::Bench;
use crate::container::Container;
use crate::fault::{Fault, call, file, holds, is};

const BUSY: &str = "n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); done; exec sleep 1000";

pub(super) async fn container_stats(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.start(&pod.container(BUSY)).await?;
    let stats = used(&container).await?;
    let memory = stats.memory.unwrap_or_default().working_set_bytes.unwrap_or_default().value;
    holds(memory > 0, "memory in use", "some", memory)?;
    let name = stats.attributes.unwrap_or_default().metadata.unwrap_or_default().name;
    is("name", "con0", name)?;
    let filter = ContainerStatsFilter { pod_sandbox_id: pod.id.clone(), ..Default::default() };
    let list = ListContainerStatsRequest { filter: Some(filter) };
    let listed =
        pod.engine.clone().list_container_stats(list).await.map_err(call("ListContainerStats"))?;
    is("containers with statistics", 1, listed.into_inner().stats.len())
}

pub(super) async fn pod_stats(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.start(&pod.container(BUSY)).await?;
    used(&container).await?;
    let request = PodSandboxStatsRequest { pod_sandbox_id: pod.id.clone() };
    let answer = match pod.engine.clone().pod_sandbox_stats(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if status.code() == Code::Unimplemented => {
            return Err(Fault::Skip { reason: "this containerd has no PodSandboxStats".into() });
        }
        Err(status) => return Err(call("PodSandboxStats")(status)),
    };
    let stats = answer.stats.unwrap_or_default().linux.unwrap_or_default();
    is("containers of the pod", 1, stats.containers.len())?;
    let processes = stats.process.unwrap_or_default().process_count.unwrap_or_default().value;
    holds(processes >= 1, "processes", "some", processes)
}

/// The statistics when there is time of the processor in them; by the kernel's own file, which is no less.
async fn used(container: &Container) -> Result<ContainerStats, Fault> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(120) {
        let request = ContainerStatsRequest { container_id: container.id.clone() };
        let answer = container
            .engine
            .clone()
            .container_stats(request)
            .await
            .map_err(call("ContainerStats"))?;
        let stats = answer.into_inner().stats.unwrap_or_default();
        let used = stats
            .cpu
            .as_ref()
            .and_then(|cpu| cpu.usage_core_nano_seconds)
            .unwrap_or_default()
            .value;
        if used > 0 {
            let most = nanoseconds(container).await?;
            holds(used <= most, "time of the processor", &format!("at most {most} ns"), used)?;
            return Ok(stats);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(Fault::Late { what: "time of the processor in ContainerStats".into() })
}

/// The time that a container's cgroup has used.
async fn nanoseconds(container: &Container) -> Result<u64, Fault> {
    let text = container.cgroup_file("cpuacct", "cpuacct.usage", "cpu.stat").await?;
    if let Ok(nanoseconds) = text.parse() {
        return Ok(nanoseconds);
    }
    let microseconds =
        text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse::<u64>().ok());
    microseconds
        .map(|number| number * 1000 + 999)
        .ok_or_else(|| file("cpu.stat")(std::io::Error::other(format!("no time in it: {text}"))))
}
