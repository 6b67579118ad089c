//! A small supervisor: ten containers, each looked after by a thread of its own that starts it again when it
//! ends. One is killed, to see that; then all are measured, and taken down.
//!
//! Run it as root: `cargo run -p libcontainer --example supervisor`.

pub(crate) mod support;

use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use libcontainer::{Container, CreateOptions, Error, Exit, Runtime, Stdio};
use support::Bundle;

const SERVICES: usize = 10;
const SIGKILL: i32 = 9;

type Outcome<T> = Result<T, Box<dyn StdError + Send + Sync>>;

/// What a thread tells of its container.
enum News {
    Up(Container),
    /// It will be started again.
    Down(String, Exit),
    Gone,
}

fn main() -> Outcome<()> {
    let Some(bundle) = Bundle::new("supervisor")? else { return Ok(()) };
    let restarts = supervise(&bundle)?;
    println!("{SERVICES} services ran, {restarts} restart, nothing is left");
    Ok(())
}

/// Runs the services to the end; how often one was started again.
pub(crate) fn supervise(bundle: &Bundle) -> Outcome<usize> {
    let runtime = Runtime::new(bundle.state_root());
    let stopping = AtomicBool::new(false);
    let (sender, news) = channel();
    let restarts = thread::scope(|scope| {
        let services = (0..SERVICES).map(|number| {
            let (sender, runtime, stopping) = (sender.clone(), &runtime, &stopping);
            let id = bundle.id(&format!("service{number}"));
            scope.spawn(move || look_after(&id, bundle, runtime, stopping, &sender))
        });
        let services: Vec<_> = services.collect();
        drop(sender);
        // Even when something went wrong the threads have to come to their ends.
        let directed = direct(&runtime, &news, &stopping);
        stopping.store(true, Ordering::SeqCst);
        let ended = end_all(&runtime);
        for service in services {
            service.join().map_err(|_| "a thread panicked")??;
        }
        ended?;
        directed
    })?;
    match runtime.list()?.is_empty() {
        true => Ok(restarts),
        false => Err("a container is left".into()),
    }
}

/// A thread's work: its container is started again as long as nobody stops.
fn look_after(
    id: &str,
    bundle: &Bundle,
    runtime: &Runtime,
    stopping: &AtomicBool,
    news: &Sender<News>,
) -> Outcome<()> {
    let spec = bundle.spec(&["sh", "-c", "while :; do sleep 1; done"]);
    let options = CreateOptions::new(bundle.path()).spec(spec).stdio(Stdio::null()?);
    while !stopping.load(Ordering::SeqCst) {
        let running = runtime.run(id, &options)?;
        if stopping.load(Ordering::SeqCst) {
            running.container.kill(SIGKILL, false)?;
        }
        // Whoever should hear it may be gone already.
        let _ = news.send(News::Up(running.container.clone()));
        let exit = running.wait()?;
        running.container.delete(true)?;
        let _ = news.send(News::Down(id.to_owned(), exit));
    }
    let _ = news.send(News::Gone);
    Ok(())
}

/// Waits until all are up, kills one, waits until it is up again, measures all.
fn direct(runtime: &Runtime, news: &Receiver<News>, stopping: &AtomicBool) -> Outcome<usize> {
    let mut up = 0;
    let mut restarts = 0;
    while !stopping.load(Ordering::SeqCst) {
        match news.recv()? {
            News::Up(container) => {
                up += 1;
                println!("{} is {}", container.id(), container.state()?.status);
                if up == SERVICES && restarts == 0 {
                    container.kill(SIGKILL, false)?;
                } else if up == SERVICES {
                    return measure(runtime).map(|()| restarts);
                }
            }
            News::Down(id, exit) => {
                println!("{id} ended with {}, it is started again", exit.code());
                up -= 1;
                restarts += 1;
            }
            News::Gone => return Err("a service gave up".into()),
        }
    }
    Ok(restarts)
}

fn measure(runtime: &Runtime) -> Outcome<()> {
    for state in runtime.list()? {
        let container = runtime.load(&state.id)?;
        let stats = container.stats()?;
        let processes = container.processes()?.len();
        println!("{}: {processes} processes, {} ns of CPU", state.id, stats.cpu.usage.total);
    }
    Ok(())
}

/// Ends what runs: the threads see it and do the rest. One that has not started its container yet ends it itself.
fn end_all(runtime: &Runtime) -> Result<(), Error> {
    for state in runtime.list()? {
        match runtime.load(&state.id).and_then(|container| container.kill(SIGKILL, false)) {
            // It ended by itself meanwhile.
            Err(Error::Status { .. } | Error::Store(_)) => {}
            result => result?,
        }
    }
    Ok(())
}
