//! The floor's system calls, so that nobody can pad it: taken with strace, brought to a form that
//! is the same everywhere, kept in floor.trace and compared with it.

pub(crate) mod budget;
mod form;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::args::Options;
use crate::bundle::Program;
use crate::container::{Command, Container};
use crate::error::{At, Error};
use crate::runtime::{FLOOR, Kind, Runtime};
use crate::stage::Stage;
use form::Names;

const HEADER: &str = "\
# Every system call of the floor, by command and process, as strace shows them; written and checked
# by hack/bench floor-trace. Results are left out, as is what the container's program does itself.
";

/// What is asked of a container that was created, in the order of its life.
const AFTER_CREATE: [Command; 6] = [
    Command::Start,
    Command::State,
    Command::List,
    Command::Exec,
    Command::Kill,
    Command::DeleteForce,
];

/// Takes the trace; writes it, or compares it with the one that is there.
pub(crate) fn run(stage: &Stage, options: &Options, check: bool) -> Result<(), Error> {
    let path = options.bare.join("floor");
    let floor = Runtime { name: FLOOR.into(), path, kind: Kind::Floor, version: None };
    let taken = take(stage, &floor)?;
    let calls = taken.lines().filter(|line| line.starts_with("  ")).count();
    let file = options.source.join("floor.trace");
    if check {
        let committed = fs::read_to_string(&file).at("read", &file)?;
        compare(&file, &committed, &taken)?;
        println!("the floor does the {calls} system calls of its trace");
    } else {
        fs::write(&file, &taken).at("write", &file)?;
        println!("wrote {calls} system calls to {}", file.display());
    }
    Ok(())
}

fn compare(path: &Path, committed: &str, taken: &str) -> Result<(), Error> {
    let mut committed = committed.lines();
    let mut taken = taken.lines();
    for line in 1.. {
        match (committed.next(), taken.next()) {
            (None, None) => break,
            (expected, found) if expected == found => {}
            (expected, found) => {
                let text = |line: Option<&str>| line.unwrap_or("(the end)").trim().to_owned();
                let (expected, found) = (text(expected), text(found));
                return Err(Error::Trace { path: path.into(), line, expected, found });
            }
        }
    }
    Ok(())
}

/// Every command once, in the order of a container's life.
fn take(stage: &Stage, floor: &Runtime) -> Result<String, Error> {
    let once = Container::new(stage, floor, Program::True);
    let idle = Container::new(stage, floor, Program::Idle);
    let mut text = HEADER.to_owned();
    let mut add = |part: String| text.push_str(&part);

    add(Strace::start(stage, &once, Command::Run)?.finish(None)?);
    // strace follows the container's process, so this one ends when the container does.
    let create = Strace::start(stage, &idle, Command::Create)?;
    let pid = wait_for_pid(&idle)?;
    let mut later = Vec::new();
    for command in AFTER_CREATE {
        later.push(Strace::start(stage, &idle, command)?.finish(Some(pid))?);
    }
    idle.wait_for_end(pid)?;
    add(create.finish(Some(pid))?);
    later.into_iter().for_each(&mut add);

    let create = Strace::start(stage, &once, Command::Create)?;
    let pid = wait_for_pid(&once)?;
    Strace::start(stage, &once, Command::Start)?.finish(Some(pid))?;
    once.wait_for_end(pid)?;
    create.finish(Some(pid))?;
    add(Strace::start(stage, &once, Command::Delete)?.finish(Some(pid))?);
    Ok(text)
}

fn wait_for_pid(container: &Container<'_>) -> Result<Pid, Error> {
    let begin = Instant::now();
    loop {
        match container.pid() {
            Err(_) if begin.elapsed() < Duration::from_secs(20) => {
                sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

/// One command of the floor under strace.
struct Strace<'a> {
    process: Child,
    container: &'a Container<'a>,
    command: Command,
    /// Of strace's output, a file per process.
    directory: PathBuf,
}

impl<'a> Strace<'a> {
    fn start(stage: &Stage, container: &'a Container<'a>, command: Command) -> Result<Self, Error> {
        let directory = stage.file(format!("trace-{}-{command:?}", container.id()));
        fs::create_dir(&directory).at("make", &directory)?;
        let process = Process::new("strace")
            .args(["-ff", "-s", "4096", "-o"])
            .arg(directory.join("of"))
            .args(container.argv(command))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .at("start (Debian's strace has it)", "strace")?;
        Ok(Self { process, container, command, directory })
    }

    /// Waits for its end and gives the command's part of the trace.
    fn finish(mut self, container_pid: Option<Pid>) -> Result<String, Error> {
        let files = self.end()?;
        let argv = self.container.argv(self.command);
        let names = self.names(&files, container_pid);
        let mut part = format!("\n$ floor {}\n", names.apply(&argv[1..].join(" ")));
        for (n, (_, path)) in files.iter().enumerate() {
            let text = fs::read_to_string(path).at("read", path)?;
            if n > 0 {
                part.push_str("in the new process:\n");
            }
            for call in form::calls(&text, n == 0, &names) {
                part.push_str(&format!("  {call}\n"));
            }
        }
        Ok(part)
    }

    fn end(&mut self) -> Result<Vec<(u32, PathBuf)>, Error> {
        let status = self.process.wait().at("wait for", "strace")?;
        if !status.success() && self.command != Command::Create {
            let command = self.container.argv(self.command).join(" ");
            let code = status.code().unwrap_or(-1);
            return Err(Error::Ended { command, expected: 0, code, stderr: String::new() });
        }
        self.files().at("read", &self.directory)
    }

    /// Waits for its end and gives the calls of each process, the first one's first. Another of the same command
    /// may follow.
    fn texts(mut self) -> Result<Vec<String>, Error> {
        let files = self.end()?;
        let read = |(_, path): &(u32, PathBuf)| fs::read_to_string(path).at("read", path);
        let texts = files.iter().map(read).collect::<Result<_, _>>()?;
        fs::remove_dir_all(&self.directory).at("remove", &self.directory)?;
        Ok(texts)
    }

    /// The processes and their files, the first process first.
    fn files(&self) -> io::Result<Vec<(u32, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let pid = path.extension().and_then(|pid| pid.to_str()?.parse().ok());
            files.push((pid.unwrap_or(0), path));
        }
        files.sort();
        Ok(files)
    }

    fn names(&self, files: &[(u32, PathBuf)], container_pid: Option<Pid>) -> Names {
        let create = self.container.argv(Command::Create);
        let root = Path::new(&create[2]).parent().unwrap_or(Path::new("/"));
        let mut pids: Vec<String> = files.iter().map(|(pid, _)| pid.to_string()).collect();
        pids.extend(container_pid.map(|pid| pid.to_string()));
        Names {
            paths: vec![
                (create[2].clone(), "STATE"),
                (create[3].clone(), "ROOTFS"),
                (create[4].clone(), "CGROUP"),
                (root.to_string_lossy().into_owned(), "ROOT"),
            ],
            pids,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_wherever_it_is() {
        let path = Path::new("floor.trace");
        assert!(compare(path, "a\nb\n", "a\nb\n").is_ok());
        for (taken, place) in [("a\nc\n", 2), ("a\n", 2), ("a\nb\nb\n", 3)] {
            let error = compare(path, "a\nb\n", taken).unwrap_err();
            assert!(matches!(error, Error::Trace { line, .. } if line == place), "{error}");
        }
    }
}
