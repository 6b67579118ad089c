//! The results as JSON: what `scale` writes, and `plot` reads.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{At, Error};
use crate::machine::Machine;
use crate::preflight::LeftOut;
use crate::runtime::Runtime;

/// The layout's version: raised when a reader would misunderstand a new file.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    format: u32,
    pub machine: Machine,
    /// Seconds since 1970.
    time: u64,
    pub runtimes: Vec<Measured>,
    pub left_out: Vec<LeftOut>,
    pub curves: Vec<Curve>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Measured {
    pub name: String,
    pub version: Option<String>,
}

/// One subject with one runtime.
#[derive(Serialize, Deserialize)]
pub(crate) struct Curve {
    pub subject: Subject,
    pub runtime: String,
    pub points: Vec<Point>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Point {
    /// How many there were of what grows.
    pub at: u32,
    /// In the subject's unit.
    pub median: f64,
    pub p10: f64,
    pub p90: f64,
    pub samples: usize,
}

/// What is measured, and what grows meanwhile. In ms; the throughput in containers a second.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    /// With that many containers alive, itself included.
    Create,
    Start,
    State,
    List,
    DeleteForce,
    /// `run` of /bin/true, with that many mounts on the host.
    RunByMounts,
    /// With that many cgroups beside its own.
    RunByCgroups,
    /// With that many devices, each with a rule, in its config.json.
    RunByDevices,
    /// Of `run`s, with that many creators at the same time.
    Throughput,
}

impl Subject {
    pub(crate) const ALL: [Self; 9] = [
        Self::Create,
        Self::Start,
        Self::State,
        Self::List,
        Self::DeleteForce,
        Self::RunByMounts,
        Self::RunByCgroups,
        Self::RunByDevices,
        Self::Throughput,
    ];
}

impl Record {
    pub(super) fn new(
        machine: Machine,
        runtimes: &[Runtime],
        left_out: Vec<LeftOut>,
        curves: Vec<Curve>,
    ) -> Self {
        let measured = |r: &Runtime| Measured { name: r.name.clone(), version: r.version.clone() };
        Self {
            format: FORMAT,
            time: machine.time,
            machine,
            runtimes: runtimes.iter().map(measured).collect(),
            left_out,
            curves,
        }
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|source| Error::Json { path: path.into(), source })?;
        fs::write(path, text + "\n").at("write", path)
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).at("read", path)?;
        serde_json::from_str(&text).map_err(|source| Error::Json { path: path.into(), source })
    }

    /// The points of one subject with one runtime, if it was measured.
    pub(crate) fn points(&self, subject: Subject, runtime: &str) -> &[Point] {
        let is_it = |curve: &&Curve| curve.subject == subject && curve.runtime == runtime;
        self.curves.iter().find(is_it).map_or(&[], |curve| &curve.points)
    }
}

impl Measured {
    /// For people: the name, and with what creel is compared the version too.
    pub(crate) fn label(&self) -> String {
        let version = self.version.as_deref().unwrap_or_default();
        let Some((program, number)) = version.split_once(" version ") else {
            return self.name.clone();
        };
        // What Debian adds says nothing here.
        let number = number.split('+').next().unwrap_or(number);
        if self.name == crate::runtime::CREEL {
            program.into()
        } else {
            format!("{program} {number}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short() {
        let label = |name: &str, version: Option<&str>| {
            Measured { name: name.into(), version: version.map(str::to_owned) }.label()
        };
        assert_eq!(label("floor", None), "floor");
        assert_eq!(label("creel", Some("creel version 0.1.0")), "creel");
        assert_eq!(label("crun13", Some("crun version 1.21")), "crun 1.21");
        assert_eq!(label("runc", Some("runc version 1.1.5+ds1")), "runc 1.1.5");
        assert_eq!(label("other", Some("9.9")), "other");
    }
}
