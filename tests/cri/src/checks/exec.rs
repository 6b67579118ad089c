//! ExecSync.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tonic::Code;

use crate::bench::Bench;
use crate::fault::{Fault, has, holds, is};

pub(super) async fn exec_sync_has_code_and_both_outputs(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container =
        pod.sleeper(|config| config.envs.push(crate::config::env("COLOUR", "green"))).await?;
    let answer = container.exec(&["sh", "-c", "echo out $COLOUR; echo err >&2; exit 7"], 0).await?;
    is("stdout", "out green\n", String::from_utf8_lossy(&answer.stdout))?;
    is("stderr", "err\n", String::from_utf8_lossy(&answer.stderr))?;
    is("exit code", 7, answer.exit_code)?;
    let answer = container.exec(&["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 0).await?;
    is("exit code of a killed child", 137, answer.exit_code)?;
    let answer = container.exec(&["sh", "-c", "kill -9 $$"], 0).await?;
    is("exit code of one that is killed", 137, answer.exit_code)
}

pub(super) async fn exec_sync_has_a_time_limit(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.sleeper(|_| {}).await?;
    let began = Instant::now();
    let Err(Fault::Call { status, .. }) = container.exec(&["sleep", "500"], 1).await else {
        return Err(Fault::Missing { call: "ExecSync", what: "an error" });
    };
    holds(
        began.elapsed() < Duration::from_secs(50),
        "time",
        "about 1 s",
        format!("{:?}", began.elapsed()),
    )?;
    is("code", format!("{:?}", Code::DeadlineExceeded), format!("{:?}", status.code()))?;
    is(
        "processes of the exec that stay",
        "",
        container.sh("ps -o args | grep '[s]leep 500' || true").await?,
    )
}

pub(super) async fn exec_sync_of_a_missing_command_is_an_error(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.sleeper(|_| {}).await?;
    let Err(Fault::Call { status, .. }) = container.exec(&["no-such-command"], 0).await else {
        return Err(Fault::Missing { call: "ExecSync", what: "an error" });
    };
    has("the error", "executable file not found in $PATH", status.message())?;
    is("another exec", "fine", container.sh("echo fine").await?)
}

pub(super) async fn many_execs_at_a_time(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = std::sync::Arc::new(pod.sleeper(|_| {}).await?);
    let mut running = JoinSet::new();
    for number in 0..10 {
        let container = container.clone();
        running.spawn(async move {
            is("output", number, container.sh(&format!("echo {number}")).await?)
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("no task panics")?;
    }
    Ok(())
}
