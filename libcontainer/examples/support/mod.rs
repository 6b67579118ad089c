// A bundle to try the library with: a root file system with busybox in a directory of its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use libcontainer::spec::{DefaultConfig, Spec};

/// Gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Bundle {
    directory: PathBuf,
}

impl Bundle {
    /// `None`, and a line that says so, where no container can be made.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub(crate) fn new(name: &str) -> io::Result<Option<Bundle>> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if let Some(reason) = why_not() {
            skip(name, reason)?;
            return Ok(None);
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("creel-{name}-{}-{number}", std::process::id());
        let bundle = Bundle { directory: std::env::temp_dir().join(unique) };
        for directory in ["proc", "dev", "sys", "tmp", "bin"] {
            fs::create_dir_all(bundle.path().join("rootfs").join(directory))?;
        }
        let bin = bundle.path().join("rootfs/bin");
        fs::copy("/bin/busybox", bin.join("busybox"))?;
        for applet in ["sh", "cat", "sleep", "true", "false", "ls", "stty", "tty", "yes"] {
            std::os::unix::fs::symlink("busybox", bin.join(applet))?;
        }
        Ok(Some(bundle))
    }

    /// The id of a container, which is nobody else's on this host.
    pub(crate) fn id(&self, name: &str) -> String {
        let directory = self.directory.file_name().unwrap_or_default();
        format!("{}-{name}", directory.to_string_lossy())
    }

    /// The bundle directory.
    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    /// Where the state of its containers goes.
    pub(crate) fn state_root(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// The default configuration with this program.
    pub(crate) fn spec(&self, args: &[&str]) -> Spec {
        let mut spec = DefaultConfig::default().spec();
        if let Some(process) = spec.process_mut() {
            process.set_args(Some(args.iter().map(|word| (*word).to_owned()).collect()));
            process.set_terminal(Some(false));
        }
        spec
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn why_not() -> Option<&'static str> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    if uids.and_then(|uids| uids.split_whitespace().nth(1)) != Some("0") {
        return Some("making containers needs root");
    }
    let busybox = fs::metadata("/bin/busybox").is_ok();
    (!busybox).then_some("there is no /bin/busybox to put into a root file system")
}

/// Says on stderr, and in the file that `hack/test` reads, that something was not tried.
fn skip(name: &str, reason: &str) -> io::Result<()> {
    let line = format!("SKIP {name}: {reason}\n");
    io::stderr().write_all(line.as_bytes())?;
    let Some(log) = std::env::var_os("CREEL_SKIP_LOG") else { return Ok(()) };
    OpenOptions::new().create(true).append(true).open(log)?.write_all(line.as_bytes())
}
