//! Which cgroup file systems this host shows, probed once and handed to planning.

use std::path::{Path, PathBuf};
use std::{fs, io};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::mountinfo;

/// Where every distribution mounts its cgroups.
const MOUNT: &str = "/sys/fs/cgroup";

/// The cgroup file systems of the host, as far as a container needs them (cgroups(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "version")]
pub enum Layout {
    /// cgroup2 alone, mounted at `mount`.
    V2 {
        /// Absolute path of the mount.
        mount: PathBuf,
    },
    /// Version 1 hierarchies; with `unified` the layout that is called hybrid.
    V1 {
        /// Every hierarchy that carries controllers, and `name=systemd`, in mount order.
        hierarchies: Vec<Hierarchy>,
        /// cgroup2 beside them.
        unified: Option<Unified>,
    },
}

/// cgroup2 beside version 1 hierarchies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unified {
    /// Absolute path of the mount.
    pub mount: PathBuf,
    /// The controllers that no version 1 hierarchy has, so that limits are set here; mostly none.
    pub controllers: Vec<String>,
}

/// One version 1 hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hierarchy {
    /// The controllers mounted together, or the single entry `name=systemd`.
    pub controllers: Vec<String>,
    /// Absolute path of the mount.
    pub mount: PathBuf,
    /// The directory of the hierarchy that the mount shows (field 4 of proc_pid_mountinfo(5)).
    pub root: String,
}

impl Layout {
    /// Probe the host: one statfs(2) where cgroup2 is alone, otherwise one reading of
    /// `/proc/self/mountinfo`.
    ///
    /// # Errors
    /// [`Error::Probe`] when a file cannot be read, [`Error::NoCgroups`] when nothing is mounted.
    pub fn probe() -> Result<Layout, Error> {
        let v2 = statfs(MOUNT).is_ok_and(|s| s.filesystem_type() == CGROUP2_SUPER_MAGIC);
        if v2 {
            return Ok(Layout::V2 { mount: PathBuf::from(MOUNT) });
        }
        let path = Path::new("/proc/self/mountinfo");
        let text = fs::read_to_string(path).map_err(|source| probe_error(path, source))?;
        let mut layout = Layout::from_mountinfo(&text).ok_or(Error::NoCgroups)?;
        if let Layout::V1 { unified: Some(unified), .. } = &mut layout {
            let file = unified.mount.join("cgroup.controllers");
            let list = fs::read_to_string(&file).map_err(|source| probe_error(&file, source))?;
            unified.controllers = list.split_whitespace().map(str::to_owned).collect();
        }
        Ok(layout)
    }

    /// The layout that a text of proc_pid_mountinfo(5) describes, which does not tell the controllers of cgroup2;
    /// `None` without any cgroup mount.
    pub fn from_mountinfo(text: &str) -> Option<Layout> {
        let mounts: Vec<_> = mountinfo::cgroup_mounts(text).collect();
        let mut hierarchies: Vec<Hierarchy> = Vec::new();
        for mount in mounts.iter().filter(|m| m.v1) {
            let controllers = mount.controllers();
            if !is_wanted(&controllers) {
                continue;
            }
            let found =
                Hierarchy { controllers, mount: mount.path.clone(), root: mount.root.into() };
            match hierarchies.iter_mut().find(|h| h.controllers == found.controllers) {
                None => hierarchies.push(found),
                Some(known) if is_usual(&found.mount) && !is_usual(&known.mount) => *known = found,
                Some(_) => {}
            }
        }
        let mut v2 = mounts.iter().filter(|m| !m.v1).map(|m| m.path.clone());
        if hierarchies.is_empty() {
            return v2.next().map(|mount| Layout::V2 { mount });
        }
        let unified = v2.find(|path| is_usual(path));
        let unified = unified.map(|mount| Unified { mount, controllers: Vec::new() });
        Some(Layout::V1 { hierarchies, unified })
    }
}

/// The cgroups that a process is in (proc_pid_cgroup(5)); a relative `cgroupsPath` starts there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnCgroups {
    /// As it was read: a host with version 1 has a dozen lines, of which most starts need one.
    text: String,
}

impl OwnCgroups {
    /// The cgroups of the calling process.
    ///
    /// # Errors
    /// [`Error::Probe`] when `/proc/self/cgroup` cannot be read.
    pub fn read() -> Result<OwnCgroups, Error> {
        OwnCgroups::read_file(Path::new("/proc/self/cgroup"))
    }

