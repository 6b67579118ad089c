//! What is worth telling the user although the container can be made.

use std::fmt;

/// Everything noticed while a configuration was loaded or checked, in the order it was met.
pub type Warnings = Vec<Warning>;

/// One thing in the configuration that does not stop the container.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A capability this runtime does not know; it was left out of the set
    /// (config.md, Linux Process: such values are warned about, not refused).
    UnknownCapability {
        /// JSON path of the set's entry.
        path: String,
        /// The name as it was written.
        name: String,
    },
    /// The text is not UTF-8 throughout (RFC 8259, 8.1).
    NotUtf8,
    /// A mount destination without a leading `/`; it is taken as relative to `/`.
    RelativeDestination {
        /// JSON path of the destination.
        path: String,
        /// The destination as it was written.
        destination: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCapability { path, name } => {
                write!(f, "{path}: ignoring the unknown capability {name:?}")
            }
            Self::NotUtf8 => {
                f.write_str("the configuration is not UTF-8: what is not is read as U+FFFD")
            }
            Self::RelativeDestination { path, destination } => {
                write!(f, "{path}: {destination:?} is not absolute, it is taken as relative to /")
            }
        }
    }
}
