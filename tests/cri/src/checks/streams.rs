//! Exec and Attach: the URL that the engine gives, and what is at it.

use k8s_cri::v1::{AttachRequest, ExecRequest};

use crate::bench::Bench;
use crate::container::Container;
use crate::fault::{Fault, call, has, is};
use crate::stream::{Said, Stream};

pub(super) async fn exec_by_its_url(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.sleeper(|_| {}).await?;
    let said = exec(&container, false, |mut stream| {
        stream.send("typed\n")?;
        stream.end()
    });
    let said = said.await?;
    is("stdout", "got typed\n", &said.stdout)?;
    is("stderr", "on stderr\n", &said.stderr)?;
    has("status", "\"reason\":\"ExitCode\",\"message\":\"6\"", &said.status)
}

pub(super) async fn exec_on_a_terminal(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod.sleeper(|_| {}).await?;
    let said = exec(&container, true, |mut stream| {
        stream.until("terminal")?;
        stream.resize(91, 33)?;
        stream.send("typed\n")?;
        stream.end()
    });
    let said = said.await?;
    has("stdout", "got typed", &said.stdout)?;
    has("size of the terminal", "33 91", &said.stdout)?;
    has("status", "\"message\":\"6\"", &said.status)
}

/// Execs a script that reads a line and ends with 6.
async fn exec(
    container: &Container,
    tty: bool,
    talk: impl FnOnce(Stream) -> Result<Said, Fault> + Send + 'static,
) -> Result<Said, Fault> {
    // The size arrives in its own time.
    let size = "n=0; until [ \"$(stty size)\" = '33 91' ] || [ $n = 100 ]; do n=$((n + 1)); sleep 0.1; done; stty size";
    let script = format!(
        "test -t 0 && echo terminal; read line; echo got $line; echo on stderr >&2; test -t 0 && {{ {size}; }}; exit 6"
    );
    let request = ExecRequest {
        container_id: container.id.clone(),
        cmd: vec!["sh".into(), "-c".into(), script],
        tty,
        stdin: true,
        stdout: true,
        stderr: !tty,
    };
    let url = container.engine.clone().exec(request).await.map_err(call("Exec"))?.into_inner().url;
    blocking(move || talk(Stream::open(&url)?)).await
}

pub(super) async fn attach_by_its_url(bench: &Bench) -> Result<(), Fault> {
    attached(bench, false).await
}

pub(super) async fn attach_to_a_terminal(bench: &Bench) -> Result<(), Fault> {
    attached(bench, true).await
}

/// A container that is talked to while it runs.
async fn attached(bench: &Bench, tty: bool) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let mut config =
        pod.container("while read line; do echo got $line; [ $line != end ] || exit 4; done");
    (config.stdin, config.tty) = (true, tty);
    let container = pod.start(&config).await?;
    let request = AttachRequest {
        container_id: container.id.clone(),
        stdin: true,
        stdout: true,
        stderr: !tty,
        tty,
    };
    let url =
        container.engine.clone().attach(request).await.map_err(call("Attach"))?.into_inner().url;
    let talk = move || {
        let mut stream = Stream::open(&url)?;
        stream.send("one\n")?;
        stream.until("got one")?;
        stream.send("two\n")?;
        stream.until("got two")?;
        // What comes with the end may be lost: the engine closes streams when it hears of it.
        stream.send("end\n")?;
        stream.end()
    };
    blocking(talk).await?;
    is("exit code", 4, container.end().await?.exit_code)?;
    has("the log", "got one", &container.output().await?)
}

async fn blocking(
    talk: impl FnOnce() -> Result<Said, Fault> + Send + 'static,
) -> Result<Said, Fault> {
    tokio::task::spawn_blocking(talk).await.expect("no talk panics")
}
