//! Writing a plan's limits.

use std::io;
use std::os::fd::AsFd;

use super::cgroup::Cgroup;
use super::controllers;
use super::dir::Dir;
use super::error::Error;
use super::plan::{IfMissing, Kind, Plan, Write};
use crate::sys::bpf;

impl Cgroup {
    /// Set every limit of the plan, bring the device rules into force, and give the cgroup to its owner.
    ///
    /// This may be done at any time between the making of the container's first process and its
    /// exec. Not before it is made: a limit of processes would count the clone into the cgroup. The
    /// device rules not before the process has mounted what may open a device: they hold for that as well.
    ///
    /// # Errors
    /// The first write that fails, with the JSON path that asked for it.
    pub fn apply(&self, plan: &Plan) -> Result<(), Error> {
        self.apply_limits(plan)?;
        self.apply_device_rules(plan)?;
        self.give_to_owner(plan)
    }

    /// The last part of [`apply`](Cgroup::apply).
    pub(crate) fn give_to_owner(&self, plan: &Plan) -> Result<(), Error> {
        plan.owner.map_or(Ok(()), |owner| self.give_to(owner))
    }

    /// All that [`apply_device_rules`](Cgroup::apply_device_rules) does on version 2 without a unit, for somebody else to do
    /// it.
    pub(crate) fn device_filter(&self, plan: &Plan) -> Option<bpf::DeviceFilter> {
        let (filter, cgroup) = (plan.device_filter.as_ref()?, self.fd()?);
        bpf::DeviceFilter::new(&filter.program, cgroup).ok()
    }

    /// All writes but those of device rules.
    ///
    /// # Errors
    /// See [`apply`](Cgroup::apply).
    pub(crate) fn apply_limits(&self, plan: &Plan) -> Result<(), Error> {
        self.write(plan, false)
    }

    /// The device rules, of whatever version.
    ///
    /// # Errors
    /// See [`apply`](Cgroup::apply).
    pub(crate) fn apply_device_rules(&self, plan: &Plan) -> Result<(), Error> {
        self.write(plan, true)?;
        if let Some(unit) = &plan.unit {
            unit.set_delayed()?;
        }
        self.attach_device_filter(plan)
    }

    /// The writes of device rules, or all others.
    fn write(&self, plan: &Plan, of_devices: bool) -> Result<(), Error> {
        let is_wanted = |write: &&Write| write.file.starts_with("devices.") == of_devices;
        for directory in &plan.directories {
            let mut wanted = directory.writes.iter().filter(is_wanted).peekable();
            let dir = wanted.peek().and_then(|_| self.dir(&directory.path()));
            let Some(dir) = dir else { continue };
            for write in wanted {
                match apply(dir, write) {
                    // Only root of the first user namespace may change them.
                    Err(Error::Write { source, .. })
                        if of_devices && plan.rootless && is_denied(&source) =>
                    {
                        log::debug!("no device rules: {source}");
                        break;
                    }
                    applied => applied?,
                }
            }
        }
        Ok(())
    }

    /// The device filter alone; nothing where the plan has none.
    ///
    /// # Errors
    /// [`Error::DeviceFilter`], with `EPERM` where programs may not be loaded.
    fn attach_device_filter(&self, plan: &Plan) -> Result<(), Error> {
        let (Some(filter), Some(cgroup)) = (&plan.device_filter, self.fd()) else {
            return Ok(());
        };
        let error = |step| move |source| Error::DeviceFilter { step, source };
        let program = match bpf::load_device_program(&filter.program) {
            // Only root loads such a program; others make no devices in any case.
            Err(source) if plan.rootless && is_denied(&source) => {
                log::debug!("no device filter: {source}");
                return Ok(());
            }
            loaded => loaded.map_err(error("load"))?,
        };
        bpf::attach_device_program(cgroup, program.as_fd()).map_err(error("attach"))
    }
}

fn apply(dir: &Dir, write: &Write) -> Result<(), Error> {
    let failed = |file: &str, value: &str, source| Error::Write {
        path: dir.file(file),
        value: value.to_owned(),
        json_path: write.json_path.clone(),
        source,
    };
    match dir.write(&write.file, &write.value) {
        Ok(()) => return Ok(()),
        Err(source) if is_missing(&source) => {}
        Err(source) => return Err(failed(&write.file, &write.value, source)),
    }
    match &write.if_missing {
        IfMissing::Skip => Ok(()),
        IfMissing::Instead { file, value } => match dir.write(file, value) {
            Ok(()) => Ok(()),
            Err(source) if is_missing(&source) => Err(explain_missing(dir, write)),
            Err(source) => Err(failed(file, value, source)),
        },
        IfMissing::Fail => Err(explain_missing(dir, write)),
    }
}

pub(super) fn is_denied(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES))
}

pub(super) fn is_missing(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOENT)
}

/// A file is missing because its controller is, or because the kernel is old.
pub(super) fn explain_missing(dir: &Dir, write: &Write) -> Error {
    let json_path = write.json_path.clone();
    let controller = write.file.split('.').next().unwrap_or_default();
    let is_core = controller == "cgroup";
    if dir.kind != Kind::V1 && !is_core && !controllers::is_available(dir, controller) {
        let controller = controller.to_owned();
        return Error::NotEnabled { controller, path: dir.path.clone(), json_path };
    }
    Error::NoSuchFile { path: dir.file(&write.file), json_path }
}
