//! The container's own program: finding it, and becoming it.

use crate::buffer::Buffer;
use crate::failure::{Context, Failure, Outcome};
use crate::script::Container;
use crate::sys::{self, Pointers};
use core::ffi::CStr;
use core::sync::atomic::Ordering;
use creel_wire::Texts;
use creel_wire::message::{At, Kind, Message};
use rustix::fs::{self, Access, AtFlags, CWD, FileType};
use rustix::io::Errno;

/// The shell's rule: a name with a slash is a path, any other is looked for in PATH.
pub fn find(program: &mut Buffer, name: &CStr, path: &CStr) -> Outcome {
    program.clear();
    if name.to_bytes().contains(&b'/') {
        program.push(name.to_bytes()).at(At::NotFound)?;
        return executable(program.as_c_str()).map_err(|errno| match errno {
            Errno::NOENT | Errno::NOTDIR => Failure::new(At::NotFound, errno),
            _ => Failure::new(At::NotExecutable, errno),
        });
    }
    // An empty PATH has no directory; within another an empty one is the working directory.
    let directories = path.to_bytes().split(|byte| *byte == b':').filter(|_| !path.is_empty());
    for directory in directories {
        let directory: &[u8] = if directory.is_empty() { b"." } else { directory };
        program.clear();
        let fits = program
            .push(directory)
            .and_then(|()| program.push(b"/"))
            .and_then(|()| program.push(name.to_bytes()));
        if fits.is_ok() && executable(program.as_c_str()).is_ok() {
            return Ok(());
        }
    }
    Err(Failure::new(At::NotInPath, Errno::NOENT))
}

fn executable(path: &CStr) -> Result<(), Errno> {
    let stat = fs::statat(CWD, path, AtFlags::empty())?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        // As execve(2) says it.
        return Err(Errno::ACCESS);
    }
    fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}

/// What [`creel_wire::Step::Seccomp`] says.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    pub flags: u32,
    pub program: &'a [u8],
    pub report: i32,
}

/// The filter, then execve(2); all that the filter might forbid is done before. Whoever waits sees the connection
/// close when it succeeds.
pub fn execute(
    c: &Container<'_>,
    index: u32,
    arguments: Texts<'_>,
    environment: Texts<'_>,
) -> Outcome {
    let arguments = Pointers::new(arguments, [None, None]).at(At::Memory)?;
    let found = [&c.home, &c.listen_pid].map(|text| (!text.is_empty()).then(|| text.as_c_str()));
    let environment = Pointers::new(environment, found).at(At::Memory)?;
    let mut executing = Message::new(Kind::Executing);
    executing.step = index;
    let execve = || sys::execve(c.program.as_c_str(), &arguments, &environment);
    let Some(filter) = c.filter else {
        c.channel.send(&executing);
        return Err(Failure::new(At::Call, execve()));
    };
    let report = sys::map_report(filter.report).at(At::Memory)?;
    c.channel.send_descriptor(&executing, sys::borrow(filter.report)).at(At::Sync)?;
    // The library watches from here on: it takes the listener the moment that there is one.
    if filter.flags & sys::NEW_LISTENER != 0 {
        c.channel.wait()?;
    }
    sys::install_filter(filter.flags, filter.program).at(At::Filter)?;
    // From here on there may be no call but this one. Memory needs none.
    report.store(execve().raw_os_error(), Ordering::Release);
    sys::exit(1)
}
