//! What outlives a command: one file for each container, and who may change it.

mod empty;
mod error;
mod outline;
mod record;
mod store;
mod timestamp;

pub use error::StoreError;
pub(crate) use record::{Record, RunningProcess, StartStep, VERSION};
pub use record::{State, Status};
pub(crate) use store::{Entry, Store, Written, is_locked, waits_for_start};
pub(crate) use timestamp::now;
pub use timestamp::rfc3339;
