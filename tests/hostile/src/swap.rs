//! Somebody who exchanges names in the root file system while the runtime works.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, yield_now};
use std::time::Duration;

use nix::fcntl::{OFlag, RenameFlags, renameat2};

use crate::random::Random;
use crate::tree::{Tree, at};

/// A directory outside of the root file system: what is exchanged with it is outside for a moment.
pub(crate) const ATTIC: &str = "/scratch/round/attic";

/// A name in a directory that is held open, so that no other exchange leads elsewhere.
struct Name {
    directory: File,
    name: PathBuf,
}

impl Name {
    fn of(path: &Path) -> Option<Name> {
        let mut options = File::options();
        options.read(true).custom_flags((OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits());
        let directory = options.open(path.parent()?).ok()?;
        Some(Name { directory, name: PathBuf::from(path.file_name()?) })
    }

    fn exchange(&self, other: &Name) {
        // One may be above the other, or gone.
        let _ = renameat2(
            &self.directory,
            &self.name,
            &other.directory,
            &other.name,
            RenameFlags::RENAME_EXCHANGE,
        );
    }
}

/// At work until it is dropped.
pub(crate) struct Swap {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swap {
    /// Some pairs of the tree's names, while nobody else changes it yet.
    pub(crate) fn start(tree: &Tree, root: &Path, random: &mut Random) -> Option<Swap> {
        let mut pairs = Vec::new();
        for _ in 0..1 + random.below(3) {
            let mut any = || tree.entries.get(random.below(tree.entries.len().max(1)));
            let (one, other) = (any()?, any()?);
            let other = if random.percent(25) {
                PathBuf::from(ATTIC).join("inner")
            } else {
                at(root, &other.0)
            };
            pairs.extend(Name::of(&at(root, &one.0)).zip(Name::of(&other)));
        }
        let pause = Duration::from_micros([0, 0, 50, 500][random.below(4)]);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                for (one, other) in &pairs {
                    one.exchange(other);
                }
                if pause.is_zero() { yield_now() } else { sleep(pause) }
            }
        });
        Some(Swap { stop, thread: Some(thread) })
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the exchanging ends");
        }
    }
}
