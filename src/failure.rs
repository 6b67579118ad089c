//! Why a command ends with an exit code other than the container's.

use std::{error::Error, fmt, io, path::PathBuf};

use libcontainer::spec::IdError;

use crate::cli::UsageError;

/// What went wrong, with the step that the user asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line cannot be read.
    Usage(UsageError),
    /// `--log-format` has an unknown value.
    LogFormat { found: String },
    /// `--log` asks for a log that is no file.
    LogKind { found: PathBuf },
    /// The file of `--log` cannot be opened.
    OpenLog { path: PathBuf, source: io::Error },
    /// The answer cannot be written to stdout.
    Print { source: io::Error },
    /// The user's own directory for state cannot be made.
    StateRoot { path: PathBuf, source: io::Error },
    /// The id cannot be a container's.
    Id { source: IdError },
    /// `kill` was told something that is no signal.
    UnknownSignal { found: String },
    /// `--format` of a command has an unknown value.
    Format { found: String, allowed: &'static str },
    /// The ps program cannot be run.
    RunPs { source: io::Error },
    /// The ps program does not like its options.
    PsFailed { said: String },
    /// What the ps program was asked to show has no pids.
    NoPidColumn,
    /// `events --interval` is not above zero.
    Interval,
    /// A flag has a value that it cannot have.
    Amount { flag: &'static str, found: String, allowed: &'static str },
    /// `--systemd-cgroup` and `--cgroup-manager` name different ones.
    CgroupManagers,
    /// LISTEN_FDS is no number.
    ListenFds { found: String },
    /// `--regex` is given with what is no regular expression.
    Pattern { found: String, source: regex_lite::Error },
    /// The resources of `update` cannot be used.
    Resources { source: libcontainer::spec::LoadError },
    /// `exec --user` is not `uid` or `uid:gid`.
    User { found: String },
    /// `spec` finds a file that it would overwrite.
    ConfigExists { path: PathBuf },
    /// `spec` cannot write the file.
    WriteConfig { path: PathBuf, source: io::Error },
    /// A command or flag that is not there yet.
    Unsupported { what: &'static str },
    /// The process file of `exec` cannot be used.
    ProcessFile { source: libcontainer::spec::LoadError },
    /// The process in that file cannot be run.
    Process { file: PathBuf, source: libcontainer::spec::CheckError },
    /// `exec` was told neither a command nor a process file.
    NoCommand,
    /// The library failed at what the command asked for.
    Library { source: libcontainer::Error },
    /// `create` failed, for the named reason.
    Create { source: Box<Failure> },
    /// `run` failed, for the named reason.
    Run { source: Box<Failure> },
    /// `exec` failed before its process ran.
    Exec { source: Box<Failure> },
}

impl Failure {
    /// What the user can do about it, where the reason alone does not say.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Create { source } | Self::Run { source } | Self::Exec { source } => {
                source.advice()
            }
            Self::StateRoot { .. } => Some(
                "let XDG_RUNTIME_DIR be a directory of your own, or choose a state root with --root",
            ),
            Self::Library { source } => source.advice(),
            _ => None,
        }
    }

    /// As runc's: 1, but 255 for an exec that was not set up, so that it is not taken for the
    /// status of its process, and 3 for a command nobody knows.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Exec { .. } => 255,
            Self::Usage(UsageError::UnknownCommand { .. }) => 3,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::LogFormat { found } => {
                write!(f, "invalid log-format: found {found:?}, allowed is text or json")
            }
            Self::LogKind { found } => {
                write!(f, "cannot log to {}, --log takes a file", found.display())
            }
            Self::OpenLog { path, .. } => write!(f, "cannot open the log {}", path.display()),
            Self::Print { .. } => f.write_str("cannot write to stdout"),
            Self::StateRoot { path, .. } => {
                write!(f, "cannot make the state root {}", path.display())
            }
            Self::Id { source } => source.fmt(f),
            Self::UnknownSignal { found } => {
                write!(f, "unknown signal {found:?}, give a name such as TERM or a number up to 64")
            }
            Self::Format { found, allowed } => {
                write!(f, "invalid format option: found {found:?}, allowed is {allowed}")
            }
            Self::RunPs { .. } => f.write_str("cannot run ps, install procps or use --format json"),
            Self::PsFailed { said } => write!(f, "ps failed: {said}"),
            Self::NoPidColumn => f.write_str(
                "couldn't find PID field in ps output, let the ps options include that column",
            ),
            Self::Interval => f.write_str("duration interval must be greater than 0"),
            Self::Amount { flag, found, allowed } => {
                write!(f, "invalid value for {flag}: found {found:?}, allowed is {allowed}")
            }
            Self::CgroupManagers => f.write_str(
                "--systemd-cgroup and --cgroup-manager name different managers, give one of them",
            ),
            Self::ListenFds { found } => {
                write!(f, "LISTEN_FDS: found {found:?}, allowed is the number of sockets")
            }
            Self::Pattern { found, .. } => write!(f, "{found:?} is no regular expression"),
            Self::Resources { source } => source.fmt(f),
            Self::User { found } => {
                write!(f, "--user: found {found:?}, allowed is <uid> or <uid>:<gid>, as numbers")
            }
            Self::ConfigExists { path } => {
                write!(f, "File {} exists. Remove it first", path.display())
            }
            Self::WriteConfig { path, .. } => write!(f, "cannot write {}", path.display()),
            Self::Unsupported { what } => {
                write!(f, "{what} is not supported by this version of creel")
            }
            Self::ProcessFile { source } => source.fmt(f),
            Self::Process { file, .. } => write!(f, "cannot run {}", file.display()),
            Self::NoCommand => f.write_str(
                "process args cannot be empty, name a command behind the container id \
                 or a file with --process",
            ),
            Self::Library { source } => source.fmt(f),
            Self::Create { .. } => f.write_str("creel create failed"),
            Self::Run { .. } => f.write_str("creel run failed"),
            Self::Exec { .. } => f.write_str("exec failed"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::OpenLog { source, .. }
            | Self::StateRoot { source, .. }
            | Self::Print { source }
            | Self::RunPs { source }
            | Self::WriteConfig { source, .. } => Some(source),
            Self::Create { source } | Self::Run { source } | Self::Exec { source } => Some(source),
            Self::Process { source, .. } => Some(source),
            Self::Pattern { source, .. } => Some(source),
            // These stand for their source and have its text, so what follows is theirs.
            Self::Usage(error) => error.source(),
            Self::Id { source } => source.source(),
            Self::ProcessFile { source } | Self::Resources { source } => source.source(),
            Self::Library { source } => source.source(),
            _ => None,
        }
    }
}

impl From<IdError> for Failure {
    fn from(source: IdError) -> Self {
        Self::Id { source }
    }
}

impl From<libcontainer::Error> for Failure {
    fn from(source: libcontainer::Error) -> Self {
        Self::Library { source }
    }
}
