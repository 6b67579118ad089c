//! Directories that are found, lines that are passed over, and noise.

use creel_passwd::{LONGEST, Search};

/// What a search finds when it gets the text in pieces of `size` bytes.
fn in_pieces(uid: u32, text: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut search = Search::new(uid);
    let _ = text.chunks(size).any(|piece| search.take(piece));
    search.end().map(<[u8]>::to_vec)
}

/// The same however the text is cut.
#[track_caller]
fn home(uid: u32, text: impl AsRef<[u8]>) -> Option<String> {
    let text = text.as_ref();
    let found = in_pieces(uid, text, text.len().max(1));
    for size in [1, 2, 3, 7, 64, 1024] {
        assert_eq!(in_pieces(uid, text, size), found, "in pieces of {size}");
    }
    found.map(|home| String::from_utf8(home).unwrap())
}

const DEBIAN: &str = "\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
someone:x:1000:1000:Some One,,,:/home/someone:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

#[test]
fn users_are_found_by_their_number() {
    assert_eq!(home(0, DEBIAN).as_deref(), Some("/root"));
    assert_eq!(home(1000, DEBIAN).as_deref(), Some("/home/someone"));
    assert_eq!(home(65534, DEBIAN).as_deref(), Some("/nonexistent"));
    assert_eq!(home(100, DEBIAN), None);
    assert_eq!(home(10_000, DEBIAN), None);
}

#[test]
fn a_text_may_be_empty_or_end_without_a_newline() {
    assert_eq!(home(0, ""), None);
    assert_eq!(home(0, "\n\n"), None);
    assert_eq!(home(7, DEBIAN.to_owned() + "last:x:7:7::/last").as_deref(), Some("/last"));
    assert_eq!(home(7, "last:x:7:7::/last:").as_deref(), Some("/last"));
}

#[test]
fn the_first_entry_that_names_a_directory_counts() {
    assert_eq!(home(7, "a:x:7:7::/a:\nb:x:7:7::/b:\n").as_deref(), Some("/a"));
    assert_eq!(home(7, "a:x:7:7:::\nb:x:7:7::/b:\n").as_deref(), Some("/b"));
    assert_eq!(home(7, "a:x:7:7::\n"), None);
}

#[test]
fn lines_that_are_no_entries_are_passed_over() {
    for line in ["# comment", "broken line", "a:x:7:7", "a:x:7:7:/a", ":::::", "+::::::", "7:7:7"] {
        let text = format!("{line}\nb:x:7:7::/b:/bin/sh\n");
        assert_eq!(home(7, text).as_deref(), Some("/b"), "{line}");
    }
}

#[test]
fn a_field_that_is_no_number_is_nobodys() {
    let fields =
        ["", " 7", "7 ", "+7", "-7", "0x7", "7a", "a7", "4294967303", "99999999999999999999"];
    for field in fields {
        assert_eq!(home(7, format!("a:x:{field}:7::/a:/bin/sh\n")), None, "{field:?}");
    }
    // No number becomes one by chance.
    for uid in [0, u32::MAX] {
        assert_eq!(home(uid, "a:x:x:7::/a:\nb:x::7::/b:\nc:x:4294967296:7::/c:\n"), None);
    }
    assert_eq!(home(7, "a:x:007:7::/a:\n").as_deref(), Some("/a"));
    assert_eq!(home(u32::MAX, "a:x:4294967295:7::/a:\n").as_deref(), Some("/a"));
}

#[test]
fn a_directory_has_a_longest_length() {
    let entry = |length: usize| format!("a:x:7:7::/{}:/bin/sh\n", "d".repeat(length - 1));
    assert_eq!(home(7, entry(LONGEST)).unwrap().len(), LONGEST);
    assert_eq!(home(7, entry(LONGEST + 1)), None);
    let text = entry(5 * LONGEST) + "b:x:7:7::/b:\n";
    assert_eq!(home(7, text).as_deref(), Some("/b"), "the next line is not spoilt");
}

#[test]
fn other_fields_may_be_of_any_length() {
    let text = format!("{0}:{0}:7:{0}:{0}:/a:{0}\n", "x".repeat(5000));
    assert_eq!(home(7, text).as_deref(), Some("/a"));
    assert_eq!(home(7, ":".repeat(100_000)), None);
}

/// HOME with a NUL could not be handed to execve(2).
#[test]
fn a_directory_with_a_nul_is_none() {
    assert_eq!(home(7, "a:x:7:7::/a\0b:\n"), None);
    assert_eq!(home(7, "a\0:x:7:7:\0:/a:\0\n").as_deref(), Some("/a"));
}

/// Random text of the characters that matter, compared with a reading by lines.
#[test]
fn noise_is_read_as_by_lines() {
    const BYTES: &[u8] = b"::::::\n\n0127a/\0";
    let mut state = 0x5eed_u64;
    let mut found = 0;
    for _ in 0..20_000 {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        let length = next() % 60;
        let text: Vec<u8> = (0..length).map(|_| BYTES[next() % BYTES.len()]).collect();
        let uid = [0, 7, 12][next() % 3];
        let expected = by_lines(uid, &text);
        assert_eq!(in_pieces(uid, &text, 1 + next() % 9), expected, "{:?}", text.escape_ascii());
        found += usize::from(expected.is_some());
    }
    assert!(found > 50, "{found} texts had an answer");
}

fn by_lines(uid: u32, text: &[u8]) -> Option<Vec<u8>> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let number: u32 = std::str::from_utf8(fields.get(2)?).ok()?.parse().ok()?;
        let home = fields.get(5).filter(|home| !home.is_empty() && !home.contains(&0))?;
        (number == uid).then(|| home.to_vec())
    })
}
