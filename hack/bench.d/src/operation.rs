//! What is measured: each operation's commands, and what has to be there before and after.

use crate::bundle::Program;
use crate::container::{Command, Container};
use crate::error::Error;
use crate::runtime::{Kind, Runtime};
use crate::stage::Stage;
use crate::timer::{Sample, Timer};
use std::thread::sleep;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Operation {
    Run,
    Lifecycle,
    Exec,
    State,
    Kill,
    List,
    DeleteForce,
    /// What an engine's seccomp profile adds to `run`.
    Seccomp,
    /// `run` with the devices that Docker gives, and two more.
    Devices,
}

impl Operation {
    pub(crate) const ALL: [Self; 9] = [
        Self::Run,
        Self::Lifecycle,
        Self::Exec,
        Self::State,
        Self::Kill,
        Self::List,
        Self::DeleteForce,
        Self::Seccomp,
        Self::Devices,
    ];

    /// As in `--only` and the JSON.
    pub(crate) fn name(self) -> &'static str {
        self.rows()[0]
    }

    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The names of what one sample gives, the whole first.
    pub(crate) fn rows(self) -> &'static [&'static str] {
        match self {
            Self::Run => &["run"],
            Self::Lifecycle => &["create+start+delete", "create", "start", "delete"],
            Self::Exec => &["exec"],
            Self::State => &["state"],
            Self::Kill => &["kill"],
            Self::List => &["list"],
            Self::DeleteForce => &["delete-force"],
            Self::Seccomp => &["seccomp", "seccomp-adds", "seccomp-adds-cold"],
            Self::Devices => &["devices"],
        }
    }

    /// Whether a row is the difference of two times: ratios of such say nothing.
    pub(crate) fn is_difference(row: &str) -> bool {
        row.starts_with("seccomp-adds")
    }

    /// Whether a container that sits there is needed all the while.
    fn needs_idle(self) -> bool {
        matches!(self, Self::Exec | Self::State | Self::Kill | Self::List)
    }

    /// Once per runtime before the first sample.
    pub(crate) fn begin(self, setting: &mut Setting<'_>) -> Result<(), Error> {
        if self.needs_idle() { setting.make_idle() } else { Ok(()) }
    }

    /// Once per runtime after the last sample.
    pub(crate) fn end(self, setting: &mut Setting<'_>) -> Result<(), Error> {
        if self.needs_idle() {
            setting.remove_idle()?;
        }
        setting.check_gone()
    }

    /// One sample: a value for each of `rows`.
    pub(crate) fn sample(self, setting: &mut Setting<'_>) -> Result<Vec<Sample>, Error> {
        match self {
            Self::Run => Ok(vec![setting.run(Program::True, Command::Run)?]),
            Self::Lifecycle => setting.lifecycle(),
            Self::Exec => Ok(vec![setting.run(Program::Idle, Command::Exec)?]),
            Self::State => Ok(vec![setting.run(Program::Idle, Command::State)?]),
            Self::Kill => Ok(vec![setting.run(Program::Idle, Command::Kill)?]),
            Self::List => Ok(vec![setting.run(Program::Idle, Command::List)?]),
            Self::DeleteForce => {
                setting.make_idle()?;
                Ok(vec![setting.remove_idle()?])
            }
            Self::Seccomp => setting.seccomp(),
            Self::Devices => Ok(vec![setting.run(Program::Devices, Command::Run)?]),
        }
    }
}

/// One runtime on the stage.
pub(crate) struct Setting<'a> {
    pub stage: &'a Stage,
    pub runtime: &'a Runtime,
    pub timer: &'a mut Timer,
    /// Between the commands of one sample that are compared with each other.
    pub pause: Duration,
    pub round: usize,
}

impl Setting<'_> {
    fn container(&self, program: Program) -> Container<'_> {
        Container::new(self.stage, self.runtime, program)
    }

    fn run(&mut self, program: Program, command: Command) -> Result<Sample, Error> {
        let argv = self.container(program).argv(command);
        self.timer.run(&argv)
    }

    /// create, start and delete; the wait for the container's end between them is not counted.
    fn lifecycle(&mut self) -> Result<Vec<Sample>, Error> {
        let create = self.run(Program::True, Command::Create)?;
        let pid = self.pid(Program::True)?;
        let start = self.run(Program::True, Command::Start)?;
        self.wait_for_end(Program::True, pid)?;
        let delete = self.run(Program::True, Command::Delete)?;
        Ok(vec![create.then(start).then(delete), create, start, delete])
    }

    /// `run` without the profile, with it, and with it once more after the runtime's own cache was removed; in an
    /// order that changes.
    fn seccomp(&mut self) -> Result<Vec<Sample>, Error> {
        let mut samples = [Sample::default(); 3];
        for step in 0..3 {
            let which = (self.round + step) % 3;
            if which == 2 {
                self.container(Program::Filtered).forget_compiled();
            }
            if step > 0 {
                sleep(self.pause);
            }
            let program = if which == 0 { Program::True } else { Program::Filtered };
            samples[which] = self.run(program, Command::Run)?;
        }
        let [without, with, cold] = samples;
        Ok(vec![with, with.less(without), cold.less(without)])
    }

    fn make_idle(&mut self) -> Result<(), Error> {
        self.run(Program::Idle, Command::Create)?;
        self.run(Program::Idle, Command::Start).map(drop)
    }

    fn remove_idle(&mut self) -> Result<Sample, Error> {
        let pid = self.pid(Program::Idle)?;
        let sample = self.run(Program::Idle, Command::DeleteForce)?;
        self.wait_for_end(Program::Idle, pid)?;
        Ok(sample)
    }

    fn pid(&self, program: Program) -> Result<Option<nix::unistd::Pid>, Error> {
        if self.runtime.kind == Kind::Empty {
            return Ok(None);
        }
        self.container(program).pid().map(Some)
    }

    fn wait_for_end(&self, program: Program, pid: Option<nix::unistd::Pid>) -> Result<(), Error> {
        pid.map_or(Ok(()), |pid| self.container(program).wait_for_end(pid))
    }

    fn check_gone(&self) -> Result<(), Error> {
        [Program::True, Program::Idle, Program::Filtered, Program::Devices]
            .into_iter()
            .try_for_each(|p| self.container(p).check_gone())
    }
}
