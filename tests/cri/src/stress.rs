//! Many containers at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bench::Bench;
use crate::fault::{Fault, is};
use crate::pod::Pod;

const PER_POD: usize = 20;
/// More only wait for each other on a few processors.
const AT_A_TIME: usize = 32;

/// Starts `count` containers in a twentieth as many pods, execs into each, ends and removes it; says how long that took,
/// the pods not counted.
pub(crate) async fn stress(bench: &Bench, count: usize) -> Result<Duration, Fault> {
    let mut pods = Vec::new();
    for _ in 0..count.div_ceil(PER_POD) {
        pods.push(Arc::new(bench.pod().await?));
    }
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut running = JoinSet::new();
    let began = Instant::now();
    for number in 0..count {
        let pod = pods[number / PER_POD].clone();
        let places = places.clone();
        running.spawn(async move {
            let _place = places.acquire_owned().await.expect("it is not closed");
            life(&pod, number).await
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("no life panics")?;
    }
    Ok(began.elapsed())
}

async fn life(pod: &Pod, number: usize) -> Result<(), Fault> {
    let container = pod.sleeper(|_| {}).await?;
    is("output of an exec", number, container.sh(&format!("echo {number}")).await?)?;
    container.stop(0).await?;
    is("exit code", 137, container.status().await?.exit_code)?;
    container.remove().await
}
