//! From argv to a command with its settings.
//!
//! Only the flags of the one command that is called are described to clap: the whole tree would
//! cost a noticeable part of a `state`.

mod flags;
mod quick;
mod table;
mod usage;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, FromArgMatches, Parser};

use crate::commands::Command;
use flags::{Order, Sorted, sort};
pub(crate) use quick::{Quick, Value};
use table::Entry;
pub(crate) use usage::UsageError;

/// Why no command is run.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or the version was asked for; the text to print.
    Answer(String),
    /// The command line cannot be read.
    Usage(UsageError),
}

impl From<UsageError> for Stop {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

/// An OCI container runtime that takes runc's place. It makes and runs containers from bundles,
/// which are directories with a config.json and a root file system
#[derive(Parser, Debug, PartialEq, Eq)]
#[command(
    name = "creel",
    override_usage = "creel [global options] command [command options] [arguments...]",
    args_override_self = true,
    disable_version_flag = true
)]
pub(crate) struct Globals {
    /// Log more than errors and warnings
    #[arg(long)]
    pub(crate) debug: bool,
    /// Append log lines to this file instead of writing them to stderr
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The form of log lines: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: String,
    /// Which messages there are: trace, debug, warning or error
    #[arg(long, value_name = "LEVEL", default_value = "warning")]
    pub(crate) log_level: String,
    /// The directory of the containers' state [default: /run/creel, or $XDG_RUNTIME_DIR/creel for
    /// users other than root]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) root: Option<PathBuf>,
    /// Ignored, with a warning: the criu program is looked up in $PATH
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) criu: Option<PathBuf>,
    /// Let systemd manage the cgroups; cgroupsPath is slice:prefix:name then
    #[arg(long)]
    pub(crate) systemd_cgroup: bool,
    /// Who manages the cgroups: cgroupfs (creel itself), systemd, or disabled for none
    #[arg(long, value_name = "MANAGER")]
    pub(crate) cgroup_manager: Option<String>,
    /// Do without cgroups that may not be made: true, false or auto (for all but root)
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) rootless: String,
    /// Print the version
    #[arg(long, short, visible_short_alias = 'V')]
    pub(crate) version: bool,
}

impl Globals {
    /// Reads the global flags; returns the rest, which begins with the command.
    ///
    /// # Errors
    /// [`Stop`] if help or the version is asked for, or a flag is wrong.
    pub(crate) fn parse(mut argv: Vec<OsString>) -> Result<(Self, Vec<OsString>), Stop> {
        match quick::globals(&argv) {
            Some((globals, words)) => Ok((globals, argv.split_off(words))),
            None => Self::parse_any(argv),
        }
    }

    fn parse_any(argv: Vec<OsString>) -> Result<(Self, Vec<OsString>), Stop> {
        let command = Self::command();
        let Sorted { flags, rest, help } = sort(&command, Order::FlagsFirst, argv)?;
        if help || (flags.is_empty() && rest.is_empty()) {
            return Err(Stop::Answer(table::overview(command)));
        }
        let globals = Self::from_flags(command, flags)?;
        match (globals.version, rest.is_empty()) {
            (true, _) => Err(Stop::Answer(version())),
            (false, true) => Err(Stop::Answer(table::overview(Self::command()))),
            (false, false) => Ok((globals, rest)),
        }
    }

    fn from_flags(command: clap::Command, flags: Vec<OsString>) -> Result<Self, Stop> {
        let matches = command.no_binary_name(true).try_get_matches_from(flags);
        let globals = matches.and_then(|matches| Self::from_arg_matches(&matches));
        Ok(globals.map_err(|error| bad_value(&error))?)
    }
}

/// Reads the command and its own flags and arguments.
///
/// # Errors
/// [`Stop`] if help is asked for, the command is not known, or its arguments are wrong.
pub(crate) fn parse_command(mut words: Vec<OsString>) -> Result<Command, Stop> {
    let argv = words.split_off(1.min(words.len()));
    let name = words.pop().unwrap_or_default().to_string_lossy().into_owned();
    if matches!(name.as_str(), "help" | "h") {
        return Err(help_on(argv));
    }
    match table::find(&name) {
        Some(entry) => (entry.parse)(entry, argv),
        None => Err(UsageError::UnknownCommand { name }.into()),
    }
}

/// `help` alone, or `help` with a command.
fn help_on(argv: Vec<OsString>) -> Stop {
    let Some(name) = argv.first() else {
        return Stop::Answer(table::overview(Globals::command()));
    };
    let name = name.to_string_lossy().into_owned();
    match table::find(&name) {
        Some(entry) => (entry.parse)(entry, vec!["--help".into()])
            .err()
            .unwrap_or(Stop::Usage(UsageError::UnknownCommand { name })),
        None => Stop::Usage(UsageError::UnknownCommand { name }),
    }
}

/// Reads what follows the name of a command that is called often.
fn read_quick<T: Args + Quick>(entry: &Entry, argv: Vec<OsString>) -> Result<T, Stop> {
    quick::read(entry, &argv).map_or_else(|| read(entry, argv), Ok)
}

/// Reads what follows a command's name. Never inlined: what clap is told of flags takes pages of stack.
#[inline(never)]
fn read<T: Args>(entry: &Entry, argv: Vec<OsString>) -> Result<T, Stop> {
    let described = clap::Command::new(entry.name)
        .bin_name(format!("creel {}", entry.name))
        .args_override_self(true)
        .no_binary_name(true);
    // Last, because a set of flags brings its own words along.
    let mut command = T::augment_args(described).about(entry.about).long_about(None);
    let Sorted { mut flags, rest, help } = sort(&command, entry.order, argv)?;
    if help {
        return Err(Stop::Answer(command.render_help().to_string()));
    }
    if !entry.count.allows(rest.len()) {
        return Err(UsageError::Count { command: entry.name, expected: entry.count }.into());
    }
    flags.push("--".into());
    flags.extend(rest);
    let matches = command.try_get_matches_from(flags);
    let read = matches.and_then(|matches| T::from_arg_matches(&matches));
    Ok(read.map_err(|error| bad_value(&error))?)
}

/// What is left for clap to find: a value that is not of the flag's type.
fn bad_value(error: &clap::Error) -> UsageError {
    use clap::error::ContextKind;
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let source = std::error::Error::source(error);
    // clap names the flag as "--name <VALUE>".
    let flag = context(ContextKind::InvalidArg);
    UsageError::BadValue {
        flag: flag.split_whitespace().next().unwrap_or_default().to_owned(),
        found: context(ContextKind::InvalidValue),
        reason: source.map_or_else(|| error.kind().to_string(), ToString::to_string),
    }
}

/// Three lines in the form that engines read.
fn version() -> String {
    let commit = option_env!("CREEL_COMMIT").unwrap_or("unknown");
    format!(
        "creel version {}\ncommit: {commit}\nspec: {}\n",
        env!("CARGO_PKG_VERSION"),
        libcontainer::spec::OCI_VERSION
    )
}

#[cfg(test)]
mod tests;
