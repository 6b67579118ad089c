//! The container's configuration: reading it, judging it, and the one to start from.
//!
//! [`load`] turns `config.json` into [`oci_spec::runtime::Spec`], [`check`] decides without
//! touching the system whether a container can be made from it. Both follow one rule: an unknown
//! property is ignored, an unsupported *value* is an error that names the JSON path, what was
//! found there and what is allowed.

mod check;
mod default;
mod id;
mod json_path;
mod load;
mod parse;
mod repair;
mod strict;
mod tidy;
mod warning;

pub(crate) use check::zero_pids_is_no_limit;
pub use check::{CheckError, check, check_process, sysctl_file};
pub use default::{DefaultConfig, OCI_VERSION};
pub use id::{IdError, MAX_ID_LENGTH, check_id};
pub(crate) use load::load_seen;
pub use load::{
    LoadError, LoadedProcess, LoadedSpec, MAX_CONFIG_SIZE, load, load_config, load_process,
    load_resources,
};
pub use oci_spec::runtime::{LinuxResources, Process, Spec};
pub use parse::{ParseError, parse_process, parse_resources, parse_spec};
pub use warning::{Warning, Warnings};
