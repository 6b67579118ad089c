//! Paths below a root that is hostile: where openat2(2) is missing, the walk by descriptors that takes its place comes to
//! the same file, makes the same, or refuses with the same error. The code is creel-init's own.
//!
//! As root: the trees are on a file system in memory, with mounts in them, and who follows their paths is confined to it.
#![no_main]

#[allow(dead_code)]
#[path = "../../../libcontainer/init/src/buffer.rs"]
mod buffer;
#[allow(dead_code)]
#[path = "../../../libcontainer/init/src/failure.rs"]
mod failure;
mod follow;
#[allow(dead_code)]
#[path = "../../../libcontainer/init/src/resolve.rs"]
mod resolve;
mod tree;
#[allow(dead_code)]
#[path = "../../../libcontainer/init/src/walk.rs"]
mod walk;
mod world;

use libfuzzer_sys::fuzz_target;
use rustix::io::Errno;

fuzz_target!(|data: &[u8]| {
    let world = world::get();
    let mut bytes = data.iter().copied();
    let tree = tree::Tree::read(&mut bytes);
    for (root, _) in world.roots() {
        tree.grow(root);
    }
    // What is made stays for the next path.
    for _ in 0..4 {
        let job = follow::Job::read(&mut bytes);
        // The same file is only to be had of one tree.
        let second = usize::from(job.makes());
        let by_kernel = world.with_openat2.follow(0, &job);
        let by_walk = world.without.follow(second, &job);
        // The walk puts the texts of links together, in a buffer of the size that one path may have.
        let is_too_long = by_walk.errno() == Some(Errno::NAMETOOLONG) && tree.is_long(&job);
        if is_too_long {
            break;
        }
        assert_eq!(by_kernel.in_tree(), by_walk.in_tree(), "{job:?} in {tree:?}");
        if !job.makes() {
            assert_eq!(by_kernel.file(), by_walk.file(), "{job:?} in {tree:?}");
        }
        let [one, other] = world.roots().map(|(root, _)| tree::list(root));
        assert_eq!(one, other, "what {job:?} made in {tree:?}");
    }
    assert_eq!(world.outside(), world.outside, "made outside of the roots: {tree:?}");
});
