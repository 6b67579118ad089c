//! `hack/bench scale`: what commands cost as more containers are alive, and as the host has more mounts and cgroups and
//! a container more devices; and how many containers a second creators make that work at the same time.

mod crowd;
mod curves;
mod host;
mod parallel;
pub(crate) mod record;
pub(crate) mod table;

use crate::args::Options;
use crate::bundle::{self, Program};
use crate::container::{Command, Container};
use crate::error::Error;
use crate::machine::Machine;
use crate::preflight;
use crate::runtime::{Kind, Runtime};
use crate::stage::Stage;
use crate::timer::Timer;

use curves::Curves;
use record::Record;

pub(crate) fn run(stage: &Stage, runtimes: Vec<Runtime>, options: &Options) -> Result<(), Error> {
    let mut timer = Timer::start(stage, options)?;
    let (mut runtimes, left_out) = preflight::check(stage, runtimes, options, &mut timer)?;
    runtimes.retain(|runtime| runtime.kind != Kind::Empty);
    let mut scene = Scene { stage, options, runtimes: &runtimes, timer, curves: Curves::default() };
    host::measure(&mut scene)?;
    parallel::measure(&mut scene)?;
    crowd::measure(&mut scene)?;
    let curves = scene.curves.finish(&runtimes);
    let record = Record::new(Machine::look(), &runtimes, left_out, curves);
    print!("{}\n\n{}", record.machine, table::text(&record));
    options.json.as_ref().map_or(Ok(()), |path| record.write(path))
}

/// Where all parts measure.
struct Scene<'a> {
    stage: &'a Stage,
    options: &'a Options,
    runtimes: &'a [Runtime],
    timer: Timer,
    curves: Curves,
}

impl<'a> Scene<'a> {
    /// One of many containers of a runtime, told apart by the number.
    fn container(&self, runtime: usize, program: Program, number: u32) -> Container<'a> {
        Container::new(self.stage, &self.runtimes[runtime], program).numbered(number)
    }

    /// Makes the bundles of the containers with these numbers, for every runtime.
    fn write_bundles(
        &self,
        program: Program,
        numbers: impl Iterator<Item = u32> + Clone,
    ) -> Result<(), Error> {
        let config = bundle::config(self.options)?;
        for runtime in 0..self.runtimes.len() {
            for number in numbers.clone() {
                let container = self.container(runtime, program, number);
                bundle::write(self.stage, &container, config.clone())?;
            }
        }
        Ok(())
    }

    /// How long a command took, in ms.
    fn time(&mut self, container: &Container<'_>, command: Command) -> Result<f64, Error> {
        Ok(self.timer.run(&container.argv(command))?.wall_ns as f64 / 1e6)
    }
}

/// Five values from the lowest to the highest.
fn fifths(lowest: u32, highest: u32) -> Vec<u32> {
    let mut values: Vec<u32> = (0..=4).map(|n| (highest / 4 * n).max(lowest)).collect();
    values[4] = highest;
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::fifths;

    #[test]
    fn five_values_with_both_ends() {
        assert_eq!(fifths(1, 1000), [1, 250, 500, 750, 1000]);
        assert_eq!(fifths(0, 200), [0, 50, 100, 150, 200]);
        assert_eq!(fifths(1, 6), [1, 2, 3, 6]);
        assert_eq!(fifths(1, 1), [1]);
    }
}
