//! The life of a container: a file per operation.

mod admission;
mod console;
mod create;
mod create_checks;
mod create_options;
mod delete;
mod descriptors;
mod events;
mod exec;
mod exec_options;
mod exec_settings;
mod exec_target;
mod foreground;
mod hand_over;
mod kill;
mod listener;
mod notify;
mod outer_terminal;
mod pause;
mod pidfd_socket;
mod plan;
mod process;
mod ps;
mod record;
mod run;
mod running;
mod start;
mod state;
mod talk;
mod terminal;
mod update;
mod without_cgroup;

use crate::cgroups::Cgroup;
use crate::error::Error;
use crate::process::Process;
use crate::spec;
use crate::state::{Record, Store};
use std::path::{Path, PathBuf};

pub use create_options::{Config, CreateOptions};
pub use events::{Event, Events};
pub use exec_options::{ExecOptions, ExecProcess, ProcessOverrides};
pub use foreground::{Foreground, Orphans};
pub use listener::{ListenerError, ListenerStep};
pub use run::ForegroundOptions;
pub use running::Running;
pub use start::StartOptions;

/// A state root and the containers in it.
#[derive(Debug, Clone)]
pub struct Runtime {
    store: Store,
}

/// A container that has been created. It does not hold it: other programs may change it meanwhile.
#[derive(Debug, Clone)]
pub struct Container {
    store: Store,
    id: String,
    /// Of one that this program created: whichever copy sees it end, all know how.
    process: Option<Process>,
}

impl Runtime {
    /// A runtime with its state below `root`, which is made when the first container is.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Runtime { store: Store::new(root) }
    }

    /// The state root.
    pub fn root(&self) -> &Path {
        self.store.root()
    }

    /// A container that exists.
    ///
    /// # Errors
    /// [`Error::Id`] for an impossible id, [`Error::Store`] when there is no such container.
    pub fn load(&self, id: &str) -> Result<Container, Error> {
        spec::check_id(id)?;
        drop(self.store.directory(id)?);
        Ok(self.container(id))
    }

    fn container(&self, id: &str) -> Container {
        Container { store: self.store.clone(), id: id.to_owned(), process: None }
    }
}

impl Container {
    /// The container's id.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Record {
    /// The container's cgroup; `None` when it is gone.
    fn open_cgroup(&self) -> Result<Option<Cgroup>, Error> {
        let cgroup = Cgroup::open(self.cgroup.clone())?;
        Ok((!cgroup.is_gone()).then_some(cgroup))
    }
}

/// The descriptors from 3 on have to be the caller's: a number that nobody opened would be one of ours, such as
/// a directory of the host, and end up in the container.
fn check_preserved(count: u32) -> Result<(), Error> {
    for number in (3..).take(count as usize) {
        if !crate::sys::is_inheritable(number) {
            return Err(Error::PreservedDescriptor { number, count });
        }
    }
    Ok(())
}

/// Reports what is not an error.
fn warn(warnings: &[String]) {
    for warning in warnings {
        log::warn!("{warning}");
    }
}
