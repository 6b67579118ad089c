//! Memory for the main thread of a program that mostly ends soon: a fixed piece of .bss, handed out in steps.
//!
//! A command asks for memory some thousand times and ends within a millisecond; malloc(3) and its setting up
//! take a noticeable part of that. Here a request takes the next bytes, or some of its size that were given back.
//! Whatever does not fit, is large, or is for another thread comes from malloc(3), so a `run` that attends for days
//! needs no more memory than it would without.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::ptr::{self, null_mut};

/// As much as a `run` of a long configuration needs. Pages that are never touched cost nothing.
const SIZE: usize = 256 << 10;
/// What sizes are rounded up to; every address is a multiple of it.
const STEP: usize = 16;
/// Larger pieces are kept apart by no list: they are given back only if they are the last.
const LISTS: usize = 64;

/// The allocator of the program.
#[cfg_attr(not(test), global_allocator)]
static MEMORY: Arena = Arena::new();

thread_local! {
    /// Whether this is the thread that may use the arena.
    static MAIN: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread, which has to be the only one that ever calls this, takes memory from the arena.
#[cfg(not(test))]
pub(super) fn claim() {
    MAIN.set(true);
    // A page that is read before it is written to is mapped twice.
    if let Some(state) = MEMORY.state() {
        state.used = 0;
    }
}

/// Whether this is that thread.
pub(super) fn is_claimed() -> bool {
    MAIN.get()
}

/// What lies in the program's arena behind all that is handed out, for the main thread: nothing in it is needed.
pub(super) fn rest() -> Option<Range<usize>> {
    MEMORY.state().map(|state| {
        let begin = MEMORY.bytes.get() as usize;
        begin + state.used..begin + SIZE
    })
}

/// The state is on one page with the first bytes.
#[repr(C)]
struct Arena {
    state: UnsafeCell<State>,
    bytes: UnsafeCell<[u8; SIZE]>,
}

/// Its size is a multiple of its alignment, so the bytes behind it begin at a multiple of STEP.
#[repr(align(16))]
struct State {
    /// How many of the bytes were handed out.
    used: usize,
    /// Pieces that were given back, by their number of steps; each begins with the address of the next.
    free: [*mut u8; LISTS],
}

// SAFETY: bytes and state are touched by one thread alone, the one that called `claim`; see `Arena::state`.
unsafe impl Sync for Arena {}

impl Arena {
    const fn new() -> Self {
        let state = State { used: 0, free: [null_mut(); LISTS] };
        Arena { bytes: UnsafeCell::new([0; SIZE]), state: UnsafeCell::new(state) }
    }

    /// The state, for the main thread alone.
    #[allow(clippy::mut_from_ref)]
    fn state(&self) -> Option<&mut State> {
        // SAFETY: no other thread gets past the filter, and this one holds one reference at a time: what is done with
        // it calls nothing that allocates.
        MAIN.get().then(|| unsafe { &mut *self.state.get() })
    }

    /// Where a piece lies in the arena; `None` if it is none of ours.
    fn place(&self, piece: *mut u8) -> Option<usize> {
        let place = (piece as usize).wrapping_sub(self.bytes.get() as usize);
        (place < SIZE).then_some(place)
    }
}

/// The number of steps that a piece takes; at least one, so that it can hold an address.
fn steps(size: usize) -> usize {
    size.div_ceil(STEP)
}

// SAFETY: a piece is `steps(size) * STEP` bytes of the arena from a multiple of STEP on; it is in no list and below
// `used` while it is handed out, so no other piece overlaps it. The rest is malloc(3)'s.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let steps = steps(layout.size());
        if let Some(state) = self.state().filter(|_| layout.align() <= STEP) {
            if let Some(head) = state.free.get_mut(steps).filter(|head| !head.is_null()) {
                let piece = *head;
                // SAFETY: what is in a list holds the address of the next, written by `dealloc`.
                *head = unsafe { piece.cast::<*mut u8>().read() };
                return piece;
            }
            let (place, size) = (state.used, steps.saturating_mul(STEP));
            if size <= SIZE - place {
                state.used += size;
                // SAFETY: the piece ends within the bytes.
                return unsafe { self.bytes.get().cast::<u8>().add(place) };
            }
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        let Some(place) = self.place(piece) else {
            // SAFETY: what is not of the arena is of malloc(3), with this layout.
            return unsafe { System.dealloc(piece, layout) };
        };
        // From another thread: nobody gets it again.
        let Some(state) = self.state() else { return };
        let steps = steps(layout.size());
        if place + steps * STEP == state.used {
            state.used = place;
        } else if let Some(head) = state.free.get_mut(steps) {
            // SAFETY: the caller gives the piece up; it is aligned to STEP and no shorter than that.
            unsafe { piece.cast::<*mut u8>().write(*head) };
            *head = piece;
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some(place) = self.place(piece) else {
            // SAFETY: as in `dealloc`.
            return unsafe { System.realloc(piece, layout, size) };
        };
        let (before, now) = (steps(layout.size()), steps(size));
        if before == now {
            return piece;
        }
        if let Some(state) = self.state() {
            let last = place + before * STEP == state.used;
            if last && now.saturating_mul(STEP) <= SIZE - place {
                state.used = place + now * STEP;
                return piece;
            }
        }
        // SAFETY: the alignment is that of the old layout, the caller promises the size, and the two pieces are apart.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(piece, moved, layout.size().min(size));
                self.dealloc(piece, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests;
