//! Emptying a directory that others could write in.

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Removes all that is in it. What is nested moves up first, so that neither the depth nor the length of a path matters.
pub(super) fn empty(directory: &OwnedFd) -> io::Result<()> {
    let mut moved = 0;
    loop {
        let names = names(directory)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            if !removed(directory, &name)? {
                move_up_from(directory, &name, &mut moved)?;
                unlinkat(directory, name.as_os_str(), UnlinkatFlags::RemoveDir)?;
            }
        }
    }
}

/// False of a directory.
fn removed(directory: &OwnedFd, name: &OsStr) -> io::Result<bool> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(Errno::EISDIR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Leaves nothing in the directory `name`: its files are removed, its directories go where it is itself.
fn move_up_from(directory: &OwnedFd, name: &OsStr, moved: &mut u64) -> io::Result<()> {
    let inner = open_directory(directory, name)?;
    for child in names(&inner)? {
        while !removed(&inner, &child)? {
            *moved += 1;
            match renameat(&inner, child.as_os_str(), directory, moved.to_string().as_str()) {
                Ok(()) => break,
                // The name is taken.
                Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    Ok(())
}

pub(super) fn open_directory(parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(parent, name, flags, Mode::empty())?)
}

fn names(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let entries = fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()))?;
    entries.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;
    use nix::sys::stat::mkdirat;

    /// A container that gets to write there must not make itself undeletable.
    #[test]
    fn whatever_is_in_the_directory_for_readiness_is_removed_with_the_container() {
        let root = std::env::temp_dir().join(format!("creel-empty-{}", std::process::id()));
        let outside = root.join("outside");
        fs::create_dir_all(&outside).expect("a directory");
        fs::write(outside.join("kept"), "").expect("write");
        let entry = Store::new(&root).claim("c").expect("a free id");
        let notify = entry.notify_directory();
        fs::create_dir_all(notify.join("1/2/3")).expect("directories");
        fs::write(notify.join("2"), "").expect("write");
        fs::write(notify.join("1/x"), "").expect("write");
        std::os::unix::fs::symlink(&outside, notify.join("link")).expect("a link");

        // A path longer than PATH_MAX.
        let mut inner: OwnedFd = fs::File::open(&notify).expect("it").into();
        let name = OsString::from("n".repeat(200));
        for _ in 0..25 {
            mkdirat(&inner, name.as_os_str(), Mode::S_IRWXU).expect("mkdir");
            inner = open_directory(&inner, &name).expect("it");
        }
        let path = entry.path().to_owned();
        entry.remove().expect("all of it");
        assert!(!path.exists());
        assert!(outside.join("kept").exists(), "links are not followed");
        fs::remove_dir_all(&root).expect("remove");
    }
}
