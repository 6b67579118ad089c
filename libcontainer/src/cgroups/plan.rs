//! What is to be made and written for a container's cgroup: pure, from the configuration and the
//! host's [`Layout`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use oci_spec::runtime::LinuxResources;
use serde::Serialize;

use super::devices::{self, Filter};
use super::error::Error;
use super::layout::{Layout, OwnCgroups};
use super::path::Place;
use super::resources::{self, Writes};
use super::systemd::{self, Maker, Unit};

/// What a container asks of its cgroup.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The container's id: the name of its cgroup when there is no `cgroupsPath`.
    pub id: &'a str,
    /// `linux.cgroupsPath`.
    pub cgroups_path: Option<&'a Path>,
    /// `linux.resources`.
    pub resources: Option<&'a LinuxResources>,
}

/// Everything that is done to cgroups for one container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The container's directory in each hierarchy, in the order of making and entering.
    pub directories: Vec<Directory>,
    /// The BPF device filter; `None` where the writes below say it, or where all is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_filter: Option<Filter>,
    /// The user, by the id on the host, that the cgroup is given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// The unit to be started, where systemd makes the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Settings that mean nothing on this layout and are passed over, as runc does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<Ignored>,
    /// The runtime's own directory of each hierarchy in which the caller may make none: the container stays
    /// there, and is shown it read-only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<Directory>,
    /// Device rules that the caller may not set are no error, for no device can be made in any case.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rootless: bool,
}

impl Plan {
    /// systemd is told of device rules only by [`apply_device_rules`](super::Cgroup::apply_device_rules), not when it
    /// starts the unit.
    pub(crate) fn delay_device_rules(&mut self) {
        if let Some(unit) = &mut self.unit {
            unit.delay_devices();
        }
    }
}

/// The container's directory in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Directory {
    /// Which hierarchy.
    pub kind: Kind,
    /// Version 1: the controllers of the hierarchy, or `name=systemd`. cgroup2 beside version 1: those that only it
    /// has. Empty for cgroup2 alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<String>,
    /// The mount of the hierarchy.
    pub mount: PathBuf,
    /// Which directory of the hierarchy the mount shows; not `/` in a container.
    #[serde(skip)]
    pub root: String,
    /// The container's directory below it: relative, never empty, without `..`.
    pub below: PathBuf,
    /// The files to write there, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Write>,
}

/// The kind of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A version 1 hierarchy.
    V1,
    /// cgroup2 beside version 1 hierarchies: entered, and limited by the controllers that only it has.
    Unified,
    /// cgroup2 alone.
    V2,
}

/// One write to a file of a cgroup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The file's name in the container's directory.
    pub file: String,
    /// What is written.
    pub value: String,
    /// Where the configuration asks for it, such as `linux.resources.pids.limit`.
    pub json_path: String,
    /// What to do where the kernel does not have the file.
    #[serde(skip_serializing_if = "IfMissing::is_fail")]
    pub if_missing: IfMissing,
}

/// What to do where the kernel does not have the file of a [`Write`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum IfMissing {
    /// The limit cannot be set: an error.
    Fail,
    /// The value says what is so without the file.
    Skip,
    /// Another file does the same.
    Instead {
        /// The other file's name.
        file: String,
        /// What is written there.
        value: String,
    },
}

impl IfMissing {
    fn is_fail(&self) -> bool {
        *self == IfMissing::Fail
    }
}

/// A setting that is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ignored {
    /// The setting, such as `linux.resources.memory.swappiness`.
    pub json_path: String,
    /// Why it has no effect.
    pub reason: &'static str,
}

/// `linux.resources.memory.swappiness is ignored: cgroup2 has no such setting`.
impl std::fmt::Display for Ignored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is ignored: {}", self.json_path, self.reason)
    }
}

impl Directory {
    /// The absolute path of the container's directory.
    pub fn path(&self) -> PathBuf {
        self.mount.join(&self.below)
    }
}

