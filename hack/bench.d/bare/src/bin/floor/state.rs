//! What is kept of a container: its pid, in a file.

use core::ffi::CStr;

use bare::sys::{self, Args, open_flags};

use crate::{Failure, Step};

pub(crate) const PID_FILE: &CStr = c"pid";

/// Writes the pid as decimal digits, without a newline, into the working directory.
pub(crate) fn save(pid: i32) -> Result<(), Failure> {
    let mut digits = [0_u8; 10];
    let mut first = digits.len();
    let mut rest = pid as u32;
    while rest > 0 || first == digits.len() {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let flags = open_flags::WRONLY | open_flags::CREAT | open_flags::EXCL | open_flags::CLOEXEC;
    let fd = sys::open(PID_FILE, flags).step("create pid file")?;
    sys::write(fd, &digits[first..]).step("write pid file").map(drop)
}

/// Goes into the state directory and reads the pid.
pub(crate) fn enter_and_load(directory: &CStr) -> Result<i32, Failure> {
    sys::chdir(directory).step("enter state directory")?;
    let fd = sys::open(PID_FILE, open_flags::RDONLY).step("open pid file")?;
    let mut digits = [0_u8; 10];
    let n = sys::read(fd, &mut digits).step("read pid file")?;
    Ok(digits[..n].iter().fold(0, |pid, d| pid * 10 + i32::from(d - b'0')))
}

/// `state`: whether the process is there, on stdout.
pub(crate) fn show(args: Args) -> Result<i32, Failure> {
    let pid = enter_and_load(crate::lifecycle::argument(args, 0)?)?;
    let status: &[u8] = match sys::pidfd_open(pid) {
        Ok(_) => b"running\n",
        Err(sys::Errno::ESRCH) => b"stopped\n",
        other => return other.step("look for the process"),
    };
    sys::write(1, status).step("print").map(|_| 0)
}

/// `list`: the same for every directory below ROOT.
pub(crate) fn list(args: Args) -> Result<i32, Failure> {
    let root = crate::lifecycle::argument(args, 0)?;
    sys::chdir(root).step("enter root")?;
    let flags = open_flags::RDONLY | open_flags::DIRECTORY;
    let directory = sys::open(c".", flags).step("open root")?;
    let mut entries = [0_u8; 4096];
    loop {
        let n = sys::getdents(directory, &mut entries).step("read root")?;
        if n == 0 {
            return Ok(0);
        }
        let mut rest = &entries[..n];
        while !rest.is_empty() {
            // struct linux_dirent64: the entry's length at 16, its name from 19.
            let length = usize::from(u16::from_ne_bytes([rest[16], rest[17]]));
            if let Ok(name) = CStr::from_bytes_until_nul(&rest[19..length]) {
                list_entry(name)?;
            }
            rest = &rest[length..];
        }
    }
}

fn list_entry(name: &CStr) -> Result<(), Failure> {
    if name.to_bytes().starts_with(b".") {
        return Ok(());
    }
    let pid = enter_and_load(name)?;
    let status: &[u8] = if sys::pidfd_open(pid).is_ok() { b" running\n" } else { b" stopped\n" };
    sys::write(1, name.to_bytes()).step("print")?;
    sys::write(1, status).step("print")?;
    sys::chdir(c"..").step("leave state directory")
}
