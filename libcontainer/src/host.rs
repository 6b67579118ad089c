//! What is known of the host: probed once a command, no more than the plan needs.

use crate::cgroups::{self, Layout, OwnCgroups, needs_own_cgroups};
use crate::error::Error;
use crate::plan::Host;
use crate::sys;
use std::path::Path;

impl Host {
    /// Probes this host. The caller's own cgroups are read only when `cgroups_path` is relative to them.
    pub fn probe(cgroups_path: Option<&Path>) -> Result<Host, Error> {
        let own_cgroups = if needs_own_cgroups(cgroups_path) {
            OwnCgroups::read()?
        } else {
            OwnCgroups::default()
        };
        let capabilities = capabilities()?;
        Ok(Host { cgroups: Layout::probe()?, own_cgroups, capabilities })
    }

    /// For exec, which needs nothing of the cgroup layout.
    pub(crate) fn for_exec() -> Result<Host, Error> {
        let cgroups = cgroups::Layout::V2 { mount: "/sys/fs/cgroup".into() };
        Ok(Host { cgroups, own_cgroups: OwnCgroups::default(), capabilities: capabilities()? })
    }
}

fn capabilities() -> Result<u64, Error> {
    sys::capabilities().map_err(|source| Error::io("read creel's own capabilities", "", source))
}
