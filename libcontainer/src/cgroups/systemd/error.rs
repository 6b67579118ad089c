//! What can go wrong between this runtime and systemd.

use std::path::PathBuf;
use std::{fmt, io};

/// A failure of the systemd cgroup driver. Its text never repeats its source's.
#[derive(Debug)]
#[non_exhaustive]
pub enum SystemdError {
    /// systemd is not this system's init.
    NotRunning,
    /// Not the layout that the driver is for.
    NotV2,
    /// `linux.cgroupsPath` is not `slice:prefix:name`.
    Path {
        /// What stands there.
        found: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An annotation `org.systemd.property.NAME`.
    Annotation {
        /// The annotation.
        key: String,
        /// Its value.
        found: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Nothing says where the bus of this user is.
    NoUserBus,
    /// `DBUS_SYSTEM_BUS_ADDRESS` or `DBUS_SESSION_BUS_ADDRESS` is not the path of a socket.
    Address {
        /// Which of them.
        variable: &'static str,
        /// The address.
        found: String,
    },
    /// The bus cannot be reached.
    Connect {
        /// Its socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The bus does not know this user.
    Refused {
        /// What it answered.
        answer: String,
    },
    /// The connection broke.
    Talk {
        /// What was being done.
        step: &'static str,
        /// How.
        source: io::Error,
    },
    /// No answer within the time allowed.
    Silent {
        /// What was waited for.
        step: &'static str,
    },
    /// A message that does not follow the D-Bus specification.
    Malformed,
    /// systemd, or the bus, answered with an error.
    Call {
        /// The method.
        method: &'static str,
        /// The error's name, such as `org.freedesktop.systemd1.UnitExists`.
        name: String,
        /// What it says.
        text: String,
    },
    /// There is a unit of this name already, and it is in use.
    UnitExists {
        /// The unit.
        unit: String,
    },
    /// A job ended otherwise than `done`.
    Job {
        /// The unit.
        unit: String,
        /// What systemd was to do: `start` or `stop`.
        job: &'static str,
        /// Such as `failed`, `canceled`, `timeout`.
        result: String,
    },
}

impl fmt::Display for SystemdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SystemdError::NotRunning => f.write_str(
                "--systemd-cgroup: systemd does not run here; leave the flag out to use cgroupfs",
            ),
            SystemdError::NotV2 => f.write_str(
                "--systemd-cgroup: needs a host with cgroup2 alone; boot it with \
                 systemd.unified_cgroup_hierarchy=1, or leave the flag out to use cgroupfs",
            ),
            SystemdError::Path { found, problem } => write!(
                f,
                "linux.cgroupsPath: {found:?} {problem}; with --systemd-cgroup it is slice:prefix:name, \
                 such as system.slice:creel:web"
            ),
            SystemdError::Annotation { key, found, problem } => {
                write!(f, "annotations[{key:?}]: {found:?} {problem}")
            }
            SystemdError::NoUserBus => f.write_str(
                "--systemd-cgroup: without root the user's own systemd is asked, and nothing says where it is; \
                 log in by a way that starts a session (ssh, machinectl shell), or set XDG_RUNTIME_DIR",
            ),
            SystemdError::Address { variable, found } => {
                write!(f, "{variable}: {found:?} is not of the form unix:path=...")
            }
            SystemdError::Connect { path, .. } => {
                write!(f, "connect to systemd by the D-Bus socket {}", path.display())
            }
            SystemdError::Refused { answer } => {
                write!(f, "D-Bus does not let this user in, it says {answer:?}")
            }
            SystemdError::Talk { step, .. } => write!(f, "talk to systemd: {step}"),
            SystemdError::Silent { step } => write!(f, "systemd does not answer: {step}"),
            SystemdError::Malformed => f.write_str("a D-Bus message makes no sense"),
            SystemdError::Call { method, name, text } => {
                write!(f, "systemd refused {method}: {text} ({name})")
            }
            SystemdError::UnitExists { unit } => write!(
                f,
                "systemd has a unit {unit} already; choose another linux.cgroupsPath, or look at it \
                 with systemctl status"
            ),
            SystemdError::Job { unit, job, result } => {
                write!(f, "systemd did not {job} {unit}: {result}; see systemctl status {unit}")
            }
        }
    }
}

impl std::error::Error for SystemdError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SystemdError::Connect { source, .. } | SystemdError::Talk { source, .. } => {
                Some(source)
            }
            _ => None,
        }
    }
}
