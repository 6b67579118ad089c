//! Hooks that run in the runtime's namespaces.

use crate::plan::Hook;
use crate::process::identity::Identity;
use crate::process::image;
use crate::sys;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// How much of a hook's output a message repeats.
const MAX_OUTPUT: u64 = 4096;

/// A hook that failed.
#[derive(Debug)]
pub struct HookError {
    /// Such as `hooks.createRuntime[0]`.
    pub origin: String,
    /// The hook's program.
    pub path: PathBuf,
    /// How it failed.
    pub reason: HookFailure,
}

/// How a hook failed.
#[derive(Debug)]
pub enum HookFailure {
    /// It could not be started, or not be waited for.
    Start(io::Error),
    /// It ended with a status other than 0; what it had printed.
    Status(ExitStatus, String),
    /// It did not end within its timeout, in seconds.
    Timeout(u32),
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: hook {}", self.origin, self.path.display())?;
        match &self.reason {
            HookFailure::Start(_) => f.write_str(" could not be run"),
            HookFailure::Timeout(seconds) => {
                write!(f, " did not end within its timeout of {seconds} s")
            }
            HookFailure::Status(status, output) => {
                match (status.code(), status.signal()) {
                    (Some(code), _) => write!(f, ": exit status {code}")?,
                    (None, signal) => write!(f, ": ended by signal {}", signal.unwrap_or(0))?,
                }
                if output.is_empty() { Ok(()) } else { write!(f, ": {output}") }
            }
        }
    }
}

impl std::error::Error for HookError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            HookFailure::Start(source) => Some(source),
            HookFailure::Status(..) | HookFailure::Timeout(_) => None,
        }
    }
}

/// Runs hooks one after the other until one fails. `started` is told the pid of each while it runs; one that is not
/// to go on, it says, is killed.
pub(crate) fn run_all(
    hooks: &[Hook],
    state: &[u8],
    mut started: impl FnMut(i32) -> bool,
) -> Result<(), HookError> {
    hooks.iter().try_for_each(|hook| run(hook, state, &mut started))
}

/// Runs all hooks, whatever becomes of each; their failures.
pub(crate) fn run_each(hooks: &[Hook], state: &[u8]) -> Vec<HookError> {
    hooks.iter().filter_map(|hook| run(hook, state, &mut |_| true).err()).collect()
}

fn run(hook: &Hook, state: &[u8], started: &mut dyn FnMut(i32) -> bool) -> Result<(), HookError> {
    outcome(hook, state, started).map_err(|reason| HookError {
        origin: hook.origin.clone(),
        path: hook.path.clone(),
        reason,
    })
}

fn outcome(
    hook: &Hook,
    state: &[u8],
    started: &mut dyn FnMut(i32) -> bool,
) -> Result<(), HookFailure> {
    let output = memfd_create(c"creel-hook-output", MFdFlags::MFD_CLOEXEC)
        .map_err(|errno| HookFailure::Start(errno.into()))?;
    let mut output = File::from(output);
    let mut child = start(hook, state, &output).map_err(HookFailure::Start)?;
    if !started(child.id() as i32) {
        let _ = child.kill();
    }
    if let Some(seconds) = hook.timeout {
        if !ends_within(&child, seconds).map_err(HookFailure::Start)? {
            let _ = child.kill();
            let _ = child.wait();
            return Err(HookFailure::Timeout(seconds));
        }
    }
    let status = child.wait().map_err(HookFailure::Start)?;
    if status.success() {
        return Ok(());
    }
    Err(HookFailure::Status(status, read_output(&mut output)))
}

fn start(hook: &Hook, state: &[u8], output: &File) -> io::Result<Child> {
    let stdin: OwnedFd = image::sealed(c"creel-state", state)?;
    let mut stdin = File::from(stdin);
    stdin.seek(SeekFrom::Start(0))?;
    let mut command = Command::new(&hook.path);
    if let Some((name, arguments)) = hook.arguments.split_first() {
        command.arg0(name).args(arguments);
    }
    let environment = hook.environment.iter().flatten();
    command.env_clear().envs(environment.filter_map(|entry| entry.split_once('=')));
    sys::close_descriptors_at_exec(&mut command);
    command
        .stdin(stdin)
        .stdout(Stdio::from(output.try_clone()?))
        .stderr(output.try_clone()?)
        .spawn()
}

fn ends_within(child: &Child, seconds: u32) -> io::Result<bool> {
    let pidfd = sys::pidfd_open(child.id() as i32)?;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(u64::from(seconds));
    loop {
        let left = end.saturating_duration_since(std::time::Instant::now());
        let step = u16::try_from(left.as_millis()).unwrap_or(30_000).min(30_000);
        if Identity::wait_gone(&pidfd, step)? {
            return Ok(true);
        }
        if left.is_zero() {
            return Ok(false);
        }
    }
}

fn read_output(output: &mut File) -> String {
    let mut text = Vec::new();
    let read = output
        .seek(SeekFrom::Start(0))
        .and_then(|_| output.take(MAX_OUTPUT).read_to_end(&mut text));
    if read.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&text).trim_end().to_owned()
}
