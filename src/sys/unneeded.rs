//! What a `run` or an `exec` that waits for days can do without: its program's pages, which the kernel maps again where they are
//! needed, and what its memory and its stack once reached.

use std::{ffi::c_void, ops::Range, ptr, slice};

use libc::{c_int, dl_phdr_info};

use super::arena;

/// Deeper than a command's stack gets, and no deeper than where nothing else can be: below the stack the kernel leaves at
/// least 128 MiB free.
const STACK: usize = 512 << 10;

/// Gives back what is not needed while the main thread waits; what is needed then comes back by itself.
///
/// Breakpoints that a debugger or a uprobe has put into the program are lost.
pub(crate) fn give_back() {
    if !arena::is_claimed() {
        return;
    }
    if let Some(rest) = arena::rest() {
        // SAFETY: nothing in there is handed out, and whoever gets it next expects nothing of its bytes.
        unsafe { drop_pages(rest) };
    }
    give_back_stack();
    // The last, so that little of it is needed again.
    // SAFETY: the function is as dl_iterate_phdr(3) wants it; no data goes with it.
    unsafe { libc::dl_iterate_phdr(Some(give_back_program), ptr::null_mut()) };
}

/// What is below this function on the stack.
#[inline(never)]
fn give_back_stack() {
    let here = 0_u8;
    // What this function calls is less than a page deep.
    let end = ptr::from_ref(&here).addr() - page();
    // SAFETY: of the main thread's stack this is what no function that has not returned uses. A part of it may be no stack
    // yet, then nothing is there.
    unsafe { drop_pages(end - STACK..end) };
}

/// Called with the program itself at first, and because it does not return 0 with nothing else; dl_iterate_phdr(3).
extern "C" fn give_back_program(info: *mut dl_phdr_info, _: usize, _: *mut c_void) -> c_int {
    // SAFETY: libc passes one that is valid as long as the call.
    let info = unsafe { &*info };
    // SAFETY: the program's own headers, which stay where they are and as they are.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    // The first segment holds the headers: it comes last.
    for header in headers.iter().rev() {
        if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0 {
            let begin = (info.dlpi_addr + header.p_vaddr) as usize;
            let end = (begin + header.p_memsz as usize).next_multiple_of(page());
            // SAFETY: a private mapping of the program's file that is never written to: it has no flag that says so, and a
            // position-independent program no relocations in such (DT_TEXTREL). What is read there after this comes from the
            // file, which holds the same. A last page that is half the segment's is the segment's alone.
            unsafe { drop_pages(begin - begin % page()..end) };
        }
    }
    1
}

fn page() -> usize {
    // SAFETY: only asks.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Drops the whole pages of a range.
///
/// # Safety
/// What is read there afterwards is zeros, or what the mapped file holds: nobody may need anything else.
unsafe fn drop_pages(range: Range<usize>) {
    let begin = range.start.next_multiple_of(page());
    let end = range.end - range.end % page();
    if begin < end {
        // SAFETY: as the caller promises. That it fails, as for locked pages, does no harm.
        unsafe {
            libc::madvise(ptr::with_exposed_provenance_mut(begin), end - begin, libc::MADV_DONTNEED)
        };
    }
}
