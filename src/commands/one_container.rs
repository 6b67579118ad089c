//! The arguments of commands that take one container and nothing else.

use clap::Args;

use crate::cli::{Quick, Value};

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct OneContainer {
    /// The container
    #[arg(value_name = "container-id")]
    pub(super) id: String,
}

impl Quick for OneContainer {
    fn unset() -> Self {
        Self { id: String::new() }
    }

    fn flag(&mut self, _: &[u8], _: &mut Value<'_, '_>) -> Option<()> {
        None
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        self.id = arguments.into_iter().next()?;
        Some(())
    }
}
