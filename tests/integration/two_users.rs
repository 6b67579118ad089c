//! Two users, a container each: neither signals, reads, writes or learns anything of the other's through what
//! creel makes. Root stands in for both, and lets every directory that it makes itself be open to everybody, so that
//! only creel's own modes and owners are in the way.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::harness::{Bundle, Output, driver, needs_root, process_exists, runc_deviates, unless};

const FIRST: u32 = 61_185;
const SECOND: u32 = 61_186;

/// A user with a bundle and a state root.
struct User {
    uid: u32,
    bundle: Bundle,
}

impl User {
    fn new(uid: u32, name: &str) -> User {
        let bundle = Bundle::new(name).config(|c| {
            let own = json!([{"containerID": 0, "hostID": uid, "size": 1}]);
            c.push("/linux/namespaces", json!({"type": "user"}));
            c.set("/linux/uidMappings", own.clone());
            c.set("/linux/gidMappings", own);
            c.without_mount("/dev/pts");
            c.mount("devpts", "/dev/pts", "devpts", &["newinstance", "ptmxmode=0666"]);
            c.remove("/linux/cgroupsPath");
            c.remove("/linux/resources");
            c.probe(&["sleep", "600"]);
        });
        bundle.outside("out");
        own_all(&bundle.path(".."), uid);
        User { uid, bundle }
    }

    /// Where creel is told to write pid files and logs.
    fn out(&self, name: &str) -> PathBuf {
        self.bundle.outside("out").join(name)
    }

    /// creel on `whose` state root, as this user, with no umask that would help.
    fn creel(&self, whose: &User, words: &[&str]) -> Output {
        let uid = self.uid.to_string();
        let become_user = [
            "setpriv",
            "--reuid",
            &uid,
            "--regid",
            &uid,
            "--clear-groups",
            "--inh-caps=-all",
            "sh",
            "-c",
            "umask 0; exec \"$@\"",
            "sh",
        ];
        whose.bundle.wrapped(&become_user, words).output()
    }

    /// Any program, as this user.
    fn plain(&self, words: &[&str]) -> Output {
        let uid = self.uid.to_string();
        let become_user =
            ["setpriv", "--reuid", &uid, "--regid", &uid, "--clear-groups", "--inh-caps=-all"];
        self.bundle.plain(&[&become_user[..], words].concat()).output()
    }

    fn create(&self, id: &str) {
        let (pid_file, log) = (self.out("pid"), self.out("log"));
        let words = [
            "--debug",
            "--log",
            log.to_str().expect("UTF-8"),
            "create",
            "-b",
            &self.bundle.bundle_path(),
            "--pid-file",
            pid_file.to_str().expect("UTF-8"),
            id,
        ];
        let created = self.creel(self, &words);
        assert_eq!(created.code(), 0, "{}", created.stderr());
    }

    fn pid(&self) -> u32 {
        fs::read_to_string(self.out("pid")).expect("the pid file").parse().expect("a pid")
    }

    fn status(&self, id: &str) -> String {
        let state = self.creel(self, &["state", id]).ok().stdout();
        let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
        state["status"].as_str().expect("a status").to_owned()
    }
}

/// Everything below is the user's, and open to all.
fn own_all(path: &Path, uid: u32) {
    std::os::unix::fs::lchown(path, Some(uid), Some(uid)).expect("chown");
    if path.is_symlink() {
        return;
    }
    let mode = if path.is_dir() {
        0o755
    } else {
        0o644 | path.metadata().expect("metadata").mode() & 0o111
    };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory").flatten() {
            own_all(&entry.path(), uid);
        }
    }
}

/// All that is there, from a directory down.
fn all_below(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("a directory").flatten() {
            found.extend(all_below(&entry.path()));
        }
    }
    found
}

#[test]
fn what_creel_writes_is_its_users_alone() {
    needs_root!("it takes the part of two users");
    unless!(!driver::is_systemd(), "a user that root becomes has no systemd of its own");
    runc_deviates!("its files are others");
    let user = User::new(FIRST, "modes");
    user.create(&user.bundle.id);
    let root = user.bundle.root();
    let mut kinds = Vec::new();
    for path in all_below(&root).into_iter().skip(1) {
        let found = fs::symlink_metadata(&path).expect("metadata");
        assert_eq!((found.uid(), found.gid()), (FIRST, FIRST), "{}", path.display());
        let kind = found.file_type();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let mode = found.mode() & 0o7777;
        match () {
            () if kind.is_dir() => assert_eq!(mode, 0o700, "{name}"),
            () if kind.is_file() => assert_eq!(mode, 0o600, "{name}"),
            // Only who is let into the directory can connect.
            () => assert!(kind.is_socket(), "{name} is neither file nor socket"),
        }
        kinds.push(name);
    }
    kinds.sort();
    let mut expected =
        vec![user.bundle.id.clone(), "start.sock".to_owned(), "state.json".to_owned()];
    expected.sort();
    assert_eq!(kinds, expected);
    for name in ["pid", "log"] {
        let found = fs::metadata(user.out(name)).expect(name);
        assert_eq!((found.uid(), found.gid()), (FIRST, FIRST), "{name}");
        assert_eq!(found.mode() & 0o7777, 0o644, "{name}, though there was no umask");
    }
    user.creel(&user, &["delete", "--force", &user.bundle.id]).ok();
}

