//! A command line that cannot be read, said in runc's words where programs look for them.

use std::{error::Error, fmt};

/// What is wrong with the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UsageError {
    /// There is no such flag.
    UnknownFlag { flag: String },
    /// A flag is the last argument and takes one. Podman looks for this text.
    NoArgument { flag: String },
    /// A switch has a value that is no boolean.
    NoBoolean { flag: String, found: String },
    /// A flag has a value it cannot have.
    BadValue { flag: String, found: String, reason: String },
    /// There is no such command.
    UnknownCommand { name: String },
    /// The number of arguments is wrong.
    Count { command: &'static str, expected: Count },
}

/// How many arguments a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// This many.
    Exactly(usize),
    /// This many or more.
    AtLeast(usize),
    /// From the first to the second.
    Between(usize, usize),
}

impl Count {
    /// Whether a number of arguments is right.
    pub(crate) fn allows(self, given: usize) -> bool {
        match self {
            Self::Exactly(count) => given == count,
            Self::AtLeast(least) => given >= least,
            Self::Between(least, most) => (least..=most).contains(&given),
        }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFlag { flag } => {
                write!(f, "flag provided but not defined: -{flag}")
            }
            Self::NoArgument { flag } => write!(f, "flag needs an argument: -{flag}"),
            Self::NoBoolean { flag, found } => {
                write!(f, "invalid boolean value {found:?} for -{flag}: parse error")
            }
            Self::BadValue { flag, found, reason } => {
                write!(f, "invalid value {found:?} for flag {flag}: {reason}")
            }
            Self::UnknownCommand { name } => {
                write!(f, "there is no command {name:?}, \"creel --help\" lists them")
            }
            Self::Count { command, expected } => {
                write!(f, "creel: {command:?} requires ")?;
                match expected {
                    Count::Exactly(count) => write!(f, "exactly {count} argument(s)")?,
                    Count::AtLeast(least) => write!(f, "a minimum of {least} argument(s)")?,
                    Count::Between(least, most) => write!(f, "{least} to {most} arguments")?,
                }
                write!(f, ", see \"creel {command} --help\"")
            }
        }
    }
}

impl Error for UsageError {}
