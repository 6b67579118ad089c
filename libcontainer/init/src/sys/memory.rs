//! Memory: the mapped plan, and arrays of pointers for execve.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicU64};
use creel_wire::Texts;
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous};

/// Maps the plan for the rest of this program's life. The memfd is sealed: nobody can change it.
pub fn map_plan(number: i32) -> Result<&'static [u8], Errno> {
    let plan = super::borrow(number);
    let size = usize::try_from(fstat(plan)?.st_size).map_err(|_| Errno::INVAL)?;
    let sealed = rustix::fs::fcntl_get_seals(plan)?;
    if !sealed.contains(rustix::fs::SealFlags::WRITE | rustix::fs::SealFlags::SHRINK) {
        return Err(Errno::PERM);
    }
    // SAFETY: a new mapping at a place of the kernel's choice. It is `size` bytes long, which the seals
    // keep true, it is never unmapped, and sealed against writing it never changes.
    unsafe {
        let start = mmap(ptr::null_mut(), size, ProtFlags::READ, MapFlags::PRIVATE, plan, 0)?;
        Ok(core::slice::from_raw_parts(start.cast(), size))
    }
}

/// Maps the memory in which the library finds what cannot be said any more.
pub fn map_report(number: i32) -> Result<&'static AtomicI32, Errno> {
    let report = super::borrow(number);
    let sealed = rustix::fs::fcntl_get_seals(report)?;
    let size = usize::try_from(fstat(report)?.st_size).map_err(|_| Errno::INVAL)?;
    if !sealed.contains(rustix::fs::SealFlags::SHRINK) || size < size_of::<AtomicI32>() {
        return Err(Errno::INVAL);
    }
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at a place of the kernel's choice, aligned to a page, never unmapped, and as long as
    // the memfd, which the seal keeps true. It is shared with the library, and only used as an atomic.
    unsafe {
        let start = mmap(ptr::null_mut(), size, protection, MapFlags::SHARED, report, 0)?;
        Ok(&*start.cast::<AtomicI32>())
    }
}

/// Maps the memory in which the library finds when each step began.
pub fn map_times(number: i32) -> Result<&'static [AtomicU64], Errno> {
    let times = super::borrow(number);
    let sealed = rustix::fs::fcntl_get_seals(times)?;
    let size = usize::try_from(fstat(times)?.st_size).map_err(|_| Errno::INVAL)?;
    if !sealed.contains(rustix::fs::SealFlags::SHRINK) {
        return Err(Errno::INVAL);
    }
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: as in `map_report`; the slice ends with the last whole number of the memfd, which never shrinks.
    unsafe {
        let start = mmap(ptr::null_mut(), size, protection, MapFlags::SHARED, times, 0)?;
        Ok(core::slice::from_raw_parts(start.cast::<AtomicU64>(), size / size_of::<AtomicU64>()))
    }
}

/// How many pointers need no memory of their own.
const FEW: usize = 64;

/// A NULL-terminated array of pointers to texts, as execve takes it.
pub struct Pointers<'a> {
    few: [*const c_char; FEW],
    /// The array where it has more.
    many: Option<*const *const c_char>,
    texts: PhantomData<&'a CStr>,
}

impl<'a> Pointers<'a> {
    /// The texts in their order, then what there is of `last`.
    pub fn new(texts: Texts<'a>, last: [Option<&'a CStr>; 2]) -> Result<Self, Errno> {
        let last = last.into_iter().flatten();
        let slots = texts.count() + last.clone().count() + 1;
        let mut pointers = Pointers { few: [ptr::null(); FEW], many: None, texts: PhantomData };
        let all = texts.chain(last).take(slots - 1);
        if slots <= FEW {
            all.zip(&mut pointers.few).for_each(|(text, slot)| *slot = text.as_ptr());
            return Ok(pointers);
        }
        let size = slots.checked_mul(size_of::<*const c_char>()).ok_or(Errno::NOMEM)?;
        let flags = MapFlags::PRIVATE;
        // SAFETY: a new anonymous mapping that overlaps nothing.
        let array = unsafe {
            mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, flags)?
        };
        let array: *mut *const c_char = array.cast();
        for (index, text) in all.enumerate() {
            // SAFETY: `index` is below `slots - 1`; the mapping holds `slots` pointers, page-aligned. What
            // is not written stays NULL.
            unsafe { array.add(index).write(text.as_ptr()) };
        }
        pointers.many = Some(array);
        Ok(pointers)
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.many.unwrap_or(self.few.as_ptr())
    }
}
