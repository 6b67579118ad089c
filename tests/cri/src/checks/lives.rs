//! Pods and containers from their making to their removal.

use std::fs;
use std::time::Duration;

use k8s_cri::v1::{
    ContainerFilter, ContainerState, ListContainersRequest, ListPodSandboxRequest,
    PodSandboxFilter, PodSandboxState, RemovePodSandboxRequest, ReopenContainerLogRequest,
    StartContainerRequest, StopPodSandboxRequest,
};

use crate::bench::Bench;
use crate::container::printed;
use crate::fault::{Fault, call, file, has, holds, is};
use crate::pod::Pod;

/// A script that does not end by SIGTERM, and prints when it is deaf.
const DEAF: &str = "trap '' TERM; echo deaf; while :; do sleep 0.1; done";

pub(super) async fn pods_are_listed_stopped_and_removed(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let mut engine = pod.engine.clone();
    let list = ListPodSandboxRequest {
        filter: Some(PodSandboxFilter { id: pod.id.clone(), ..Default::default() }),
    };
    let listed = engine
        .list_pod_sandbox(list.clone())
        .await
        .map_err(call("ListPodSandbox"))?
        .into_inner()
        .items;
    is("pods of this id", 1, listed.len())?;
    is("handler", &bench.setting.handler, &listed[0].runtime_handler)?;
    is("state", "SANDBOX_READY", pod.status().await?.state().as_str_name())?;
    let stop = StopPodSandboxRequest { pod_sandbox_id: pod.id.clone() };
    engine.stop_pod_sandbox(stop.clone()).await.map_err(call("StopPodSandbox"))?;
    is(
        "state after the stop",
        PodSandboxState::SandboxNotready.as_str_name(),
        pod.status().await?.state().as_str_name(),
    )?;
    engine.stop_pod_sandbox(stop).await.map_err(call("StopPodSandbox, again"))?;
    let remove = RemovePodSandboxRequest { pod_sandbox_id: pod.id.clone() };
    engine.remove_pod_sandbox(remove).await.map_err(call("RemovePodSandbox"))?;
    let listed =
        engine.list_pod_sandbox(list).await.map_err(call("ListPodSandbox"))?.into_inner().items;
    is("pods of this id after the removal", 0, listed.len())
}

pub(super) async fn a_container_that_hears_ends_at_once(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let script = "trap 'echo heard; exit 5' TERM; echo ready; while :; do sleep 0.1; done";
    let container = pod.start(&pod.container(script)).await?;
    container.prints("ready").await?;
    let took = container.stop(60).await?;
    holds(
        took < Duration::from_secs(15),
        "time to stop",
        "much less than the 20 s allowed",
        format!("{took:?}"),
    )?;
    let status = container.end().await?;
    is("exit code", 5, status.exit_code)?;
    has("what it printed", "heard", &container.output().await?)
}

pub(super) async fn a_deaf_container_is_killed_in_the_end(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.start(&pod.container(DEAF)).await?;
    container.prints("deaf").await?;
    let took = container.stop(2).await?;
    holds(took >= Duration::from_secs(2), "time to stop", "at least 2 s", format!("{took:?}"))?;
    is("exit code", 137, container.end().await?.exit_code)?;
    let container = pod.start(&pod.container(DEAF)).await?;
    container.prints("deaf").await?;
    container.stop(0).await?;
    is("exit code without a time", 137, container.end().await?.exit_code)
}

pub(super) async fn a_container_is_made_anew_in_its_pod(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let mut config = pod.container("echo attempt; exit 3");
    let first = pod.start(&config).await?;
    is("exit code", 3, first.end().await?.exit_code)?;
    // A kubelet restarts by making another one with the same name.
    config.metadata.get_or_insert_default().attempt = 1;
    let second = pod.start(&config).await?;
    let status = second.end().await?;
    is("attempt", 1, status.metadata.unwrap_or_default().attempt)?;
    is("exit code of the second", 3, status.exit_code)?;
    is("output of both", "attempt attempt", second.output().await?.replace('\n', " "))
}

pub(super) async fn a_running_container_is_removed(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.sleeper(|_| {}).await?;
    let pid = container.pid().await?;
    container.remove().await?;
    holds(!fs::exists(format!("/proc/{pid}")).unwrap_or(true), "its process", "gone", pid)?;
    is("containers of the pod", 0, count(&pod).await?)?;
    container.remove().await
}

