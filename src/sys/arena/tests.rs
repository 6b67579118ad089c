use super::*;

/// A thread of the test's own, so an arena of its own is what it has for itself.
fn own_arena() -> Box<Arena> {
    MAIN.set(true);
    Box::new(Arena::new())
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn used(arena: &Arena) -> usize {
    arena.state().unwrap().used
}

/// A piece and what every byte of it has to be.
struct Piece {
    at: *mut u8,
    size: usize,
    mark: u8,
}

impl Piece {
    fn new(at: *mut u8, size: usize, mark: u8) -> Self {
        assert!(!at.is_null());
        // SAFETY: as long as the piece.
        unsafe { at.write_bytes(mark, size) };
        Piece { at, size, mark }
    }

    fn assert_untouched(&self, size: usize) {
        // SAFETY: as long as the piece, which was filled.
        let bytes = unsafe { std::slice::from_raw_parts(self.at, size) };
        assert!(bytes.iter().all(|byte| *byte == self.mark));
    }
}

#[test]
fn pieces_never_overlap_and_keep_what_is_in_them() {
    let arena = own_arena();
    let mut random: u64 = 0x5eed;
    let mut next = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % limit as u64) as usize
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for round in 0..50_000 {
        let size = 1 + if next(50) == 0 { next(20_000) } else { next(300) };
        let mark = (round % 251) as u8;
        match next(5) {
            0 | 1 => {
                // SAFETY: the size is not 0.
                let at = unsafe { arena.alloc(layout(size)) };
                assert_eq!(at as usize % 8, 0);
                pieces.push(Piece::new(at, size, mark));
            }
            2 if !pieces.is_empty() => {
                let index = next(pieces.len());
                let piece = &mut pieces[index];
                // SAFETY: the piece's own layout; it is used no more under its old address.
                piece.at = unsafe { arena.realloc(piece.at, layout(piece.size), size) };
                piece.assert_untouched(size.min(piece.size));
                *piece = Piece::new(piece.at, size, mark);
            }
            _ if !pieces.is_empty() => {
                let piece = pieces.swap_remove(next(pieces.len()));
                piece.assert_untouched(piece.size);
                // SAFETY: it was handed out with this layout and is used no more.
                unsafe { arena.dealloc(piece.at, layout(piece.size)) };
            }
            _ => {}
        }
    }
    let inside = pieces.iter().filter(|piece| arena.place(piece.at).is_some()).count();
    assert!(inside > 0 && inside < pieces.len(), "{inside} of {}", pieces.len());
    for piece in pieces {
        piece.assert_untouched(piece.size);
        // SAFETY: as above.
        unsafe { arena.dealloc(piece.at, layout(piece.size)) };
    }
}

#[test]
fn what_is_given_back_is_used_again() {
    let arena = own_arena();
    // SAFETY: every piece has the layout that it was handed out with, and is not looked into.
    unsafe {
        let (first, second) = (arena.alloc(layout(40)), arena.alloc(layout(100)));
        arena.dealloc(first, layout(40));
        assert_eq!(arena.alloc(layout(33)), first, "of as many steps");
        let grown = arena.realloc(second, layout(100), 5000);
        assert_eq!(grown, second, "the last one grows where it is");
        arena.dealloc(grown, layout(5000));
        assert_eq!(used(&arena), 48);
        for _ in 0..100_000 {
            let (a, b) = (arena.alloc(layout(500)), arena.alloc(layout(24)));
            arena.dealloc(a, layout(500));
            arena.dealloc(b, layout(24));
        }
    }
    assert!(used(&arena) < 2000, "{}", used(&arena));
}

#[test]
fn what_does_not_fit_comes_from_elsewhere() {
    let arena = own_arena();
    let wide = Layout::from_size_align(64, 64).unwrap();
    // SAFETY: as above.
    unsafe {
        for layout in [layout(SIZE + 1), wide] {
            let piece = arena.alloc(layout);
            assert!(!piece.is_null() && arena.place(piece).is_none());
            arena.dealloc(piece, layout);
        }
        let piece = arena.alloc(layout(8));
        piece.cast::<u64>().write(42);
        let moved = arena.realloc(piece, layout(8), SIZE + 8);
        assert!(arena.place(moved).is_none());
        assert_eq!(moved.cast::<u64>().read(), 42);
        arena.dealloc(moved, layout(SIZE + 8));
    }
}

#[test]
fn another_thread_takes_nothing_from_it() {
    let arena = own_arena();
    // SAFETY: as above.
    let piece = unsafe { arena.alloc(layout(32)) } as usize;
    let before = used(&arena);
    std::thread::scope(|scope| {
        let arena = &*arena;
        scope.spawn(move || {
            // SAFETY: as above; the other thread has no use for its piece any more.
            unsafe {
                let own = arena.alloc(layout(32));
                assert!(arena.place(own).is_none());
                arena.dealloc(own, layout(32));
                arena.dealloc(piece as *mut u8, layout(32));
            }
        });
    });
    assert_eq!(used(&arena), before);
}
