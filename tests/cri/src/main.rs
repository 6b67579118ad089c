//! Drives containerd's CRI plugin as a kubelet does, with one runtime under it: pods, containers, exec, streams, logs,
//! limits, statistics. `hack/cri-test` starts the engine and calls this once for each runtime.

mod bench;
mod checks;
mod config;
mod container;
mod fault;
mod pod;
mod stream;
mod stress;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use hyper_util::rt::TokioIo;
use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::bench::{Bench, Setting};
use crate::checks::{CHECKS, Check};
use crate::fault::Fault;

const USAGE: &str = "usage: creel-cri SOCKET HANDLER IMAGE WORK CGROUP cgroupfs|systemd [WORD [COUNT]]
with COUNT only as many containers at a time are made; prints a line for each check: cri, its name, HANDLER, ok|failed|skipped, milliseconds, what was wrong; with tabs between";

/// How many checks run at a time, unless `AT_A_TIME` in the environment says so: most of them wait.
const AT_A_TIME: usize = 4;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let mut arg = || args.next().unwrap_or_default();
    let socket = arg();
    let setting = Setting {
        handler: arg(),
        image: arg(),
        work: PathBuf::from(arg()),
        cgroup: arg(),
        systemd: arg() == "systemd",
    };
    let only = arg();
    let count = arg().parse().unwrap_or(0);
    if setting.cgroup.is_empty() {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let engine = match connect(socket.clone()).await {
        Ok(channel) => RuntimeServiceClient::new(channel),
        Err(error) => {
            eprintln!("creel-cri: cannot connect to {socket}: {error}");
            return ExitCode::FAILURE;
        }
    };
    if count == 0 {
        run(engine, Arc::new(setting), &only).await;
    } else {
        stress(engine, Arc::new(setting), count).await;
    }
    ExitCode::SUCCESS
}

/// A channel over a unix socket.
async fn connect(socket: String) -> Result<Channel, tonic::transport::Error> {
    // The name of the host is not looked up.
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(socket).await?)) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await
}

/// Runs the checks with `only` in their names, some at a time.
async fn run(engine: RuntimeServiceClient<Channel>, setting: Arc<Setting>, only: &str) {
    let places = std::env::var("AT_A_TIME").ok().and_then(|number| number.parse().ok());
    let places = Arc::new(Semaphore::new(places.unwrap_or(AT_A_TIME)));
    let mut running = JoinSet::new();
    for (name, check) in CHECKS.iter().filter(|(name, _)| name.contains(only)) {
        let bench = Arc::new(Bench::new(engine.clone(), setting.clone(), name));
        let places = places.clone();
        running.spawn(async move {
            let _place = places.acquire_owned().await.expect("it is not closed");
            let began = Instant::now();
            let outcome = check_one(&bench, *check).await;
            report(&bench, outcome, began);
        });
    }
    while running.join_next().await.is_some() {}
}

/// Many containers, and how long they took.
async fn stress(engine: RuntimeServiceClient<Channel>, setting: Arc<Setting>, count: usize) {
    let bench = Bench::new(engine, setting, &format!("{count}_containers_at_a_time"));
    let began = Instant::now();
    let outcome = stress::stress(&bench, count).await;
    if let Ok(took) = &outcome {
        let each = took.as_secs_f64() * 1000.0 / count as f64;
        eprintln!(
            "{}: {count} containers in {:.1} s, {each:.0} ms each",
            bench.setting.handler,
            took.as_secs_f64()
        );
    }
    let finish = bench.finish().await;
    report(&bench, outcome.map(|_| ()).and(finish), began);
}

/// The check's fault, or else that of cleaning up after it.
async fn check_one(bench: &Arc<Bench>, check: Check) -> Result<(), Fault> {
    let outcome = check(bench.clone()).await;
    let finish = bench.finish().await;
    outcome.and(finish)
}

fn report(bench: &Bench, outcome: Result<(), Fault>, began: Instant) {
    let (word, said) = match outcome {
        Ok(()) => ("ok", String::new()),
        Err(fault @ Fault::Skip { .. }) => ("skipped", fault.to_string()),
        Err(fault) => ("failed", fault.to_string()),
    };
    let said = said.replace(['\n', '\t'], " ");
    let (name, handler, took) = (&bench.name, &bench.setting.handler, began.elapsed());
    eprintln!("{:>6.1} s  {handler} {name} {word} {said}", took.as_secs_f32());
    let mut out = std::io::stdout().lock();
    let took = took.as_millis();
    writeln!(out, "cri\t{name}\t{handler}\t{word}\t{took}\t{said}")
        .expect("hack/cri-test reads it");
}