pub(super) async fn the_exit_code_is_in_the_status(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.create(&pod.container("exit 42")).await?;
    is("state", "CONTAINER_CREATED", container.status().await?.state().as_str_name())?;
    let start = StartContainerRequest { container_id: container.id.clone() };
    pod.engine.clone().start_container(start).await.map_err(call("StartContainer"))?;
    let status = container.end().await?;
    is("exit code and reason", "42 Error", format!("{} {}", status.exit_code, status.reason))?;
    // The engine's time of the start is that of its own word of it, after which the process may have ended already.
    let times = format!("made {}, ended {}", status.created_at, status.finished_at);
    holds(status.finished_at > status.created_at, "times", "in order", times)?;
    let container = pod.start(&pod.container("exit 0")).await?;
    is("reason", "Completed", container.end().await?.reason)?;
    let container = pod.start(&pod.container("sh -c 'kill -9 $$'; exit $?")).await?;
    is("exit code of a killed child", 137, container.end().await?.exit_code)
}

pub(super) async fn a_missing_command_is_said(bench: &Bench) -> Result<(), Fault> {
    refused(bench, "no-such-command", "executable file not found in $PATH").await?;
    refused(bench, "/no/such/command", "no such file or directory").await
}

pub(super) async fn a_file_that_is_no_program_is_said(bench: &Bench) -> Result<(), Fault> {
    refused(bench, "/etc/passwd", "permission denied").await
}

/// A container whose command cannot be started: the call and the status say so.
async fn refused(bench: &Bench, command: &str, why: &str) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let mut config = pod.container("");
    config.command = vec![command.into()];
    let container = pod.create(&config).await?;
    let start = StartContainerRequest { container_id: container.id.clone() };
    let Err(status) = pod.engine.clone().start_container(start).await else {
        return Err(Fault::Missing { call: "StartContainer", what: "an error" });
    };
    has("the error", why, status.message())?;
    has("the error", command, status.message())?;
    let status = container.status().await?;
    is("state", ContainerState::ContainerExited.as_str_name(), status.state().as_str_name())?;
    is("reason and code", "StartError 128", format!("{} {}", status.reason, status.exit_code))?;
    has("the status", why, &status.message)
}

pub(super) async fn logs_have_the_format_of_the_cri(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let long = "head -c 20000 /dev/zero | tr '\\0' x; echo";
    let container = pod
        .start(&pod.container(&format!("echo out; echo err >&2; printf half; echo; {long}")))
        .await?;
    container.end().await?;
    is(
        "length of what was printed",
        20_000 + "out\nerr\nhalf\n".len(),
        container.output().await?.len(),
    )?;
    let log = fs::read_to_string(&container.log).map_err(file(&container.log))?;
    let parts: Vec<Vec<&str>> = log.lines().map(|line| line.splitn(4, ' ').collect()).collect();
    for wanted in [["stdout", "F", "out"], ["stderr", "F", "err"], ["stdout", "F", "half"]] {
        holds(parts.iter().any(|line| line[1..] == wanted), "a line", &wanted.join(" "), &log)?;
    }
    holds(
        parts.iter().any(|line| line[1..3] == ["stdout", "P"]),
        "a long line",
        "in parts",
        log.len(),
    )?;
    // As in 2006-01-02T15:04:05.999999999Z.
    let time = parts[0][0];
    holds(
        time.len() > 20 && time.as_bytes()[10] == b'T' && time.contains('.'),
        "time",
        "RFC 3339 with a fraction",
        time,
    )
}

pub(super) async fn a_log_is_opened_anew(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.start(&pod.container("while :; do echo tick; sleep 0.1; done")).await?;
    container.prints("tick").await?;
    let old = container.log.with_extension("old");
    fs::rename(&container.log, &old).map_err(file(&old))?;
    let reopen = ReopenContainerLogRequest { container_id: container.id.clone() };
    pod.engine.clone().reopen_container_log(reopen).await.map_err(call("ReopenContainerLog"))?;
    container.prints("tick").await?;
    has("the old log", "tick", &printed(&old)?)
}

pub(super) async fn stopping_a_pod_ends_its_containers(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let one = pod.sleeper(|_| {}).await?;
    let two = pod.sleeper(|_| {}).await?;
    let stop = StopPodSandboxRequest { pod_sandbox_id: pod.id.clone() };
    pod.engine.clone().stop_pod_sandbox(stop).await.map_err(call("StopPodSandbox"))?;
    is(
        "exit codes",
        "137 137",
        format!("{} {}", one.end().await?.exit_code, two.end().await?.exit_code),
    )?;
    is("containers that stay until the removal", 2, count(&pod).await?)
}

async fn count(pod: &Pod) -> Result<usize, Fault> {
    let filter = ContainerFilter { pod_sandbox_id: pod.id.clone(), ..Default::default() };
    let list = ListContainersRequest { filter: Some(filter) };
    Ok(pod
        .engine
        .clone()
        .list_containers(list)
        .await
        .map_err(call("ListContainers"))?
        .into_inner()
        .containers
        .len())
}
