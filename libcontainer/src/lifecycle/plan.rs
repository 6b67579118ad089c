//! Planning alone: what `create` would do.

use super::Runtime;
use super::create_options::{Config, CreateOptions};
use crate::cgroups::{self, systemd::Maker};
use crate::error::Error;
use crate::plan::{self, Host, Plan, PlanError, Request};
use crate::seccomp;
use crate::spec::{self, LoadError, LoadedSpec, Warnings};
use crate::state::Store;
use crate::sys;
use crate::trace;
use creel_wire::owned::Step;
use oci_spec::runtime::Spec;
use std::fs;
use std::path::{Path, PathBuf};

/// What a bundle asks for, read, checked and planned.
pub(super) struct WorkedOut {
    pub(super) spec: Box<Spec>,
    pub(super) request: Request,
    pub(super) host: Host,
    pub(super) plan: Plan,
}

impl Runtime {
    /// What [`Runtime::create`] would do. Nothing is made or changed.
    ///
    /// # Errors
    /// As [`Runtime::create`], as far as they can be known beforehand.
    pub fn plan(&self, id: &str, options: &CreateOptions) -> Result<Plan, Error> {
        Ok(Read::from(id, options, |_| ())?.work_out(&self.store, id, options, true)?.plan)
    }
}

/// A configuration, read and checked.
pub(super) struct Read {
    bundle: PathBuf,
    pub(super) spec: Box<Spec>,
}

impl Read {
    /// `see` is shown the text of a bundle's config.json before it is parsed.
    pub(super) fn from(
        id: &str,
        options: &CreateOptions,
        see: impl FnOnce(&[u8]),
    ) -> Result<Self, Error> {
        spec::check_id(id)?;
        let bundle = sys::canonicalize(&options.bundle).unwrap_or_else(|_| options.bundle.clone());
        let spec = load(&bundle, &options.config, see)?;
        Ok(Read { bundle, spec })
    }

    /// Probes the host, and plans.
    pub(super) fn work_out(
        self,
        store: &Store,
        id: &str,
        options: &CreateOptions,
        separate_start: bool,
    ) -> Result<WorkedOut, Error> {
        let Read { bundle, spec } = self;
        let cgroups_path = spec.linux().as_ref().and_then(|linux| linux.cgroups_path().as_deref());
        let systemd = options.systemd_cgroup.then(Maker::probe).transpose();
        let systemd = systemd.map_err(cgroups::Error::from)?;
        let mut host = match options.no_cgroups {
            true => Host::without_cgroups(),
            false => Host::probe(cgroups_path),
        }?;
        let request = Request {
            id: id.to_owned(),
            bundle,
            no_pivot: options.no_pivot,
            no_new_keyring: options.no_new_keyring,
            preserve_fds: options.handed().count(),
            listen_fds: options.listen_fds,
            listen_fd_names: options.listen_fd_names.clone(),
            notify: options.notify_socket.is_some().then(|| store.notify_directory(id)),
            no_cgroups: options.no_cgroups,
            separate_start,
            systemd,
            traced: trace::is_on(),
            rootless: options.rootless.holds(&host),
        };
        let mut plan = plan::plan(&spec, &request, &host)?;
        let names_cgroup = cgroups_path.is_some_and(|path| !path.as_os_str().is_empty());
        if request.rootless && !names_cgroup && plan.cgroup.unit.is_none() {
            host.cgroup_access = cgroups::Access::probe(&plan.cgroup, &host.own_cgroups);
            if !host.cgroup_access.is_full() {
                plan = plan::plan(&spec, &request, &host)?;
                // No warning, which would be in the way of engines that read one error from the log.
                log::info!(
                    "the container shares cgroups of this process, since its user may make none there"
                );
            }
        }
        check_filter(&spec, &plan)?;
        Ok(WorkedOut { spec, request, host, plan })
    }
}

fn load(bundle: &Path, config: &Config, see: impl FnOnce(&[u8])) -> Result<Box<Spec>, Error> {
    let loaded = match config {
        Config::Bundle => spec::load_seen(bundle, see)?,
        Config::File(file) => spec::load_config(file)?,
        Config::Spec(spec) => {
            let (spec, warnings) = (spec.clone(), Warnings::default());
            LoadedSpec { spec, warnings }
        }
    };
    if !matches!(config, Config::Bundle) {
        let source = fs::metadata(bundle).err();
        let unusable = |source| LoadError::Bundle { bundle: bundle.to_owned(), source };
        source.map_or(Ok(()), |source| Err(unusable(source)))?;
    }
    let checked = spec::check(&loaded.spec)?;
    for warning in loaded.warnings.iter().chain(checked.iter()) {
        log::warn!("{warning}");
    }
    Ok(loaded.spec)
}

fn check_filter(spec: &Spec, plan: &Plan) -> Result<(), Error> {
    let profile = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
    let flags = plan.inside.iter().find_map(|planned| match &planned.step {
        Step::Seccomp { flags, .. } => Some(*flags),
        _ => None,
    });
    match (profile, flags) {
        (Some(profile), Some(flags)) => {
            Ok(seccomp::check_kernel(profile, flags).map_err(PlanError::Seccomp)?)
        }
        _ => Ok(()),
    }
}