#[test]
fn neither_user_reaches_the_others_container() {
    needs_root!("it takes the part of two users");
    unless!(!driver::is_systemd(), "a user that root becomes has no systemd of its own");
    runc_deviates!("its files are others");
    let (first, second) = (User::new(FIRST, "first"), User::new(SECOND, "second"));
    for user in [&first, &second] {
        user.create(&user.bundle.id);
        user.creel(user, &["start", &user.bundle.id]).ok();
        user.create(&format!("{}-created", user.bundle.id));
    }
    for (user, other) in [(&first, &second), (&second, &first)] {
        let id = other.bundle.id.as_str();
        let created = format!("{id}-created");
        for words in [
            &["state", id][..],
            &["ps", "--format", "json", id],
            &["kill", id, "KILL"],
            &["kill", "--all", id, "KILL"],
            &["exec", id, "/bin/probe", "exit", "0"],
            &["pause", id],
            &["events", "--stats", id],
            &["update", "--pids-limit", "1", id],
            &["start", &created],
            &["delete", id],
            &["delete", "--force", id],
            &["delete", "--force", &created],
        ] {
            let output = user.creel(other, words);
            assert_ne!(output.code(), 0, "{words:?} worked");
            let said = format!("{}{}", output.stdout(), output.stderr());
            assert!(!said.contains("\"pid\""), "{words:?} told something: {said}");
        }
        let listed = user.creel(other, &["list", "--quiet"]).stdout();
        assert_eq!(listed.trim(), "", "the other's containers are listed");
        cannot_touch_files(user, other);
        cannot_touch_process(user, other.pid());
        assert_eq!(other.status(id), "running");
        assert_eq!(other.status(&created), "created");
    }
    for user in [&first, &second] {
        for id in [user.bundle.id.clone(), format!("{}-created", user.bundle.id)] {
            user.creel(user, &["delete", "--force", &id]).ok();
        }
    }
}

/// Neither by reading, nor by writing, nor by putting something else in its place. The root itself was made by the
/// test and is open, so that the names of containers show; with a root that creel makes they do not.
fn cannot_touch_files(user: &User, other: &User) {
    let root = other.bundle.root();
    for path in all_below(&root).into_iter().skip(1) {
        let path = path.to_str().expect("UTF-8");
        for words in [
            &["cat", path][..],
            &["ls", path],
            &["sh", "-c", "echo >> \"$0\"", path],
            &["rm", "-rf", path],
            &["mv", path, "/tmp/creel-taken"],
        ] {
            let is_entry = Path::new(path).parent() == Some(&root);
            let output = user.plain(words);
            // `ls` of a name in an open directory only repeats it.
            assert!(
                output.code() != 0 || (is_entry && words[0] == "ls" && output.stdout().is_empty()),
                "{words:?}"
            );
        }
        assert!(Path::new(path).exists(), "{path} is gone");
    }
    let own = root.join("creel-made");
    let output = user.plain(&["mkdir", own.to_str().expect("UTF-8")]);
    assert_ne!(output.code(), 0, "a container can be made in the other's root");
}

fn cannot_touch_process(user: &User, pid: u32) {
    let pid = pid.to_string();
    for file in ["environ", "mem", "maps"] {
        let path = format!("/proc/{pid}/{file}");
        assert_ne!(user.plain(&["head", "-c", "1", &path]).code(), 0, "{path} can be read");
    }
    for file in ["root/", "ns/mnt", "fd/"] {
        let path = format!("/proc/{pid}/{file}");
        assert_ne!(user.plain(&["ls", "-L", &path]).code(), 0, "{path} can be reached");
    }
    assert_ne!(user.plain(&["sh", "-c", "kill -KILL \"$0\"", &pid]).code(), 0);
    assert!(process_exists(pid.parse().expect("a pid")), "it was killed");
}

/// A root that creel makes tells nobody which containers there are; one that is somebody else's is not used.
#[test]
fn a_state_root_that_creel_makes_is_shut() {
    needs_root!("it takes the part of two users");
    runc_deviates!("its files are others");
    let (first, second) = (User::new(FIRST, "shut"), User::new(SECOND, "curious"));
    let xdg = first.bundle.outside("xdg");
    chown(&xdg, Some(FIRST), Some(FIRST)).expect("chown");
    fs::set_permissions(&xdg, fs::Permissions::from_mode(0o777)).expect("chmod");
    let program = crate::harness::runtime().to_str().expect("UTF-8").to_owned();
    let variable = format!("XDG_RUNTIME_DIR={}", xdg.display());
    let with_xdg =
        |user: &User, words: &[&str]| user.plain(&[&["env", &variable, &program], words].concat());
    with_xdg(&first, &["create", "-b", &first.bundle.bundle_path(), &first.bundle.id]).ok();
    let root = xdg.join("creel");
    let found = fs::metadata(&root).expect("the state root");
    assert_eq!((found.mode() & 0o7777, found.uid()), (0o1700, FIRST));
    assert_ne!(second.plain(&["ls", root.to_str().expect("UTF-8")]).code(), 0);
    for words in
        [&["list"][..], &["state", &first.bundle.id], &["delete", "--force", &first.bundle.id]]
    {
        let output = with_xdg(&second, words);
        output.refused(&["state root", "XDG_RUNTIME_DIR"]);
    }
    with_xdg(&first, &["delete", "--force", &first.bundle.id]).ok();
}
