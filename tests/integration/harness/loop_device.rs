//! Loop devices of a test's own.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;

/// A loop device on a file; both are gone when it is dropped.
pub(crate) struct Loop {
    pub(crate) node: String,
    file: PathBuf,
}

impl Loop {
    /// `Err` with the reason when this host makes none.
    pub(crate) fn new(name: &str) -> Result<Loop, String> {
        Loop::filled(name, |_| Ok(()))
    }

    /// With an ext4 that has in it what is in the directory.
    pub(crate) fn ext4(name: &str, directory: &Path) -> Result<Loop, String> {
        Loop::filled(name, |file| {
            let mut mkfs = Command::new("mkfs.ext4");
            succeed("mkfs.ext4", mkfs.args(["-q", "-F", "-d"]).args([directory, file])).map(drop)
        })
    }

    /// That begins with a text.
    pub(crate) fn text(name: &str, text: &str) -> Result<Loop, String> {
        let write =
            |file: &Path| fs::OpenOptions::new().write(true).open(file)?.write_all(text.as_bytes());
        Loop::filled(name, |file| write(file).map_err(|error| error.to_string()))
    }

    fn filled(name: &str, fill: impl FnOnce(&Path) -> Result<(), String>) -> Result<Loop, String> {
        let dir = std::env::temp_dir();
        let file = dir.join(format!("creel-loop-{}-{name}", std::process::id()));
        let made = fs::File::create(&file).and_then(|f| f.set_len(8 << 20));
        made.expect("a file for the loop device");
        let attach = || {
            let mut losetup = Command::new("losetup");
            succeed("losetup", losetup.args(["--find", "--show"]).arg(&file))
        };
        match fill(&file).and_then(|()| attach()) {
            Ok(node) => Ok(Loop { node, file }),
            Err(reason) => {
                let _ = fs::remove_file(&file);
                Err(reason)
            }
        }
    }

    pub(crate) fn minor(&self) -> u64 {
        fs::metadata(&self.node).expect("the loop device").rdev() & 0xff
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = run(Command::new("losetup").args(["--detach", &self.node]));
        let _ = fs::remove_file(&self.file);
    }
}

/// What it printed, or what is wrong.
fn succeed(name: &str, command: &mut Command) -> Result<String, String> {
    let output = run(command).map_err(|error| format!("{name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{name}: {}", text(&output.stderr))),
    }
}
