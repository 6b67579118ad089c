//! Files, directories and mounts. A path is relative to the working directory.

use core::ffi::{CStr, c_char};
use core::mem::size_of;
use core::ptr::null;

use super::{Errno, Result, addr, arch, call};

const AT_FDCWD: usize = -100_isize as usize;

/// `read(fd, buffer)`: how many bytes came.
pub fn read(fd: i32, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes into the buffer, within its length.
    unsafe { call(arch::READ, [fd as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0]) }
}

/// `read` until the buffer is full; false at the end of the file.
pub fn read_full(fd: i32, buffer: &mut [u8]) -> bool {
    let mut done = 0;
    while done < buffer.len() {
        match read(fd, &mut buffer[done..]) {
            Ok(0) => return false,
            Ok(n) => done += n,
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// `write(fd, bytes)`: how many bytes went.
pub fn write(fd: i32, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads the bytes, within their length.
    unsafe { call(arch::WRITE, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0]) }
}

/// `write` until all has gone; false on an error.
pub fn write_all(fd: i32, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match write(fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::EINTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// `close(fd)`
pub fn close(fd: i32) {
    // SAFETY: takes a number only; nothing here owns descriptors beyond the number.
    let _ = unsafe { call(arch::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Flags of `open`.
pub mod open_flags {
    /// For reading.
    pub const RDONLY: usize = 0;
    /// For writing.
    pub const WRONLY: usize = 1;
    /// For both.
    pub const RDWR: usize = 2;
    /// Create it.
    pub const CREAT: usize = 0o100;
    /// It must be new.
    pub const EXCL: usize = 0o200;
    /// A name for the file, not for reading it.
    pub const PATH: usize = 0o10000000;
    /// It must be a directory.
    pub const DIRECTORY: usize = 0o200000;
    /// Empty it.
    pub const TRUNC: usize = 0o1000;
    /// Write at its end.
    pub const APPEND: usize = 0o2000;
    /// Not for the programs that this one starts.
    pub const CLOEXEC: usize = 0o2000000;
}

/// `open(path, flags, 0644)`
pub fn open(path: &CStr, flags: usize) -> Result<i32> {
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::OPENAT, [AT_FDCWD, addr(path), flags, 0o644, 0, 0]) }.map(|fd| fd as i32)
}

/// `mkdir(path, mode)`
pub fn mkdir(path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::MKDIRAT, [AT_FDCWD, addr(path), mode as usize, 0, 0, 0]) }.map(drop)
}

/// `unlink(path)`
pub fn unlink(path: &CStr) -> Result<()> {
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::UNLINKAT, [AT_FDCWD, addr(path), 0, 0, 0, 0]) }.map(drop)
}

/// `rmdir(path)`
pub fn rmdir(path: &CStr) -> Result<()> {
    const AT_REMOVEDIR: usize = 0x200;
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::UNLINKAT, [AT_FDCWD, addr(path), AT_REMOVEDIR, 0, 0, 0]) }.map(drop)
}

/// `symlink(target, path)`
pub fn symlink(target: &CStr, path: &CStr) -> Result<()> {
    // SAFETY: NUL-terminated strings that are only read.
    unsafe { call(arch::SYMLINKAT, [addr(target), AT_FDCWD, addr(path), 0, 0, 0]) }.map(drop)
}

/// `mknod(path, S_IFCHR | mode, makedev(major, minor))` for small device numbers.
pub fn mknod_char(path: &CStr, mode: u32, major: u8, minor: u8) -> Result<()> {
    const S_IFCHR: usize = 0o020000;
    let device = (usize::from(major) << 8) | usize::from(minor);
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::MKNODAT, [AT_FDCWD, addr(path), S_IFCHR | mode as usize, device, 0, 0]) }
        .map(drop)
}

/// `mkfifo(path, mode)`
pub fn mkfifo(path: &CStr, mode: u32) -> Result<()> {
    const S_IFIFO: usize = 0o010000;
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::MKNODAT, [AT_FDCWD, addr(path), S_IFIFO | mode as usize, 0, 0, 0]) }
        .map(drop)
}

