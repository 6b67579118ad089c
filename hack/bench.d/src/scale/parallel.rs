//! Throughput: creators that work at the same time, each running one container of /bin/true after the other.

use std::time::{Duration, Instant};

use crate::bundle::Program;
use crate::container::{Command, Container};
use crate::error::Error;
use crate::measure::Order;
use crate::timer::Timer;

use super::Scene;
use super::record::Subject;

const CREATORS: [u32; 5] = [1, 2, 4, 8, 16];
const ROUNDS: usize = 2;
const WINDOW: Duration = Duration::from_secs(1);

pub(super) fn measure(scene: &mut Scene<'_>) -> Result<(), Error> {
    scene.write_bundles(Program::True, 0..CREATORS[4])?;
    let mut order = Order::new(scene.runtimes.len());
    for round in 1..=ROUNDS {
        for creators in CREATORS {
            eprintln!("bench: {creators} creators at the same time, round {round} of {ROUNDS}");
            for &runtime in order.next_round() {
                let rate = rate(scene, runtime, creators)?;
                scene.curves.push(Subject::Throughput, runtime, creators, rate);
            }
        }
    }
    Ok(())
}

/// Containers a second.
fn rate(scene: &Scene<'_>, runtime: usize, creators: u32) -> Result<f64, Error> {
    let containers: Vec<_> =
        (0..creators).map(|n| scene.container(runtime, Program::True, n)).collect();
    // Started before the clock is.
    let timers: Vec<Timer> = containers
        .iter()
        .map(|_| Timer::start(scene.stage, scene.options))
        .collect::<Result<_, _>>()?;
    let begin = Instant::now();
    let made: u32 = std::thread::scope(|scope| {
        let creators: Vec<_> = containers
            .iter()
            .zip(timers)
            .map(|(container, timer)| scope.spawn(move || create(container, timer, begin)))
            .collect();
        creators
            .into_iter()
            .map(|creator| creator.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .sum::<Result<u32, Error>>()
    })?;
    let rate = f64::from(made) / begin.elapsed().as_secs_f64();
    containers.iter().try_for_each(Container::check_gone)?;
    Ok(rate)
}

fn create(container: &Container<'_>, mut timer: Timer, begin: Instant) -> Result<u32, Error> {
    let argv = container.argv(Command::Run);
    let mut made = 0;
    while begin.elapsed() < WINDOW {
        timer.run(&argv)?;
        made += 1;
    }
    Ok(made)
}
