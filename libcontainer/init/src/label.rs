//! Labels of security modules, which the kernel gives the process at its execve.

use crate::failure::{Failure, Outcome};
use crate::procfs;
use crate::script::Container;
use creel_wire::Texts;
use creel_wire::message::At;
use rustix::fd::AsFd;
use rustix::io::Errno;

/// Writes `label` to the first of `files` that is there.
pub fn at_exec(c: &mut Container, files: Texts<'_>, label: &[u8]) -> Outcome {
    let own = procfs::own_directory(c)?;
    for file in files {
        match procfs::write(own.as_fd(), file, label) {
            Err(failure) if failure.at == At::OpenFile && failure.errno == Errno::NOENT => {}
            outcome => return outcome,
        }
    }
    Err(Failure::new(At::OpenFile, Errno::NOENT))
}