/// `umask(mask)`
pub fn umask(mask: u32) {
    // SAFETY: takes a number only.
    let _ = unsafe { call(arch::UMASK, [mask as usize, 0, 0, 0, 0, 0]) };
}

/// `chdir(path)`
pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::CHDIR, [addr(path), 0, 0, 0, 0, 0]) }.map(drop)
}

/// Flags of `mount`.
pub mod mount_flags {
    /// Read-only.
    pub const RDONLY: usize = 1;
    /// No set-user-id.
    pub const NOSUID: usize = 2;
    /// No devices.
    pub const NODEV: usize = 4;
    /// No programs.
    pub const NOEXEC: usize = 8;
    /// Bind.
    pub const BIND: usize = 1 << 12;
    /// With everything below.
    pub const REC: usize = 1 << 14;
    /// Propagation: private.
    pub const PRIVATE: usize = 1 << 18;
    /// Access times relative to changes.
    pub const RELATIME: usize = 1 << 21;
    /// Access times always.
    pub const STRICTATIME: usize = 1 << 24;
}

/// `mount(source, target, fstype, flags, data)`
pub fn mount(
    source: Option<&CStr>,
    target: &CStr,
    fstype: Option<&CStr>,
    flags: usize,
    data: Option<&CStr>,
) -> Result<()> {
    let or_null = |s: Option<&CStr>| s.map_or(null::<c_char>(), CStr::as_ptr) as usize;
    // SAFETY: NUL-terminated strings, or NULL, that are only read.
    unsafe {
        let args = [or_null(source), addr(target), or_null(fstype), flags, or_null(data), 0];
        call(arch::MOUNT, args)
    }
    .map(drop)
}

/// `mount_setattr(path, MOUNT_ATTR_RDONLY)`: this mount alone becomes read-only.
pub fn mount_set_readonly(path: &CStr) -> Result<()> {
    const MOUNT_ATTR_RDONLY: u64 = 1;
    let attr: [u64; 4] = [MOUNT_ATTR_RDONLY, 0, 0, 0];
    // SAFETY: a NUL-terminated path and a `struct mount_attr` of four words, both only read.
    unsafe {
        let args = [AT_FDCWD, addr(path), 0, attr.as_ptr() as usize, size_of::<[u64; 4]>(), 0];
        call(arch::MOUNT_SETATTR, args)
    }
    .map(drop)
}

/// `pivot_root(".", ".")`: the old root comes to lie over the new one.
pub fn pivot_root_here() -> Result<()> {
    // SAFETY: NUL-terminated strings that are only read.
    unsafe { call(arch::PIVOT_ROOT, [addr(c"."), addr(c"."), 0, 0, 0, 0]) }.map(drop)
}

/// `umount2(path, MNT_DETACH)`
pub fn umount_detach(path: &CStr) -> Result<()> {
    const MNT_DETACH: usize = 2;
    // SAFETY: a NUL-terminated path that is only read.
    unsafe { call(arch::UMOUNT2, [addr(path), MNT_DETACH, 0, 0, 0, 0]) }.map(drop)
}

/// `dup3(from, to, 0)`
pub fn dup_to(from: i32, to: i32) -> Result<()> {
    // SAFETY: takes numbers only.
    unsafe { call(arch::DUP3, [from as usize, to as usize, 0, 0, 0, 0]) }.map(drop)
}

/// `fcntl(fd, F_SETFD, FD_CLOEXEC)`
pub fn set_cloexec(fd: i32) -> Result<()> {
    // SAFETY: takes numbers only.
    unsafe { call(arch::FCNTL, [fd as usize, 2, 1, 0, 0, 0]) }.map(drop)
}

/// `eventfd2(0, EFD_CLOEXEC)`
pub fn eventfd() -> Result<i32> {
    // SAFETY: takes numbers only.
    unsafe { call(arch::EVENTFD2, [0, open_flags::CLOEXEC, 0, 0, 0, 0]) }.map(|fd| fd as i32)
}

/// `getdents64(fd, buffer)`: how many bytes of entries came.
pub fn getdents(fd: i32, buffer: &mut [u8]) -> Result<usize> {
    let args = [fd as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
    // SAFETY: the kernel writes into the buffer, within its length.
    unsafe { call(arch::GETDENTS64, args) }
}
