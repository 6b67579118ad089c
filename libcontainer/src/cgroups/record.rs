//! What a container's state keeps of its cgroup.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::dir::is_gone;
use super::error::Error;
use super::freezer;
use super::layout::{Layout, OwnCgroups};
use super::plan::{Kind, Plan};
use super::systemd::Manager;

/// Where a container's cgroup is. It follows from the [`Plan`] alone, so that it can be saved before
/// anything is made, and is enough to [remove](Record::remove) whatever was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Who made the cgroup.
    pub driver: Driver,
    /// The absolute path of the container's directory by controller (`name=systemd` for systemd's
    /// hierarchy); cgroup2 has the empty name, and beside version 1 also those of its controllers.
    pub paths: BTreeMap<String, PathBuf>,
    /// Whether [`Cgroup::create`](super::Cgroup::create) succeeded. Until then the directory may be
    /// somebody else's, which create would refuse, so nothing in it is ever killed.
    #[serde(default, deserialize_with = "word_or_digit")]
    pub made: bool,
    /// A device filter that its user may not load is done without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rootless: bool,
}

/// A boolean, which is a digit while its record is changed in place: that is one byte in either case.
fn word_or_digit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Word(bool),
        Digit(u8),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Word(word) => word,
        Either::Digit(digit) => digit != 0,
    })
}

/// How cgroups are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// By the runtime itself, as directories.
    Cgroupfs,
    /// By systemd, as a transient unit.
    Systemd {
        /// The unit's name.
        unit: String,
        /// Which systemd's it is.
        #[serde(default, skip_serializing_if = "Manager::is_system")]
        manager: Manager,
    },
}

impl Plan {
    /// The record to save before [`Cgroup::create`](super::Cgroup::create) is called.
    pub fn record(&self) -> Record {
        let mut paths = BTreeMap::new();
        for directory in &self.directories {
            if directory.kind != Kind::V1 {
                paths.insert(String::new(), directory.path());
            }
            for controller in &directory.controllers {
                paths.insert(controller.clone(), directory.path());
            }
        }
        let driver = match &self.unit {
            None => Driver::Cgroupfs,
            Some(unit) => Driver::Systemd { unit: unit.name.clone(), manager: unit.manager },
        };
        Record { driver, paths, made: false, rootless: self.rootless }
    }
}

impl Record {
    /// The cgroups that a process is in now. A container that manages its own processes, as systemd does,
    /// moves its first one, and then the cgroup it was started in takes none any more.
    ///
    /// # Errors
    /// [`Error::Probe`] when the process is gone or the mounts cannot be read.
    pub fn of_process(pid: i32) -> Result<Record, Error> {
        let own = OwnCgroups::of_process(pid)?;
        let mut paths = BTreeMap::new();
        match Layout::probe()? {
            Layout::V2 { mount } => {
                paths.insert(String::new(), join(&mount, own.v2().unwrap_or("/"), "/"));
            }
            Layout::V1 { hierarchies, unified } => {
                for hierarchy in &hierarchies {
                    let Some(path) = own.v1(&hierarchy.controllers) else { continue };
                    let path = join(&hierarchy.mount, path, &hierarchy.root);
                    let each =
                        hierarchy.controllers.iter().map(|name| (name.clone(), path.clone()));
                    paths.extend(each);
                }
                if let (Some(unified), Some(path)) = (unified, own.v2()) {
                    let path = join(&unified.mount, path, "/");
                    paths.insert(String::new(), path.clone());
                    paths.extend(unified.controllers.into_iter().map(|name| (name, path.clone())));
                }
            }
        }
        Ok(Record { driver: Driver::Cgroupfs, paths, made: false, rootless: false })
    }

    /// The cgroups below the container's that `paths` name, as `[CONTROLLER[,CONTROLLER...]:]PATH` each; without a
    /// controller a path is meant for every hierarchy, and a hierarchy that none names stays as it is. A path is relative to the
    /// container's directory, however it begins.
    ///
    /// # Errors
    /// [`Error::SubCgroup`] for a controller that the container has no cgroup of, and for a path that leads out of its
    /// cgroup.
    pub fn below(&self, paths: &[String]) -> Result<Record, Error> {
        let mut below = Record { made: false, ..self.clone() };
        for given in paths {
            let refused = |reason| Error::SubCgroup { given: given.clone(), reason };
            let (controllers, path) = match given.split_once(':') {
                Some((controllers, path)) => (controllers, path),
                None => ("", given.as_str()),
            };
            let path = sub_path(path).ok_or_else(|| refused("it leads out of the container's"))?;
            if controllers.is_empty() {
                for (controller, directory) in &self.paths {
                    below.paths.insert(controller.clone(), directory.join(&path));
                }
                continue;
            }
            for controller in controllers.split(',') {
                let directory = self.paths.get(controller).filter(|_| !controller.is_empty());
                let directory =
                    directory.ok_or_else(|| refused("the container has no such controller"))?;
                below.paths.insert(controller.to_owned(), directory.join(&path));
            }
        }
        Ok(below)
    }

    /// One of the directories, for messages.
    pub(crate) fn first_path(&self) -> PathBuf {
        self.paths.values().next().cloned().unwrap_or_default()
    }

