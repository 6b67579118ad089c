//! Intel RDT by the resctrl file system (Documentation/filesystems/resctrl.rst of the kernel).

mod error;
mod schemata;
#[cfg(test)]
mod tests;

use crate::plan::Rdt;
pub use error::{Doing, RdtError};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A container's directories in the resctrl file system; entered in the state before they are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Groups {
    /// The directory of the class.
    class: PathBuf,
    /// It is made for this container, and removed with it.
    own_class: bool,
    /// The directory of the monitoring group, which is always the container's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    monitor: Option<PathBuf>,
}

/// Where resctrl is mounted.
pub(crate) fn mount_point() -> Result<PathBuf, RdtError> {
    let file = Path::new("/proc/self/mountinfo");
    let text =
        fs::read_to_string(file).map_err(|source| RdtError::new(Doing::Find, file, source))?;
    let point = text.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        right.starts_with("resctrl ").then(|| left.split(' ').nth(4)).flatten()
    });
    point.map(PathBuf::from).ok_or_else(|| {
        let source = io::Error::from_raw_os_error(libc::ENOENT);
        RdtError::new(Doing::Find, Path::new("/sys/fs/resctrl"), source)
    })
}

impl Groups {
    /// What there will be below `mount`; nothing is made yet.
    pub(crate) fn planned(wanted: &Rdt, mount: &Path) -> Self {
        let class = mount.join(&wanted.class);
        Groups {
            own_class: !wanted.named && !class.exists(),
            monitor: wanted.monitor.as_ref().map(|name| class.join("mon_groups").join(name)),
            class,
        }
    }

    /// Makes what is missing. A class that was named and exists already has to be as it is asked for.
    pub(crate) fn create(&mut self, wanted: &Rdt) -> Result<(), RdtError> {
        let failed = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| RdtError::new(doing, &path, source)
        };
        // Until it is made it may be somebody else's, and is not to be removed.
        let monitor = self.monitor.take();
        let own_class = std::mem::take(&mut self.own_class);
        let exists = self.class.is_dir();
        match (wanted.named, exists) {
            (true, true) => schemata::compare(&self.class, &wanted.schemata)?,
            (true, false) if wanted.schemata.is_empty() => {
                let missing = io::Error::from_raw_os_error(libc::ENOENT);
                return Err(RdtError::new(Doing::UseClass, &self.class, missing));
            }
            _ => {
                fs::create_dir(&self.class).map_err(failed(Doing::MakeClass, &self.class))?;
                self.own_class = own_class;
                schemata::write(&self.class, &wanted.schemata)?;
            }
        }
        if let Some(monitor) = monitor {
            fs::create_dir(&monitor).map_err(failed(Doing::MakeMonitor, &monitor))?;
            self.monitor = Some(monitor);
        }
        Ok(())
    }

    /// Writes other lines for the class; what leads back. A line that is refused changes nothing.
    pub(crate) fn change(&self, lines: &[String]) -> Result<Vec<String>, RdtError> {
        let before = schemata::read(&self.class, lines)?;
        schemata::write(&self.class, lines).inspect_err(|_| {
            // The first error is the one that counts: the kernel may have taken some of the lines.
            let _ = schemata::write(&self.class, &before);
        })?;
        Ok(before)
    }

    /// Puts a process into both; its children follow it.
    pub(crate) fn enter(&self, pid: i32) -> Result<(), RdtError> {
        for directory in [Some(&self.class), self.monitor.as_ref()].into_iter().flatten() {
            let tasks = directory.join("tasks");
            fs::write(&tasks, pid.to_string())
                .map_err(|source| RdtError::new(Doing::Enter, &tasks, source))?;
        }
        Ok(())
    }

    /// Removes what was made for the container alone; a class that was named may be in use by others.
    pub(crate) fn remove(&self) -> Result<(), RdtError> {
        let own_class = self.own_class.then_some(&self.class);
        for directory in [self.monitor.as_ref(), own_class].into_iter().flatten() {
            match fs::remove_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => {
                    result.map_err(|source| RdtError::new(Doing::Remove, directory, source))?
                }
            }
        }
        Ok(())
    }
}
