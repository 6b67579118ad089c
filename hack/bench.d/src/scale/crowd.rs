//! Containers alive: more and more of one runtime, each waiting in its program, then all of them removed.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bundle::Program;
use crate::container::{Command, Container};
use crate::error::{At, Error};
use crate::measure::Order;
use crate::preflight::output;

use super::record::Subject;
use super::{Scene, fifths};

const ROUNDS: usize = 3;
/// So many after one another share a point.
const BLOCKS: u32 = 20;
/// `state`s and `list`s at each of five sizes, and containers more that are deleted by force.
const LOOKS: usize = 20;
const FORCED: usize = 5;
/// The kernel takes a thousand network namespaces apart after the last process has gone.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) fn measure(scene: &mut Scene<'_>) -> Result<(), Error> {
    let total = scene.options.containers;
    scene.write_bundles(Program::Idle, 0..=total)?;
    let mut order = Order::new(scene.runtimes.len());
    for round in 1..=ROUNDS {
        for &runtime in order.next_round() {
            let name = &scene.runtimes[runtime].name;
            eprintln!("bench: {total} containers of {name}, round {round} of {ROUNDS}");
            let mut crowd = Crowd { scene, runtime, pids: Vec::new() };
            // The first ever of a runtime is not like the others.
            crowd.one_more_and_forced()?;
            crowd.grow(total)?;
            crowd.leave()?;
            sleep(SETTLE);
        }
    }
    Ok(())
}

/// The living containers of one runtime, numbered from 1; 0 is the one that comes and goes.
struct Crowd<'s, 'a> {
    scene: &'s mut Scene<'a>,
    runtime: usize,
    pids: Vec<Pid>,
}

impl<'a> Crowd<'_, 'a> {
    fn grow(&mut self, total: u32) -> Result<(), Error> {
        let looks = fifths(1, total);
        let block = total.div_ceil(BLOCKS);
        for number in 1..=total {
            let member = self.member(number);
            let create = self.scene.time(&member, Command::Create)?;
            self.pids.push(member.pid()?);
            let start = self.scene.time(&member, Command::Start)?;
            let end_of_block = (number.div_ceil(block) * block).min(total);
            self.push(Subject::Create, end_of_block, create);
            self.push(Subject::Start, end_of_block, start);
            if looks.contains(&number) {
                self.look(number)?;
            }
        }
        Ok(())
    }

    /// `state`, `list` and `delete --force` with so many alive.
    fn look(&mut self, alive: u32) -> Result<(), Error> {
        self.check_listed(alive)?;
        let first = self.member(1);
        for _ in 0..LOOKS {
            let state = self.scene.time(&first, Command::State)?;
            self.push(Subject::State, alive, state);
        }
        for _ in 0..LOOKS {
            let list = self.scene.time(&first, Command::List)?;
            self.push(Subject::List, alive, list);
        }
        for _ in 0..FORCED {
            let forced = self.one_more_and_forced()?;
            self.push(Subject::DeleteForce, alive, forced);
        }
        Ok(())
    }

    /// All of them have to be there, and running.
    fn check_listed(&self, alive: u32) -> Result<(), Error> {
        let text = output(&self.member(1).argv(Command::List), 0)?;
        let listed = |number: &u32| {
            let id = self.member(*number).id();
            let is_it = |line: &str| {
                line.split_whitespace().next() == Some(&id) && line.contains("running")
            };
            text.lines().any(is_it)
        };
        match (1..=alive).find(|number| !listed(number)) {
            None => Ok(()),
            Some(number) => {
                let what = format!("list has no running {}", self.member(number).id());
                Err(Error::Unlike { runtime: self.scene.runtimes[self.runtime].name.clone(), what })
            }
        }
    }

    /// Another container, gone again: how long `delete --force` took.
    fn one_more_and_forced(&mut self) -> Result<f64, Error> {
        let other = self.member(0);
        self.scene.time(&other, Command::Create)?;
        let pid = other.pid()?;
        self.scene.time(&other, Command::Start)?;
        let forced = self.scene.time(&other, Command::DeleteForce)?;
        other.wait_for_end(pid)?;
        check_gone(&other)?;
        Ok(forced)
    }

    /// The programs are killed all at once, then the containers deleted: by force it would take runc minutes.
    fn leave(&mut self) -> Result<(), Error> {
        for &pid in &self.pids {
            kill(pid, Signal::SIGKILL).at("kill", format!("/proc/{pid}"))?;
        }
        for (number, pid) in (1..).zip(std::mem::take(&mut self.pids)) {
            let member = self.member(number);
            member.wait_for_end(pid)?;
            self.scene.time(&member, Command::Delete)?;
            check_gone(&member)?;
        }
        Ok(())
    }

    fn member(&self, number: u32) -> Container<'a> {
        self.scene.container(self.runtime, Program::Idle, number)
    }

    fn push(&mut self, subject: Subject, at: u32, value: f64) {
        self.scene.curves.push(subject, self.runtime, at, value);
    }
}

/// runc gives up on a cgroup that is busy for long, as it may be among a thousand, and says nothing.
fn check_gone(container: &Container<'_>) -> Result<(), Error> {
    match container.check_gone() {
        Err(Error::Left { path, runtime }) if container.runtime.is_comparison() => {
            eprintln!("bench: {runtime} left {} behind", path.display());
            fs::remove_dir(&path).at("remove", path)
        }
        result => result,
    }
}
