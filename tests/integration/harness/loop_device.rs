//! Loop devices of a test's own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
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
        let dir = std::env::temp_dir();
        let file = dir.join(format!("creel-loop-{}-{name}", std::process::id()));
        let made = fs::File::create(&file).and_then(|f| f.set_len(8 << 20));
        made.expect("a file for the loop device");
        let mut losetup = Command::new("losetup");
        let output = run(losetup.args(["--find", "--show"]).arg(&file));
        let output = output.map_err(|error| format!("losetup: {error}"))?;
        if !output.status.success() {
            let _ = fs::remove_file(&file);
            return Err(format!("losetup: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let node = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Loop { node, file })
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
