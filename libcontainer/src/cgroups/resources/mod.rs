//! From `linux.resources` to file writes, for version 1 and version 2.

mod convert;
pub(super) mod v1;
pub(super) mod v2;

use oci_spec::runtime::LinuxResources;

use super::error::Error;
use super::plan::{IfMissing, Ignored, Write};

/// Plan every resource but devices for a host with version 1 hierarchies: `controllers` are theirs, and those that only
/// cgroup2 beside them has. What those limit is planned as cgroup2 has it.
pub(super) fn plan_hybrid(
    resources: &LinuxResources,
    (v1, unified): (&[&str], &[&str]),
    writes: &mut Writes,
) -> Result<(), Error> {
    v1::plan(resources, writes)?;
    let is_moved = |controller: &str| {
        let names = [controller, if controller == "blkio" { "io" } else { controller }];
        !v1.contains(&controller) && names.iter().any(|name| unified.contains(name))
    };
    if !writes.list.iter().any(|(controller, _)| is_moved(controller)) {
        return Ok(());
    }
    writes.list.retain(|(controller, _)| !is_moved(controller));
    let mut moved = resources.clone();
    moved.set_network(None);
    if !is_moved("memory") {
        moved.set_memory(None);
    }
    let mut there = Writes::default();
    v2::plan(&moved, &mut there)?;
    there
        .list
        .retain(|(controller, _)| is_moved(if *controller == "io" { "blkio" } else { controller }));
    writes.list.append(&mut there.list);
    there.ignored.retain(|ignored| !writes.ignored.contains(ignored));
    writes.ignored.append(&mut there.ignored);
    Ok(())
}

/// The writes of a plan while it is being made, each with the controller that it belongs to.
#[derive(Default)]
pub(super) struct Writes {
    list: Vec<(&'static str, Write)>,
    pub(super) ignored: Vec<Ignored>,
}

impl Writes {
    pub(super) fn push(
        &mut self,
        controller: &'static str,
        file: impl Into<String>,
        value: impl ToString,
        json_path: impl Into<String>,
    ) -> &mut Write {
        let (file, json_path) = (file.into(), json_path.into());
        let write =
            Write { file, value: value.to_string(), json_path, if_missing: IfMissing::Fail };
        self.list.push((controller, write));
        let last = self.list.len() - 1;
        &mut self.list[last].1
    }

    fn ignore(&mut self, json_path: &str, reason: &'static str) {
        self.ignored.push(Ignored { json_path: json_path.to_owned(), reason });
    }

    /// Whether the very same write is among them.
    pub(super) fn contains(&self, write: &Write) -> bool {
        self.list.iter().any(|(_, known)| known == write)
    }

    /// Leave only the writes for which `keep` is true.
    pub(super) fn retain(&mut self, keep: impl Fn(&Write) -> bool) {
        self.list.retain(|(_, write)| keep(write));
    }

    /// All writes: cgroup2 has one directory for every controller.
    pub(super) fn of_v2(&mut self) -> Vec<Write> {
        self.list.drain(..).map(|(_, write)| write).collect()
    }

    /// Take out the writes that belong to these controllers, in order.
    pub(super) fn take(&mut self, controllers: &[String]) -> Vec<Write> {
        let here = |entry: &(&str, Write)| controllers.iter().any(|c| c == entry.0);
        let (taken, left) = self.list.drain(..).partition(here);
        self.list = left;
        let taken: Vec<(&str, Write)> = taken;
        taken.into_iter().map(|(_, write)| write).collect()
    }

    /// What no hierarchy took needs a controller that the host does not have.
    pub(super) fn check_none_left(&self) -> Result<(), Error> {
        match self.list.first() {
            None => Ok(()),
            Some((controller, write)) => Err(Error::MissingController {
                controller: (*controller).to_owned(),
                json_path: write.json_path.clone(),
            }),
        }
    }
}

/// `json_path` with a value that cannot be.
fn invalid(json_path: impl Into<String>, found: impl ToString, allowed: &'static str) -> Error {
    Error::Invalid { json_path: json_path.into(), found: found.to_string(), allowed }
}

/// The size in a hugetlb file's name, which is a file name: `2MB`, `1GB`, `64KB`.
fn check_page_size(size: &str, index: usize) -> Result<(), Error> {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let unit = &size[digits.len()..];
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number && !digits.starts_with('0') && matches!(unit, "KB" | "MB" | "GB") {
        return Ok(());
    }
    let path = format!("linux.resources.hugepageLimits[{index}].pageSize");
    Err(invalid(path, size, "a size such as 64KB, 2MB or 1GB"))
}
