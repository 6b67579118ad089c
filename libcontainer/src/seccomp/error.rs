//! Why a profile cannot become a program.

use std::fmt;

/// A profile that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A number that does not fit into what a filter returns.
    Errno {
        /// The place in config.json.
        json_path: String,
        /// What stands there.
        found: u32,
    },
    /// A condition on an argument that no call has.
    Argument {
        /// The place in config.json.
        json_path: String,
        /// What stands there.
        found: usize,
    },
    /// A flag that this kernel does not know.
    Flag {
        /// The place in config.json.
        json_path: String,
        /// What stands there.
        name: &'static str,
        /// The first version of Linux that knows it.
        since: &'static str,
    },
    /// The action cannot be used there.
    Notify {
        /// The place in config.json.
        json_path: String,
        /// What stands against it.
        reason: &'static str,
    },
    /// The program would be longer than the kernel takes.
    TooLong {
        /// Its instructions.
        instructions: usize,
    },
    /// The specification has no name for the architecture of this machine.
    Architecture {
        /// As Rust names it.
        found: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Errno { json_path, found } => {
                write!(f, "{json_path}: {found} is too large; the largest is {}", u16::MAX)
            }
            Error::Argument { json_path, found } => {
                write!(f, "{json_path}: {found} is not supported; use a number from 0 to 5")
            }
            Error::Flag { json_path, name, since } => {
                write!(
                    f,
                    "{json_path}: this kernel has no {name} (Linux {since} has); leave it out"
                )
            }
            Error::Notify { json_path, reason } => {
                write!(f, "{json_path}: {reason}")
            }
            Error::TooLong { instructions } => write!(
                f,
                "linux.seccomp: the program has {instructions} instructions, and the kernel takes {}; \
                 use fewer comparisons of arguments or fewer architectures",
                super::MAX_INSTRUCTIONS
            ),
            Error::Architecture { found } => {
                write!(f, "linux.seccomp: filters are not supported on {found}")
            }
        }
    }
}

impl std::error::Error for Error {}
