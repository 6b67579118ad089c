//! The rounds: in each, every runtime once, in an order that changes, so that drift of the machine
//! and what one leaves for the next fall on all alike.

use std::thread::sleep;
use std::time::Duration;

use crate::args::Options;
use crate::error::Error;
use crate::operation::{Operation, Setting};
use crate::runtime::Runtime;
use crate::stage::Stage;
use crate::timer::{Sample, Timer};

const WARM_UP_ROUNDS: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// One right after the other: the kernel still takes the last container apart.
    BackToBack,
    /// With a pause before each.
    Paused,
}

impl Mode {
    pub(crate) const ALL: [Self; 2] = [Self::BackToBack, Self::Paused];

    /// As in the JSON and the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BackToBack => "back to back",
            Self::Paused => "paused",
        }
    }
}

/// One row of an operation in one mode: for each runtime its samples, round by round.
pub(crate) struct Series {
    pub row: &'static str,
    pub mode: Mode,
    /// In the order of the runtimes; all have the same number of samples.
    pub samples: Vec<Vec<Sample>>,
}

pub(crate) fn all(
    stage: &Stage,
    runtimes: &[Runtime],
    options: &Options,
    timer: &mut Timer,
) -> Result<Vec<Series>, Error> {
    let mut series = Vec::new();
    for &operation in &options.operations {
        for mode in Mode::ALL {
            eprintln!("bench: {} {}, {} rounds", operation.name(), mode.name(), options.runs);
            series.append(&mut one(stage, runtimes, options, timer, (operation, mode))?);
        }
    }
    Ok(series)
}

fn one(
    stage: &Stage,
    runtimes: &[Runtime],
    options: &Options,
    timer: &mut Timer,
    (operation, mode): (Operation, Mode),
) -> Result<Vec<Series>, Error> {
    let empty = |&row: &&'static str| Series { row, mode, samples: vec![vec![]; runtimes.len()] };
    let mut series: Vec<Series> = operation.rows().iter().map(empty).collect();
    let pause = if mode == Mode::Paused { options.pause } else { Duration::ZERO };
    for runtime in runtimes {
        operation.begin(&mut Setting { stage, runtime, timer, pause, round: 0 })?;
    }
    let mut order = Order::new(runtimes.len());
    for round in 0..WARM_UP_ROUNDS + options.runs {
        for &i in order.next_round() {
            sleep(pause);
            let mut setting = Setting { stage, runtime: &runtimes[i], timer, pause, round };
            let samples = operation.sample(&mut setting)?;
            if round >= WARM_UP_ROUNDS {
                for (row, sample) in series.iter_mut().zip(samples) {
                    row.samples[i].push(sample);
                }
            }
        }
    }
    for runtime in runtimes {
        operation.end(&mut Setting { stage, runtime, timer, pause, round: 0 })?;
    }
    // What the last operation left to the kernel is not the next one's.
    sleep(Duration::from_millis(100));
    Ok(series)
}

/// A new order of 0..n for each round; the same in every run of the bench.
pub(crate) struct Order {
    order: Vec<usize>,
    state: u64,
}

impl Order {
    pub(crate) fn new(n: usize) -> Self {
        Self { order: (0..n).collect(), state: 0x9e37_79b9_7f4a_7c15 }
    }

    pub(crate) fn next_round(&mut self) -> &[usize] {
        for last in (1..self.order.len()).rev() {
            // xorshift64
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            self.order.swap(last, (self.state % (last as u64 + 1)) as usize);
        }
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_everyone_once_and_nobody_always_follows_the_same() {
        let mut order = Order::new(4);
        let mut followers = [[0; 4]; 4];
        for _ in 0..1000 {
            let round = order.next_round().to_vec();
            let mut sorted = round.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
            for pair in round.windows(2) {
                followers[pair[0]][pair[1]] += 1;
            }
        }
        for (i, row) in followers.iter().enumerate() {
            assert!((0..4).all(|j| i == j || row[j] > 150), "{followers:?}");
        }
    }
}