    /// Whether the container has none, since its user may make none or asked for none.
    pub(crate) fn is_none(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether it is on cgroup2 alone.
    pub(super) fn is_v2(&self) -> bool {
        self.paths.keys().all(String::is_empty)
    }

    /// The controllers of version 1 hierarchies, and those of cgroup2 beside them.
    pub(super) fn controllers(&self) -> (Vec<&str>, Vec<&str>) {
        let unified = self.paths.get("");
        let (mut v1, mut there) = (Vec::new(), Vec::new());
        for (name, path) in self.paths.iter().filter(|(name, _)| !name.is_empty()) {
            if Some(path) == unified { there.push(name.as_str()) } else { v1.push(name.as_str()) }
        }
        (v1, there)
    }

    /// Each directory once, with its controllers; cgroup2 alone has none.
    pub(super) fn hierarchies(&self) -> Vec<(Vec<String>, &Path)> {
        let controllers = |path: &Path| {
            let here = self.paths.iter().filter(|(name, there)| !name.is_empty() && *there == path);
            here.map(|(name, _)| name.clone()).collect()
        };
        self.directories().into_iter().map(|(_, path)| (controllers(path), path)).collect()
    }

    /// As [`Cgroup::is_frozen`](super::Cgroup::is_frozen), without opening any directory but the one that tells.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn is_frozen(&self) -> Result<bool, Error> {
        let freezer = self.paths.get("freezer").map(PathBuf::as_path);
        let directories = self.directories();
        let v1 = directories.iter().filter(|(_, path)| Some(*path) == freezer);
        let unified = directories.iter().filter(|(kind, _)| *kind != Kind::V1);
        for (kind, path) in v1.chain(unified) {
            match freezer::is_frozen_at(*kind, path) {
                Err(Error::Read { source, .. }) if is_gone(&source) => {}
                result => return result,
            }
        }
        Ok(false)
    }

    /// Each directory once.
    pub(super) fn directories(&self) -> Vec<(Kind, &Path)> {
        let is_v1 = self.paths.keys().any(|controller| !controller.is_empty());
        let mut directories: Vec<(Kind, &Path)> = Vec::new();
        for (controller, path) in &self.paths {
            let kind = match (controller.as_str(), is_v1) {
                ("", false) => Kind::V2,
                ("", true) => Kind::Unified,
                _ => Kind::V1,
            };
            if !directories.iter().any(|(_, known)| known == path) {
                directories.push((kind, path));
            }
        }
        directories
    }
}

/// A path relative to the container's cgroup; `None` when it climbs above it.
fn sub_path(path: &str) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if !clean.pop() => return None,
            ".." => {}
            part => clean.push(part),
        }
    }
    Some(clean)
}

/// A path of proc_pid_cgroup(5) below a mount that shows the hierarchy from `root` on.
fn join(mount: &Path, path: &str, root: &str) -> PathBuf {
    let path = Path::new(path);
    let below = path.strip_prefix(root).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
    mount.join(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_mounted_together_share_a_directory() {
        let paths = [("", "/u/x"), ("cpu", "/c/x"), ("cpuacct", "/c/x"), ("pids", "/p/x")];
        let paths = paths.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
        let record =
            Record { driver: Driver::Cgroupfs, paths: paths.into(), made: true, rootless: false };
        let expected = [(Kind::Unified, "/u/x"), (Kind::V1, "/c/x"), (Kind::V1, "/p/x")];
        assert_eq!(record.directories(), expected.map(|(kind, path)| (kind, Path::new(path))));
    }

    #[test]
    fn sub_cgroups_are_of_all_hierarchies_or_of_some() {
        let paths = [("", "/u/x"), ("cpu", "/c/x"), ("pids", "/p/x")];
        let paths = paths.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
        let record =
            Record { driver: Driver::Cgroupfs, paths: paths.into(), made: true, rootless: false };
        let below = |given: &str| {
            let below = record.below(&[given.to_owned()]);
            below.map(|record| record.paths.into_values().collect::<Vec<_>>())
        };
        let paths = |paths: [&str; 3]| paths.map(PathBuf::from).to_vec();
        for given in ["a/b", "/a/b", "./a//c/../b", ":a/b"] {
            assert_eq!(below(given).unwrap(), paths(["/u/x/a/b", "/c/x/a/b", "/p/x/a/b"]));
        }
        assert_eq!(below("cpu:a").unwrap(), paths(["/u/x", "/c/x/a", "/p/x"]));
        assert_eq!(below("cpu,pids:a").unwrap(), paths(["/u/x", "/c/x/a", "/p/x/a"]));
        for given in ["..", "a/../..", "../x/a", "memory:a", ",:a"] {
            assert!(matches!(below(given), Err(Error::SubCgroup { .. })), "{given}");
        }
    }

    #[test]
    fn a_unit_survives_json() {
        for (manager, expected) in [
            (Manager::System, r#"{"systemd":{"unit":"creel-x.scope"}}"#),
            (Manager::User, r#"{"systemd":{"unit":"creel-x.scope","manager":"user"}}"#),
        ] {
            let driver = Driver::Systemd { unit: "creel-x.scope".to_owned(), manager };
            let json = serde_json::to_string(&driver).unwrap();
            assert_eq!(json, expected);
            assert_eq!(serde_json::from_str::<Driver>(&json).unwrap(), driver);
        }
    }

    #[test]
    fn a_record_survives_json() {
        let paths = [(String::new(), PathBuf::from("/sys/fs/cgroup/x"))];
        let record =
            Record { driver: Driver::Cgroupfs, paths: paths.into(), made: false, rootless: false };
        let json = serde_json::to_string(&record).unwrap();
        let expected = r#"{"driver":"cgroupfs","paths":{"":"/sys/fs/cgroup/x"},"made":false}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        for (made, is_made) in [("0    ", false), ("1    ", true), ("true", true)] {
            let json = json.replace("false", made);
            assert_eq!(serde_json::from_str::<Record>(&json).unwrap().made, is_made, "{json}");
        }
    }
}
