//! Making a container's cgroup.

use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::cgroup::Cgroup;
use super::dir::{self, Dir};
use super::error::Error;
use super::plan::{Directory, Kind, Plan};
use super::systemd::Unit;
use super::{controllers, cpuset, threaded};

/// How often a parent may vanish under our hands, when others remove what they see empty.
const ATTEMPTS: usize = 3;

impl Cgroup {
    /// Make the container's directory in every hierarchy, with those above it that are missing; on
    /// version 2 enable the controllers on the way down, on version 1 hand the cpuset down.
    ///
    /// No limit is set and no process moved; see [`apply`](Cgroup::apply) and
    /// [`enter`](Cgroup::enter).
    ///
    /// # Errors
    /// A directory that was there already and has processes or is frozen is refused. Whatever fails,
    /// the directories that were made are removed again.
    pub fn create(plan: &Plan) -> Result<Cgroup, Error> {
        let mut made = Made::default();
        let mut dirs = Vec::with_capacity(plan.directories.len());
        for directory in &plan.directories {
            dirs.push(make_directory(directory, &mut made)?);
        }
        made.keep();
        let mut record = plan.record();
        record.made = true;
        Ok(Cgroup::new(record, dirs))
    }
}

impl Cgroup {
    /// Start the plan's unit with the process in it: systemd makes the directory. No limit but those
    /// that systemd knows is set; see [`apply`](Cgroup::apply).
    ///
    /// # Errors
    /// [`Error::Systemd`]. A unit of the same name that is in use is left alone; whatever else fails, the
    /// unit is stopped again.
    pub fn start_unit(plan: &Plan, unit: &Unit, pid: i32) -> Result<Cgroup, Error> {
        unit.start(pid)?;
        let mut record = plan.record();
        record.made = true;
        let opened = Cgroup::open(record.clone()).and_then(|cgroup| {
            enable_controllers(plan)?;
            match cgroup.is_whole() {
                true => Ok(cgroup),
                false => Err(Error::Gone { path: plan.directories[0].path() }),
            }
        });
        if opened.is_err() {
            // The first error is the one that counts.
            let _ = super::systemd::stop(&unit.name, unit.manager);
        }
        opened
    }
}

/// Those too that systemd does not know: hugetlb, rdma, misc.
fn enable_controllers(plan: &Plan) -> Result<(), Error> {
    for directory in &plan.directories {
        let path = directory.path();
        let parent = path.parent().unwrap_or(&directory.mount).to_owned();
        controllers::enable(&directory.mount, &Dir::open(Kind::V2, parent)?)?;
    }
    Ok(())
}

fn make_directory(directory: &Directory, made: &mut Made) -> Result<Dir, Error> {
    let path = directory.path();
    let parent = path.parent().unwrap_or(&directory.mount);
    for _ in 1..ATTEMPTS {
        match make_once(directory, parent, &path, made) {
            Err(error) if is_vanished(&error) => {}
            result => return result,
        }
    }
    make_once(directory, parent, &path, made)
}

fn make_once(
    directory: &Directory,
    parent: &Path,
    path: &Path,
    made: &mut Made,
) -> Result<Dir, Error> {
    make_parents(&directory.mount, parent, made)?;
    // Beside version 1 only what is used: a cgroup that hands controllers down takes no processes itself.
    if directory.kind == Kind::V2
        || (directory.kind == Kind::Unified && !directory.writes.is_empty())
    {
        let parent = Dir::open(directory.kind, parent.to_owned())?;
        controllers::enable(&directory.mount, &parent)?;
    }
    let is_new = made.make(path)?;
    let dir = Dir::open(directory.kind, path.to_owned())?;
    if !is_new {
        refuse_occupied(&dir)?;
        if directory.kind != Kind::V1 && threaded::is_divided(&dir)? {
            return Err(Error::Divided { path: dir.path });
        }
    }
    // A new cgroup is frozen or threaded when one above it is.
    if !is_new || parent != directory.mount {
        refuse_frozen(&dir, directory)?;
        if directory.kind != Kind::V1 {
            threaded::join(&dir, directory)?;
        }
    }
    if directory.kind == Kind::V1 && directory.controllers.iter().any(|c| c == "cpuset") {
        cpuset::hand_down(&directory.mount, &directory.below)?;
    }
    Ok(dir)
}

/// Nearly always the parent is there, or only its last part is missing.
fn make_parents(mount: &Path, path: &Path, made: &mut Made) -> Result<(), Error> {
    if path == mount {
        return Ok(());
    }
    match made.make(path) {
        Err(error) if is_vanished(&error) => {
            make_parents(mount, path.parent().unwrap_or(mount), made)?;
            made.make(path).map(drop)
        }
        result => result.map(drop),
    }
}

fn refuse_occupied(dir: &Dir) -> Result<(), Error> {
    match super::pids::is_occupied(&dir.path)? {
        true => {
            Err(Error::Occupied { path: dir.path.clone(), pids: super::pids::below(&dir.path)? })
        }
        false => Ok(()),
    }
}

fn refuse_frozen(dir: &Dir, directory: &Directory) -> Result<(), Error> {
    let can_freeze = directory.kind != Kind::V1
        || directory.controllers.iter().any(|controller| controller == "freezer");
    match can_freeze && super::freezer::is_frozen(dir)? {
        true => Err(Error::Frozen { path: dir.path.clone() }),
        false => Ok(()),
    }
}

fn is_vanished(error: &Error) -> bool {
    match error {
        Error::Make { source, .. } | Error::Read { source, .. } => dir::is_gone(source),
        _ => false,
    }
}

/// The directories made so far; dropped before the end, they are removed again.
#[derive(Default)]
struct Made {
    paths: Vec<PathBuf>,
}

impl Made {
    fn make(&mut self, path: &Path) -> Result<bool, Error> {
        let is_new = dir::make(path)
            .map_err(|errno: Errno| Error::Make { path: path.to_owned(), source: errno.into() })?;
        if is_new {
            self.paths.push(path.to_owned());
        }
        Ok(is_new)
    }

    fn keep(mut self) {
        self.paths.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.paths.iter().rev() {
            // What is in use by now is somebody else's concern as well.
            let _ = std::fs::remove_dir(path);
        }
    }
}
