//! What can go wrong in a bench run. Nothing is measured on after an error.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use plotters::drawing::DrawingAreaErrorKind;

#[derive(Debug)]
pub(crate) enum Error {
    /// A system call or file operation of the bench itself.
    Io { step: &'static str, path: PathBuf, source: io::Error },
    /// A file that is not the JSON it should be.
    Json { path: PathBuf, source: serde_json::Error },
    /// A runtime that is not where it should be.
    NoRuntime { name: String, path: PathBuf, hint: &'static str },
    /// The bare programs were not given or do not run.
    Timer { what: &'static str, source: io::Error },
    /// A command that could not be exec'd.
    Exec { command: String, source: io::Error },
    /// A command that ended otherwise than it must.
    Ended { command: String, expected: i32, code: i32, stderr: String },
    /// A command that took too long.
    Hung { command: String, after: Duration },
    /// The container's process did not end, or was not handed to the caller.
    Process { runtime: String, pid: String, what: &'static str },
    /// A runtime whose container is not like the floor's.
    Unlike { runtime: String, what: String },
    /// A runtime that left something behind.
    Left { runtime: String, path: PathBuf },
    /// The floor's system calls are not those of the committed trace.
    Trace { path: PathBuf, line: usize, expected: String, found: String },
    /// The picture cannot be drawn.
    Draw { source: DrawingAreaErrorKind<io::Error> },
    /// A page without the two lines that the table stands between.
    NoPlace { path: PathBuf },
    /// A command that costs more than the committed numbers.
    Budget { path: PathBuf, grown: String },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { step, path, .. } => write!(f, "{step} {}", path.display()),
            Self::Json { path, .. } => write!(f, "{} is not the JSON it should be", path.display()),
            Self::NoRuntime { name, path, hint } => {
                write!(f, "no {name} at {}: {hint}, or leave it out: --skip {name}", path.display())
            }
            Self::Timer { what, .. } => write!(f, "the timer {what}"),
            Self::Exec { command, .. } => write!(f, "cannot exec {command}"),
            Self::Ended { command, expected, code, stderr } => {
                write!(f, "{command} ended with {code} instead of {expected}")?;
                if stderr.is_empty() { Ok(()) } else { write!(f, ": {}", stderr.trim_end()) }
            }
            Self::Hung { command, after } => write!(f, "{command} did not end in {after:?}"),
            Self::Process { runtime, pid, what } => {
                write!(f, "{runtime}: the container's process {pid} {what}")
            }
            Self::Unlike { runtime, what } => {
                write!(f, "{runtime} did not make the bundle's container: {what}")
            }
            Self::Left { runtime, path } => write!(f, "{runtime} left {} behind", path.display()),
            Self::Draw { .. } => write!(f, "cannot draw the picture"),
            Self::NoPlace { path } => write!(
                f,
                "{} lacks the two lines that begin and end what hack/bench plot writes",
                path.display()
            ),
            Self::Budget { path, grown } => write!(
                f,
                "more than {} allows:\n{grown}If it has to be, write the numbers anew with hack/bench budget and say \
                 why in the commit.",
                path.display()
            ),
            Self::Trace { path, line, expected, found } => write!(
                f,
                "the floor does other system calls than {} says, first in line {line}:\n  \
                 committed: {expected}\n  found:     {found}\nIf each of them is unavoidable, \
                 write the trace anew with hack/bench floor-trace and say why in the commit.",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Timer { source, .. } | Self::Exec { source, .. } => {
                Some(source)
            }
            Self::Json { source, .. } => Some(source),
            Self::Draw { source } => Some(source),
            _ => None,
        }
    }
}

/// The error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// Names the step and the path of an `io::Result` or a nix one.
pub(crate) trait At<T> {
    fn at(self, step: &'static str, path: impl Into<PathBuf>) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, step: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(|e| Error::Io { step, path: path.into(), source: e.into() })
    }
}
