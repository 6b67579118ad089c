//! One container of one runtime: its command lines, its process, what is left of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::bundle::Program;
use crate::error::{At, Error};
use crate::runtime::{Kind, Runtime};
use crate::stage::Stage;

const END_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Run,
    Create,
    Start,
    Delete,
    DeleteForce,
    Exec,
    State,
    Kill,
    List,
}

pub(crate) struct Container<'a> {
    stage: &'a Stage,
    pub runtime: &'a Runtime,
    program: Program,
    /// One of many with the same program.
    number: Option<u32>,
}

impl<'a> Container<'a> {
    pub(crate) fn new(stage: &'a Stage, runtime: &'a Runtime, program: Program) -> Self {
        Self { stage, runtime, program, number: None }
    }

    /// One of many, each with a bundle of its own.
    pub(crate) fn numbered(self, number: u32) -> Self {
        Self { number: Some(number), ..self }
    }

    /// The arguments of a command, the runtime's path included.
    pub(crate) fn argv(&self, command: Command) -> Vec<String> {
        let mut argv = vec![text(&self.runtime.path)];
        match self.runtime.kind {
            Kind::Oci => self.oci_arguments(command, &mut argv),
            Kind::Floor => self.floor_arguments(command, &mut argv),
            Kind::Empty => {}
        }
        argv
    }

    /// The same for `exec` of another program than /bin/true.
    pub(crate) fn exec_argv(&self, program: &[&str]) -> Vec<String> {
        let mut argv = self.argv(Command::Exec);
        argv.pop();
        argv.extend(program.iter().map(|word| (*word).to_owned()));
        argv
    }

    /// The pid of the container's process, as `create` left it.
    pub(crate) fn pid(&self) -> Result<Pid, Error> {
        let path = match self.runtime.kind {
            Kind::Floor => self.state_directory().join("pid"),
            _ => self.pid_file(),
        };
        let text = fs::read_to_string(&path).at("read", path)?;
        match text.parse() {
            Ok(pid) if pid > 1 => Ok(Pid::from_raw(pid)),
            _ => Err(self.process_error(text, "is not a pid")),
        }
    }

    /// Waits for the container's process, which was handed to this process when `create` ended.
    pub(crate) fn wait_for_end(&self, pid: Pid) -> Result<(), Error> {
        let begin = Instant::now();
        loop {
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) if begin.elapsed() < END_TIMEOUT => {
                    sleep(Duration::from_micros(200));
                }
                Ok(WaitStatus::StillAlive) => {
                    return Err(self.process_error(pid.to_string(), "does not end"));
                }
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(_) => {
                    return Err(self.process_error(pid.to_string(), "was not handed to the caller"));
                }
            }
        }
    }

    /// After delete: neither state nor cgroup may be there.
    pub(crate) fn check_gone(&self) -> Result<(), Error> {
        for path in [self.state_directory(), self.cgroup_directory()] {
            if path.exists() {
                return Err(Error::Left { runtime: self.runtime.name.clone(), path });
            }
        }
        Ok(())
    }

    /// So that the next pid is not taken for there before it is.
    pub(crate) fn forget_pid(&self) {
        let _ = fs::remove_file(self.pid_file());
    }

    /// Removes crun's cache of compiled seccomp profiles; the others have none.
    pub(crate) fn forget_compiled(&self) {
        // It is made when a profile is first seen.
        let _ = fs::remove_dir_all(self.root().join(".cache/seccomp"));
    }

    fn oci_arguments(&self, command: Command, argv: &mut Vec<String>) {
        let id = self.id();
        let bundle = text(&self.bundle());
        argv.extend(["--root".into(), text(&self.root())]);
        let words: Vec<String> = match command {
            Command::Run => vec!["run".into(), "--bundle".into(), bundle, id],
            Command::Create => {
                let pid_file = text(&self.pid_file());
                vec!["create".into(), "--bundle".into(), bundle, "--pid-file".into(), pid_file, id]
            }
            Command::Start => vec!["start".into(), id],
            Command::Delete => vec!["delete".into(), id],
            Command::DeleteForce => vec!["delete".into(), "--force".into(), id],
            Command::Exec => vec!["exec".into(), id, "/bin/true".into()],
            Command::State => vec!["state".into(), id],
            // The container's process does not notice it, so it can be sent again and again.
            Command::Kill => vec!["kill".into(), id, "WINCH".into()],
            Command::List => vec!["list".into()],
        };
        argv.extend(words);
    }

    fn floor_arguments(&self, command: Command, argv: &mut Vec<String>) {
        let state = text(&self.state_directory());
        let rootfs = text(&self.stage.rootfs());
        let cgroup = text(&self.cgroup_directory());
        let program = self.program().iter().map(|word| (*word).to_owned());
        match command {
            Command::Run => {
                argv.extend(["run".into(), rootfs, cgroup]);
                argv.extend(program);
            }
            Command::Create => {
                argv.extend(["create".into(), state, rootfs, cgroup]);
                argv.extend(program);
            }
            Command::Start => argv.extend(["start".into(), state]),
            Command::Delete => argv.extend(["delete".into(), state, cgroup]),
            Command::DeleteForce => argv.extend(["delete-force".into(), state, cgroup]),
            Command::Exec => argv.extend(["exec".into(), state, cgroup, "/bin/true".into()]),
            Command::State => argv.extend(["state".into(), state]),
            Command::Kill => argv.extend(["kill".into(), state]),
            Command::List => argv.extend(["list".into(), text(&self.root())]),
        }
    }

    pub(crate) fn id(&self) -> String {
        let id = format!("{}-{}", self.runtime.name, self.program.name());
        self.number.map_or(id.clone(), |number| format!("{id}-{number}"))
    }

    /// Where its config.json is.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.stage.file("bundles").join(self.id())
    }

    /// The program and its arguments.
    pub(crate) fn program(&self) -> &'static [&'static str] {
        self.program.args()
    }

    fn root(&self) -> PathBuf {
        root(self.stage, &self.runtime.name)
    }

    fn state_directory(&self) -> PathBuf {
        self.root().join(self.id())
    }

    fn cgroup_directory(&self) -> PathBuf {
        self.stage.cgroup_directory(&self.id())
    }

    fn pid_file(&self) -> PathBuf {
        self.stage.file(format!("{}.pid", self.id()))
    }

    fn process_error(&self, pid: String, what: &'static str) -> Error {
        Error::Process { runtime: self.runtime.name.clone(), pid, what }
    }
}

/// The state directory of a runtime, for `--root`.
pub(crate) fn root(stage: &Stage, runtime: &str) -> PathBuf {
    stage.file("state").join(runtime)
}

/// All paths here are made of names that the bench chose or checked.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
