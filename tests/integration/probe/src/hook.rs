//! What a hook saw, one line of JSON per call.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use serde_json::json;

use crate::{look, procfs, stdin_text};

/// Appends what this call was given. One write, so that lines never mix.
pub(crate) fn record(file: &str) -> io::Result<()> {
    let stdin = stdin_text()?;
    let line = json!({
        "args": look::args(),
        "env": look::env(),
        "cwd": std::env::current_dir().map(|p| p.display().to_string()).unwrap_or_default(),
        "stdin": stdin,
        "namespaces": procfs::namespaces().unwrap_or_default(),
        "fds": procfs::fds().unwrap_or_default(),
        "root_entries": entries("/"),
    });
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(format!("{line}\n").as_bytes())
}

fn entries(dir: &str) -> Vec<String> {
    let Ok(list) = fs::read_dir(dir) else { return Vec::new() };
    let mut names: Vec<String> =
        list.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
