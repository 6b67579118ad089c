//! Running a program with a time limit, its output taken through files.
//!
//! Files, not pipes: a container's init keeps the runtime's output open after the runtime is gone.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use super::{is_runc, orphans};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A command line to be run; see [`super::Bundle::cmd`].
pub(crate) struct Cmd {
    command: Command,
    text: String,
    /// Where its stdin, stdout and stderr files go.
    dir: PathBuf,
    stdin: Option<String>,
}

impl Cmd {
    /// The files for its input and output are made in `dir`.
    pub(crate) fn new<S: AsRef<OsStr>>(argv: &[S], dir: &Path) -> Cmd {
        let words: Vec<OsString> = argv.iter().map(|a| a.as_ref().to_owned()).collect();
        let text = words.join(OsStr::new(" ")).to_string_lossy().into_owned();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        Cmd { command, text, dir: dir.to_owned(), stdin: None }
    }

    pub(crate) fn stdin(mut self, text: &str) -> Cmd {
        self.stdin = Some(text.to_owned());
        self
    }

    pub(crate) fn current_dir(mut self, dir: &Path) -> Cmd {
        self.command.current_dir(dir);
        self
    }

    /// Starts it and goes on.
    pub(crate) fn spawn(mut self) -> Running {
        let number = next_number(&self.dir);
        let file = |what: &str| self.dir.join(format!("{number}.{what}"));
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        self.command.stdin(self.open_stdin(&file("stdin")).expect("stdin file"));
        self.command.stdout(File::create(&stdout).expect("stdout file"));
        self.command.stderr(File::create(&stderr).expect("stderr file"));
        let child = orphans::spawn(&mut self.command)
            .unwrap_or_else(|e| panic!("cannot start {}: {e}", self.text));
        Running { child: Some(child), text: self.text, stdout, stderr }
    }

    /// Runs it to its end.
    pub(crate) fn output(self) -> Output {
        self.spawn().output()
    }

    /// Runs it and demands status 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Output {
        self.output().ok()
    }

    fn open_stdin(&self, path: &Path) -> io::Result<File> {
        let Some(text) = &self.stdin else { return File::open("/dev/null") };
        fs::write(path, text)?;
        File::open(path)
    }
}

/// The first number that no earlier command in this directory took.
fn next_number(dir: &Path) -> u32 {
    (1..).find(|n| File::create_new(dir.join(format!("{n}.stdout"))).is_ok()).expect("a number")
}

/// A command that runs.
pub(crate) struct Running {
    child: Option<Child>,
    text: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("not waited for yet").id()
    }

    /// What it has printed until now.
    pub(crate) fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Kills the program with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.as_mut().expect("not waited for yet").kill().expect("kill");
    }

    /// Waits for its end.
    pub(crate) fn output(mut self) -> Output {
        let mut child = self.child.take().expect("waited for once");
        let status = wait(&mut child);
        orphans::forget(child.id());
        let Some(status) = status else {
            panic!("{} took over {TIME_LIMIT:?}; stderr: {}", self.text, read(&self.stderr));
        };
        Output {
            text: self.text.clone(),
            status,
            files: (self.stdout.clone(), self.stderr.clone()),
        }
    }
}

/// A failed test must not leave it running.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
            orphans::forget(child.id());
        }
    }
}

/// `None`, and the child killed, when it takes too long.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + TIME_LIMIT;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("wait") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// How a command ended. Its output is read when asked for: what a container writes after `create`
/// has returned is in it as well.
pub(crate) struct Output {
    text: String,
    status: ExitStatus,
    files: (PathBuf, PathBuf),
}

impl Output {
    pub(crate) fn stdout(&self) -> String {
        read(&self.files.0)
    }

    pub(crate) fn stderr(&self) -> String {
        read(&self.files.1)
    }

    /// The exit status, or 1000 + the signal that killed the program itself.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 1000 + self.status.signal().unwrap_or(0))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Output {
        self.exits(0)
    }

    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Output {
        assert_eq!(self.code(), code, "{}: stderr: {}", self.text, self.stderr());
        self
    }

    /// The command failed with status 1 and, of creel, one line on stderr that has these words.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) -> Output {
        let output = self.exits(1);
        let stderr = output.stderr();
        assert!(!stderr.trim().is_empty(), "{}: failed silently", output.text);
        if !is_runc() {
            assert_eq!(stderr.lines().count(), 1, "not one line: {stderr}");
            for word in words {
                assert!(stderr.contains(word), "{}: no `{word}` in: {stderr}", output.text);
            }
        }
        output
    }
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until the condition holds, and fails when it does not within ten seconds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited in vain for: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