/// Plan the cgroup of a container; nothing is read from or changed on the system
/// (config-linux.md, "Control groups").
///
/// An absolute `cgroupsPath` starts at the root of each hierarchy; a relative one, or the id where
/// there is none, at the cgroup of the runtime as `own` says (see
/// [`needs_own_cgroups`](super::path::needs_own_cgroups)). `..` never leads above the start.
///
/// # Errors
/// A path that names the root cgroup, a value that cannot be, and a limit whose controller the
/// layout does not have; each names its JSON path.
pub fn plan(request: &Request, layout: &Layout, own: &OwnCgroups) -> Result<Plan, Error> {
    let place = Place::new(request.cgroups_path, request.id)?;
    match layout {
        Layout::V2 { mount } => plan_v2(request, mount, place.below_v2(own)),
        Layout::V1 { hierarchies, unified } => {
            let rules = rules(request)?;
            let mut writes = Writes::default();
            devices::v1::plan(&rules, &mut writes)?;
            let v1 = hierarchies.iter().flat_map(|hierarchy| &hierarchy.controllers);
            let v1: Vec<_> = v1.map(String::as_str).collect();
            let there = unified.iter().flat_map(|unified| &unified.controllers);
            let there: Vec<_> = there.map(String::as_str).collect();
            if let Some(resources) = request.resources {
                resources::plan_hybrid(resources, (&v1, &there), &mut writes)?;
            }
            let mut directories = Vec::with_capacity(hierarchies.len() + 1);
            for hierarchy in hierarchies {
                directories.push(Directory {
                    kind: Kind::V1,
                    controllers: hierarchy.controllers.clone(),
                    mount: hierarchy.mount.clone(),
                    root: hierarchy.root.clone(),
                    below: place.below_v1(hierarchy, own),
                    writes: writes.take(&hierarchy.controllers),
                });
            }
            if let Some(unified) = unified {
                directories.push(Directory {
                    kind: Kind::Unified,
                    controllers: unified.controllers.clone(),
                    mount: unified.mount.clone(),
                    root: "/".to_owned(),
                    below: place.below_unified(own),
                    writes: writes.take(&unified.controllers),
                });
            }
            writes.check_none_left()?;
            Ok(Plan {
                directories,
                device_filter: None,
                owner: None,
                unit: None,
                ignored: writes.ignored,
                shared: Vec::new(),
                rootless: false,
            })
        }
    }
}

/// Plan the cgroup of a container that systemd makes, as a scope unit. `linux.cgroupsPath` is
/// `slice:prefix:name`; annotations `org.systemd.property.NAME` are further properties.
///
/// # Errors
/// As [`plan()`], and [`Error::Systemd`] for a path, an annotation or a layout that is not for systemd.
pub fn plan_systemd(
    request: &Request,
    annotations: Option<&HashMap<String, String>>,
    layout: &Layout,
    maker: &Maker,
) -> Result<Plan, Error> {
    systemd::plan(request, annotations, layout, maker)
}

/// The one directory of cgroup2.
pub(super) fn plan_v2(request: &Request, mount: &Path, below: PathBuf) -> Result<Plan, Error> {
    let rules = rules(request)?;
    let mut writes = Writes::default();
    if let Some(resources) = request.resources {
        resources::v2::plan(resources, &mut writes)?;
    }
    let directory = Directory {
        kind: Kind::V2,
        controllers: Vec::new(),
        mount: mount.to_owned(),
        root: "/".to_owned(),
        below,
        writes: writes.of_v2(),
    };
    Ok(Plan {
        directories: vec![directory],
        device_filter: Filter::new(&rules)?,
        owner: None,
        unit: None,
        ignored: writes.ignored,
        shared: Vec::new(),
        rootless: false,
    })
}

fn rules(request: &Request) -> Result<Vec<devices::Rule>, Error> {
    devices::rules(request.resources.and_then(|resources| resources.devices().as_deref()))
}
