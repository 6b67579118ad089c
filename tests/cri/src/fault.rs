//! Why a check did not pass.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a check did not pass, or could not be made.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A call of the CRI failed.
    Call { call: &'static str, status: Box<tonic::Status> },
    /// The engine's answer lacks what the CRI promises.
    Missing { call: &'static str, what: &'static str },
    /// Something is not as it should be.
    Differs { what: String, wanted: String, got: String },
    /// Something did not come to be in time.
    Late { what: String },
    /// A file of this host could not be read or written.
    File { path: PathBuf, source: io::Error },
    /// A stream of exec or attach failed.
    Stream { step: &'static str, source: Box<tungstenite::Error> },
    /// Something is still there after the pods were removed.
    Left { what: Vec<String> },
    /// This check cannot be made here.
    Skip { reason: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { call, status } => {
                write!(f, "{call}: {:?}: {}", status.code(), status.message())
            }
            Self::Missing { call, what } => write!(f, "{call} answers without {what}"),
            Self::Differs { what, wanted, got } => {
                write!(f, "{what}: wanted \"{wanted}\", got \"{got}\"")
            }
            Self::Late { what } => write!(f, "not in time: {what}"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Stream { step, source } => write!(f, "stream, {step}: {source}"),
            Self::Left { what } => write!(f, "left behind: {}", what.join(", ")),
            Self::Skip { reason } => write!(f, "{reason}"),
        }
    }
}

/// For `map_err` on a call.
pub(crate) fn call(call: &'static str) -> impl FnOnce(tonic::Status) -> Fault {
    move |status| Fault::Call { call, status: Box::new(status) }
}

/// For `map_err` on a file.
pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Fault {
    move |source| Fault::File { path: path.into(), source }
}

/// `got` has to be `wanted`.
pub(crate) fn is(
    what: &str,
    wanted: impl fmt::Display,
    got: impl fmt::Display,
) -> Result<(), Fault> {
    let (wanted, got) = (wanted.to_string(), got.to_string());
    if wanted == got { Ok(()) } else { Err(Fault::Differs { what: what.into(), wanted, got }) }
}

/// `got` has to contain `wanted`.
pub(crate) fn has(what: &str, wanted: &str, got: &str) -> Result<(), Fault> {
    if got.contains(wanted) {
        Ok(())
    } else {
        Err(Fault::Differs {
            what: what.into(),
            wanted: format!("... {wanted} ..."),
            got: got.into(),
        })
    }
}

/// `so` has to be true of `got`.
pub(crate) fn holds(
    so: bool,
    what: &str,
    wanted: &str,
    got: impl fmt::Display,
) -> Result<(), Fault> {
    if so {
        Ok(())
    } else {
        Err(Fault::Differs { what: what.into(), wanted: wanted.into(), got: got.to_string() })
    }
}
