//! What can be wrong with a configuration.

use std::{borrow::Cow, fmt};

/// Why no container can be made from a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckError {
    /// A property that has to be there is not, or is empty.
    Missing {
        /// JSON path of the property.
        path: String,
        /// What has to be there.
        expected: Cow<'static, str>,
    },
    /// A value that is not supported.
    Unsupported {
        /// JSON path of the value.
        path: String,
        /// The value.
        found: String,
        /// What may stand there.
        allowed: Cow<'static, str>,
    },
    /// The same thing is given twice where it may be given once.
    Duplicate {
        /// JSON path of the second one.
        path: String,
        /// What is given twice.
        found: String,
        /// JSON path of the first one.
        first: String,
    },
    /// A setting that only has a meaning inside a namespace the container does not have.
    NeedsNamespace {
        /// JSON path of the setting.
        path: String,
        /// Its value.
        found: String,
        /// The `type` of the namespace that `linux.namespaces` has to have.
        namespace: &'static str,
    },
    /// Two settings that exclude each other.
    Conflict {
        /// JSON path of the one.
        path: String,
        /// Its value.
        found: String,
        /// The other, and what to do about it.
        with: Cow<'static, str>,
    },
}

impl CheckError {
    pub(super) fn missing(path: impl Into<String>, expected: &'static str) -> Self {
        Self::Missing { path: path.into(), expected: expected.into() }
    }

    pub(super) fn unsupported(
        path: impl Into<String>,
        found: impl ToString,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Unsupported { path: path.into(), found: found.to_string(), allowed: allowed.into() }
    }

    pub(super) fn conflict(
        path: impl Into<String>,
        found: impl ToString,
        with: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Conflict { path: path.into(), found: found.to_string(), with: with.into() }
    }
}

impl fmt::Display for CheckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path, expected } => {
                write!(f, "{path} is missing, it has to be {expected}")
            }
            Self::Unsupported { path, found, allowed } => {
                write!(f, "{path}: found {found:?}, allowed is {allowed}")
            }
            Self::Duplicate { path, found, first } => {
                write!(f, "{path}: found {found:?} a second time, after {first}; remove one")
            }
            Self::NeedsNamespace { path, found, namespace } => write!(
                f,
                "{path}: found {found:?}, allowed only with a namespace of type {namespace:?} \
                 in linux.namespaces"
            ),
            Self::Conflict { path, found, with } => {
                write!(f, "{path}: found {found:?}, which contradicts {with}")
            }
        }
    }
}

impl std::error::Error for CheckError {}
