//! What is compared, and what each one's command lines are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::{Action, Options};
use crate::error::Error;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Has runc's command line.
    Oci,
    /// The floor program.
    Floor,
    /// The empty program: takes no part in a container.
    Empty,
}

#[derive(Debug)]
pub(crate) struct Runtime {
    pub name: String,
    pub path: PathBuf,
    pub kind: Kind,
    /// The first line of `--version`.
    pub version: Option<String>,
}

/// The name under which ratios are taken against the floor.
pub(crate) const FLOOR: &str = "floor";
/// The name of the runtime that the others are compared with.
pub(crate) const CREEL: &str = "creel";
const EMPTY: &str = "empty";

impl Runtime {
    /// Whether the others are set in ratio to this one.
    pub(crate) fn is_reference(&self) -> bool {
        self.kind == Kind::Floor || self.is_comparison()
    }

    /// Whether this is one of those that creel is compared with.
    pub(crate) fn is_comparison(&self) -> bool {
        self.kind == Kind::Oci && self.name != CREEL
    }
}

/// The runtimes of this run, each looked at once. The floor comes first: the rest is checked
/// against its container.
pub(crate) fn selected(options: &Options) -> Result<Vec<Runtime>, Error> {
    if matches!(options.action, Action::FloorTrace { .. }) {
        return Ok(Vec::new());
    }
    let mut chosen: Vec<(&str, &Path)> = Vec::new();
    for (name, path) in &options.runtimes {
        chosen.retain(|(other, _)| other != name);
        chosen.push((name, path));
    }
    chosen.retain(|(name, _)| !options.skip.iter().any(|skipped| skipped == name));
    if matches!(options.action, Action::Budget { .. }) {
        chosen.retain(|(name, _)| *name == CREEL);
    }
    chosen.sort_by_key(|(name, _)| match *name {
        FLOOR => 0,
        EMPTY => 1,
        CREEL => 2,
        _ => 3,
    });
    chosen.into_iter().map(|(name, path)| look(name, path)).collect()
}

/// The one that all this is about.
pub(crate) fn creel(runtimes: &[Runtime]) -> Result<&Runtime, Error> {
    let missing =
        || Error::NoRuntime { name: CREEL.into(), path: CREEL.into(), hint: "it was left out" };
    runtimes.iter().find(|runtime| runtime.name == CREEL).ok_or_else(missing)
}

fn look(name: &str, path: &Path) -> Result<Runtime, Error> {
    let kind = match name {
        FLOOR => Kind::Floor,
        EMPTY => Kind::Empty,
        _ => Kind::Oci,
    };
    let hint = if name == CREEL { "build it with hack/build" } else { "install it" };
    let missing = || Error::NoRuntime { name: name.into(), path: path.into(), hint };
    let path = path.canonicalize().map_err(|_| missing())?;
    let version = if kind == Kind::Oci { Some(version(&path).ok_or_else(missing)?) } else { None };
    Ok(Runtime { name: name.into(), path, kind, version })
}

fn version(path: &Path) -> Option<String> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = text.lines().next().unwrap_or("").trim().to_owned();
    output.status.success().then_some(first)
}
