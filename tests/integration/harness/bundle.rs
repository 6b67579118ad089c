//! A bundle in a fresh directory, which is gone when the test is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::leftovers::Leftovers;
use super::{Cmd, Config, cgroup, driver, probe, rootless, runtime};

/// The common case in the constructor: a rootfs with the probe in it, and runc's default config.
///
/// ```text
/// <dir>/bundle/config.json
/// <dir>/bundle/rootfs/bin/probe
/// <dir>/root/                the runtime's --root
/// <dir>/io/                  what the commands printed
/// ```
///
/// When it is dropped, the container is deleted by force and nothing may be left of it: no mount,
/// no cgroup, no process, no state.
pub(crate) struct Bundle {
    /// The container's id; all ids a test uses begin with it.
    pub(crate) id: String,
    pub(crate) config: Config,
    dir: PathBuf,
    /// What the test mounted on the host; unmounted at the end.
    mounts: Vec<PathBuf>,
}

impl Bundle {
    pub(crate) fn new(name: &str) -> Bundle {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let id = format!("ct{}-{number}-{name}", std::process::id());
        let dir = temporary_directory().join(&id);
        for part in ["bundle/rootfs/bin", "root", "io"] {
            fs::create_dir_all(dir.join(part)).expect("the test's directory");
        }
        let mut config = Config::new(&driver::cgroups_path(&id));
        if rootless::is_rootless() {
            let ranges = rootless::has_ranges();
            assert!(
                ranges,
                "the tests need a range of ids in /etc/subuid and /etc/subgid for this user"
            );
            rootless::adapt(&mut config);
        }
        let bundle = Bundle { id, config, dir, mounts: Vec::new() };
        for place in ["proc", "dev", "sys", "tmp"] {
            fs::create_dir(bundle.rootfs(place)).expect("a directory in the rootfs");
        }
        fs::copy(probe::probe(), bundle.rootfs("bin/probe")).expect("the probe into the rootfs");
        bundle.write_config();
        cgroup::enter();
        bundle
    }

    /// Changes config.json.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Bundle {
        self.reconfigure(change);
        self
    }

    /// Changes config.json, of a bundle that was used already.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.write_config();
    }

    fn write_config(&self) {
        let mut config = self.config.0.clone();
        // The test has to notice.
        creel_conformance::take_out(&mut config);
        let text = serde_json::to_vec_pretty(&config).expect("JSON");
        fs::write(self.path("config.json"), text).expect("config.json");
    }

    /// Puts busybox and a link for each of its applets into the rootfs.
    pub(crate) fn busybox(self) -> Bundle {
        let busybox = self.rootfs("bin/busybox");
        fs::copy("/bin/busybox", &busybox).expect("busybox-static");
        // The original: the copy is busy while a process that another test just forked has it open for writing.
        let list = Cmd::new(&["/bin/busybox", "--list"], &self.io()).ok().stdout();
        for applet in list.lines().filter(|a| *a != "busybox") {
            std::os::unix::fs::symlink("busybox", self.rootfs("bin").join(applet)).expect("link");
        }
        self
    }

    /// A file in the rootfs, executable when it begins with `#!`.
    pub(crate) fn file(self, path: &str, text: &str) -> Bundle {
        let file = self.rootfs(path);
        fs::create_dir_all(file.parent().expect("a parent")).expect("directory");
        fs::write(&file, text).expect("file");
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("mode");
        self
    }

    /// A directory in the rootfs.
    pub(crate) fn dir(self, path: &str) -> Bundle {
        fs::create_dir_all(self.rootfs(path)).expect("directory");
        self
    }

    /// A symbolic link in the rootfs.
    pub(crate) fn link(self, path: &str, target: &str) -> Bundle {
        let link = self.rootfs(path);
        fs::create_dir_all(link.parent().expect("a parent")).expect("directory");
        std::os::unix::fs::symlink(target, link).expect("link");
        self
    }

    /// Lets a mapped root reach the bundle: it is nobody on the host.
    pub(crate) fn reachable(&self) {
        for path in [self.path(".."), self.path(""), self.rootfs("")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
        }
    }

    /// Makes a directory outside the bundle that the test may mount or let hooks write to.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        let dir = self.dir.join(name);
        fs::create_dir_all(&dir).expect("directory");
        dir
    }

    /// Mounts a tmpfs on the host for the length of the test.
    pub(crate) fn mount_tmpfs(&mut self, at: &Path, flags: MsFlags, data: &str) {
        mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(data)).expect("mount tmpfs");
        self.mounts.push(at.to_owned());
    }

    fn unmount(&mut self) {
        for at in self.mounts.drain(..).rev() {
            umount2(&at, MntFlags::MNT_DETACH).expect("umount");
        }
    }

    /// A path in the bundle.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.join("bundle").join(relative)
    }

    /// The bundle's path as text.
    pub(crate) fn bundle_path(&self) -> String {
        self.path("").to_str().expect("UTF-8").to_owned()
    }

    /// A path in the root file system, as the host sees it.
    pub(crate) fn rootfs(&self, relative: &str) -> PathBuf {
        self.path("rootfs").join(relative.trim_start_matches('/'))
    }

    /// The runtime's state root.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    pub(super) fn io(&self) -> PathBuf {
        self.dir.join("io")
    }

    /// The path of the container's cgroup in every hierarchy.
    pub(crate) fn cgroup(&self) -> String {
        driver::cgroup_of(&self.id)
    }

    /// A command of the runtime, `--root` put before it.
    pub(crate) fn cmd(&self, words: &[&str]) -> Cmd {
        let root = self.root();
        let root = root.to_str().expect("UTF-8");
        let program = runtime().to_str().expect("UTF-8");
        Cmd::new(&[&[program, "--root", root], driver::options(), words].concat(), &self.io())
    }

    /// Any program.
    pub(crate) fn plain(&self, words: &[&str]) -> Cmd {
        Cmd::new(words, &self.io())
    }

    /// Any program, with the runtime's command line for `words` after it.
    pub(crate) fn wrapped(&self, wrapper: &[&str], words: &[&str]) -> Cmd {
        let root = self.root();
        let root = root.to_str().expect("UTF-8");
        let program = runtime().to_str().expect("UTF-8");
        Cmd::new(
            &[wrapper, &[program, "--root", root], driver::options(), words].concat(),
            &self.io(),
        )
    }

    /// Nothing of any container of this bundle is there.
    #[track_caller]
    pub(crate) fn assert_nothing_left(&self) {
        let found = self.leftovers();
        assert_eq!(found, Leftovers::default(), "left behind");
    }

    fn leftovers(&self) -> Leftovers {
        Leftovers::find_settled(&self.dir.join("bundle"), &self.id, &self.root())
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let mut said = String::new();
        for id in self.ids() {
            said += &self.cmd(&["delete", "--force", &id]).output().stderr();
        }
        self.unmount();
        let found = self.leftovers();
        found.sweep();
        cgroup::leave();
        let removed = fs::remove_dir_all(&self.dir);
        if !std::thread::panicking() {
            removed.expect("the test's directory can be removed");
            assert_eq!(found, Leftovers::default(), "left behind after delete --force: {said}");
        }
    }
}

impl Bundle {
    /// Every container in the state root.
    fn ids(&self) -> Vec<String> {
        let Ok(list) = fs::read_dir(self.root()) else { return Vec::new() };
        list.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect()
    }
}

fn temporary_directory() -> PathBuf {
    let dir = std::env::var_os("CREEL_TEST_TMP").map_or_else(std::env::temp_dir, PathBuf::from);
    Path::canonicalize(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
}