    /// The cgroups of another process.
    pub(super) fn of_process(pid: i32) -> Result<OwnCgroups, Error> {
        OwnCgroups::read_file(Path::new(&format!("/proc/{pid}/cgroup")))
    }

    fn read_file(path: &Path) -> Result<OwnCgroups, Error> {
        let text = fs::read_to_string(path).map_err(|source| probe_error(path, source))?;
        Ok(OwnCgroups { text })
    }

    /// From a text of proc_pid_cgroup(5); lines of another form are passed over.
    pub fn parse(text: &str) -> OwnCgroups {
        OwnCgroups { text: text.to_owned() }
    }

    /// Controllers and path of each hierarchy.
    fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'))
    }

    /// The path in the version 1 hierarchy of `controllers`.
    pub(super) fn v1(&self, controllers: &[String]) -> Option<&str> {
        let shared =
            |names: &str| names.split(',').any(|name| controllers.iter().any(|c| c == name));
        self.entries().find(|(names, _)| shared(names)).map(|(_, path)| path)
    }

    /// The path in the cgroup2 hierarchy.
    pub(super) fn v2(&self) -> Option<&str> {
        self.entries().find(|(names, _)| names.is_empty()).map(|(_, path)| path)
    }
}

/// Named hierarchies other than systemd's belong to somebody else.
fn is_wanted(controllers: &[String]) -> bool {
    !controllers.is_empty()
        && controllers.iter().all(|c| !c.starts_with("name=") || c == "name=systemd")
}

fn is_usual(mount: &Path) -> bool {
    mount.starts_with(MOUNT)
}

fn probe_error(path: &Path, source: io::Error) -> Error {
    Error::Probe { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/elogind rw - cgroup cgroup rw,xattr,name=elogind
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
50 31 0:32 / /mnt/a\\040copy rw,relatime - cgroup cgroup rw,memory
";

    #[test]
    fn hybrid_is_read_from_mountinfo() {
        let Some(Layout::V1 { hierarchies, unified }) = Layout::from_mountinfo(HYBRID) else {
            panic!("not v1");
        };
        let names: Vec<_> = hierarchies.iter().map(|h| h.controllers.join(",")).collect();
        assert_eq!(names, ["cpu,cpuacct", "memory", "name=systemd"]);
        assert_eq!(hierarchies[1].root, "/docker/abc");
        assert_eq!(hierarchies[1].mount, Path::new("/sys/fs/cgroup/memory"));
        assert_eq!(unified.unwrap().mount, Path::new("/sys/fs/cgroup/unified"));
    }

    #[test]
    fn the_usual_mount_is_preferred_to_one_listed_before() {
        let text = "\
50 31 0:32 / /mnt/a\\040copy rw,relatime - cgroup cgroup rw,memory
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
51 31 0:33 / /mnt/p\\040ids rw,relatime - cgroup cgroup rw,pids
";
        let Some(Layout::V1 { hierarchies, unified: None }) = Layout::from_mountinfo(text) else {
            panic!("not pure v1");
        };
        let mounts: Vec<_> = hierarchies.iter().map(|h| h.mount.to_str()).collect();
        assert_eq!(mounts, [Some("/sys/fs/cgroup/memory"), Some("/mnt/p ids")]);
    }

    #[test]
    fn no_hierarchy_is_no_layout() {
        assert_eq!(Layout::from_mountinfo("23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"), None);
    }

    #[test]
    fn cgroup2_may_be_mounted_elsewhere() {
        let layout = Layout::from_mountinfo("9 1 0:5 / /cgroup2 rw - cgroup2 none rw\n");
        assert_eq!(layout, Some(Layout::V2 { mount: "/cgroup2".into() }));
    }

    #[test]
    fn own_cgroups_are_found_by_controller() {
        let own = OwnCgroups::parse("4:cpu,cpuacct:/a:b\n1:name=systemd:/s\n0::/u\nnonsense\n");
        assert_eq!(own.v1(&["cpuacct".into()]), Some("/a:b"));
        assert_eq!(own.v1(&["pids".into()]), None);
        assert_eq!(own.v2(), Some("/u"));
    }
}
