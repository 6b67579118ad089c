//! From `linux.cgroupsPath` to a directory of each hierarchy.

use std::path::{Component, Path, PathBuf};

use super::error::Error;
use super::layout::{Hierarchy, OwnCgroups};
use super::plan::{Directory, Kind};

/// Whether [`plan`](super::plan::plan) needs [`OwnCgroups`]: an absolute `cgroupsPath` does without.
pub fn needs_own_cgroups(cgroups_path: Option<&Path>) -> bool {
    !cgroups_path.is_some_and(Path::is_absolute)
}

/// Where the container's cgroup is, before it is seen from one hierarchy.
pub(super) enum Place {
    /// From the root of each mount.
    Absolute(PathBuf),
    /// From the cgroup of the runtime.
    Relative(PathBuf),
}

impl Place {
    /// `linux.cgroupsPath`, or the container's id where there is none.
    pub(super) fn new(cgroups_path: Option<&Path>, id: &str) -> Result<Place, Error> {
        let given = cgroups_path.filter(|path| !path.as_os_str().is_empty());
        let path = given.unwrap_or(Path::new(id));
        let clean = clean(path);
        if clean.as_os_str().is_empty() {
            return Err(Error::RootCgroup { given: path.to_owned() });
        }
        Ok(if path.is_absolute() { Place::Absolute(clean) } else { Place::Relative(clean) })
    }

    /// The path below the cgroup2 mount. A relative one goes beside the runtime's own cgroup, not
    /// into it: a cgroup with processes cannot give controllers to its children.
    pub(super) fn below_v2(&self, own: &OwnCgroups) -> PathBuf {
        let beside = |own: &str| clean(Path::new(own).parent().unwrap_or(Path::new("/")));
        self.below(own.v2().map(beside))
    }

    /// The path below the cgroup2 mount of a hybrid host, where its controllers are not used.
    pub(super) fn below_unified(&self, own: &OwnCgroups) -> PathBuf {
        self.below(own.v2().map(|own| clean(Path::new(own))))
    }

    /// The path below the mount of a version 1 hierarchy: a relative one goes into the runtime's
    /// own cgroup, as far as the mount shows it.
    pub(super) fn below_v1(&self, hierarchy: &Hierarchy, own: &OwnCgroups) -> PathBuf {
        let shown = |own: &str| {
            let below = Path::new(own).strip_prefix(&hierarchy.root);
            below.map(clean).unwrap_or_default()
        };
        self.below(own.v1(&hierarchy.controllers).map(shown))
    }

    fn below(&self, own: Option<PathBuf>) -> PathBuf {
        match self {
            Place::Absolute(path) => path.clone(),
            Place::Relative(path) => own.unwrap_or_default().join(path),
        }
    }
}

/// Where the runtime itself is, below the directory's mount; empty when that is above what the mount shows.
pub(super) fn own_below(directory: &Directory, own: &OwnCgroups) -> PathBuf {
    let own = match directory.kind {
        Kind::V1 => own.v1(&directory.controllers).and_then(|own| {
            // /proc shows the path from the hierarchy's root, the mount may begin further down.
            Path::new(own).strip_prefix(&directory.root).ok()
        }),
        Kind::V2 | Kind::Unified => own.v2().map(Path::new),
    };
    own.map(clean).unwrap_or_default()
}

/// The path without a leading `/`, and with `..` resolved so that it cannot climb above its start.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Hierarchy {
        Hierarchy {
            controllers: vec!["memory".into()],
            mount: "/sys/fs/cgroup/memory".into(),
            root: "/".into(),
        }
    }

    /// What runc 1.1.5 made of the same paths, from /proc/PID/cgroup of its containers.
    #[test]
    fn paths_are_those_of_runc() {
        let own = OwnCgroups::parse("4:memory:/session/x\n0::/slice/own\n");
        let cases = [
            (Some("/a/b"), "a/b", "a/b", "a/b"),
            (Some("/a/../../y/z"), "y/z", "y/z", "y/z"),
            (Some("rel/x"), "session/x/rel/x", "slice/rel/x", "slice/own/rel/x"),
            (Some("../../rel/x"), "session/x/rel/x", "slice/rel/x", "slice/own/rel/x"),
            (None, "session/x/id", "slice/id", "slice/own/id"),
            (Some(""), "session/x/id", "slice/id", "slice/own/id"),
        ];
        for (given, v1, v2, unified) in cases {
            let place = Place::new(given.map(Path::new), "id").unwrap();
            assert_eq!(place.below_v1(&memory(), &own), Path::new(v1), "{given:?}");
            assert_eq!(place.below_v2(&own), Path::new(v2), "{given:?}");
            assert_eq!(place.below_unified(&own), Path::new(unified), "{given:?}");
        }
    }

    #[test]
    fn the_root_cgroup_is_refused() {
        for path in ["/", "/..", "..", ".", "/a/.."] {
            let place = Place::new(Some(Path::new(path)), "id");
            assert!(matches!(place, Err(Error::RootCgroup { .. })), "{path}");
        }
    }

    #[test]
    fn own_cgroup_is_seen_through_the_mounts_root() {
        let hierarchy = Hierarchy { root: "/docker/abc".into(), ..memory() };
        let place = Place::new(None, "id").unwrap();
        let inside = OwnCgroups::parse("4:memory:/docker/abc/sub\n");
        assert_eq!(place.below_v1(&hierarchy, &inside), Path::new("sub/id"));
        let outside = OwnCgroups::parse("4:memory:/../other\n");
        assert_eq!(place.below_v1(&hierarchy, &outside), Path::new("id"));
    }

    #[test]
    fn only_a_relative_path_needs_the_own_cgroups() {
        assert!(!needs_own_cgroups(Some(Path::new("/a"))));
        assert!(needs_own_cgroups(Some(Path::new("a"))));
        assert!(needs_own_cgroups(None));
    }
}
