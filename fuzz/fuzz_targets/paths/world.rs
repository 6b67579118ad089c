//! Two roots on a file system in memory, and two threads that see nothing else: one with openat2(2) and one without.

use crate::follow::{Job, Outcome};
use crate::tree::MOUNTS;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// Seen so by this process alone.
const WORLD: &str = "/mnt";
const NONE: Option<&str> = None;
/// On every architecture.
const OPENAT2: i64 = 437;

pub(crate) struct World {
    roots: [PathBuf; 2],
    pub(crate) with_openat2: Follower,
    pub(crate) without: Follower,
    /// The names beside the roots.
    pub(crate) outside: Vec<String>,
}

pub(crate) fn get() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

impl World {
    fn new() -> World {
        unshare(CloneFlags::CLONE_NEWNS).expect("root, for a mount namespace");
        mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).expect("private");
        mount(Some("tmpfs"), WORLD, Some("tmpfs"), MsFlags::empty(), NONE).expect("a tmpfs");
        let world = Path::new(WORLD);
        for place in ["proc", "outside", "a", "b", "m"] {
            fs::create_dir(world.join(place)).expect("a directory");
        }
        let filesystem = |fstype: &str, at: &Path| {
            mount(Some(fstype), at, Some(fstype), MsFlags::empty(), NONE).expect("a mount");
        };
        filesystem("proc", &world.join("proc"));
        let roots = ["root0", "root1"].map(|name| world.join(name));
        for root in &roots {
            for (place, fstype) in MOUNTS.iter().zip(["proc", "tmpfs"]) {
                fs::create_dir_all(root.join(place)).expect("a directory");
                filesystem(fstype, &root.join(place));
            }
        }
        let mut world = World {
            roots,
            with_openat2: Follower::start(false),
            without: Follower::start(true),
            outside: Vec::new(),
        };
        world.outside = world.outside();
        world
    }

    /// The roots as this thread sees them, and as the others do.
    pub(crate) fn roots(&self) -> [(&Path, &str); 2] {
        [(&self.roots[0], "/root0"), (&self.roots[1], "/root1")]
    }

    /// Whatever there is beside the roots.
    pub(crate) fn outside(&self) -> Vec<String> {
        let places = ["", "outside", "a", "b", "m"].map(|place| Path::new(WORLD).join(place));
        let lists = places.iter().flat_map(|place| fs::read_dir(place).expect("a directory"));
        let mut names: Vec<String> =
            lists.flatten().map(|entry| entry.path().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// A thread that follows paths, with the world as its root.
pub(crate) struct Follower(Mutex<(Sender<(usize, Job)>, Receiver<Outcome>)>);

impl Follower {
    fn start(without_openat2: bool) -> Follower {
        let (jobs, next_job) = channel::<(usize, Job)>();
        let (outcomes, next_outcome) = channel();
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_FS).expect("a root of its own");
            nix::unistd::chroot(WORLD).expect("root, for chroot");
            std::env::set_current_dir("/").expect("chdir");
            if without_openat2 {
                take_openat2_away();
            }
            let flags = OFlags::PATH;
            let tried = openat2(CWD, c"/", flags, Mode::empty(), ResolveFlags::empty());
            assert_eq!(tried.err(), without_openat2.then_some(Errno::NOSYS));
            let roots = ["/root0", "/root1"].map(|root| (File::open(root).expect("a root"), root));
            while let Ok((root, job)) = next_job.recv() {
                let (root, place) = &roots[root];
                outcomes.send(job.carry_out(root.as_fd(), place)).expect("somebody waits");
            }
        });
        Follower(Mutex::new((jobs, next_outcome)))
    }

    pub(crate) fn follow(&self, root: usize, job: &Job) -> Outcome {
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.0.send((root, job.clone())).expect("the thread");
        line.1.recv().expect("an outcome")
    }
}

/// For this thread alone.
fn take_openat2_away() {
    let rules = BTreeMap::from([(OPENAT2, Vec::new())]);
    let refuse = SeccompAction::Errno(Errno::NOSYS.raw_os_error() as u32);
    let architecture = std::env::consts::ARCH.try_into().expect("a known architecture");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture);
    let program: seccompiler::BpfProgram = filter.and_then(TryInto::try_into).expect("a filter");
    apply_filter(&program).expect("a filter for this thread");
}
