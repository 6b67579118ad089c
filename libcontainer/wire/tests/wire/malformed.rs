//! What is not a plan is refused for the reason that it has. The buffers are built by hand here, after the
//! layout in creel-wire's documentation.

use crate::walk::walk;
use creel_wire::{DecodeError, MAGIC, MAX_DESCRIPTORS, MAX_PLAN, VERSION};

const UNSHARE: u32 = 4;
const JOIN_NAMESPACE: u32 = 3;
const HOSTNAME: u32 = 9;
const SYMLINK: u32 = 18;
const SYSCTL: u32 = 25;
const USER: u32 = 35;
const READY: u32 = 41;
const EXECUTE: u32 = 44;

/// A sequence of words and bytes.
#[derive(Default, Clone)]
struct Buffer(Vec<u8>);

impl Buffer {
    fn word(mut self, word: u32) -> Self {
        self.0.extend(word.to_ne_bytes());
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Bytes behind their length.
    fn bytes(self, bytes: &[u8]) -> Self {
        self.word(bytes.len() as u32).raw(bytes)
    }
}

fn words(words: &[u32]) -> Buffer {
    words.iter().fold(Buffer::default(), |buffer, word| buffer.word(*word))
}

/// A plan of one step with the payload `fields`, and one descriptor, 9.
fn step(tag: u32, fields: &Buffer) -> Buffer {
    plan(1, &words(&[tag]).bytes(&fields.0))
}

fn plan(count: u32, steps: &Buffer) -> Buffer {
    let total = 24 + steps.0.len() as u32;
    words(&[MAGIC, VERSION, total, count, 1, 9]).raw(&steps.0)
}

fn refused(buffer: &Buffer) -> DecodeError {
    walk(&buffer.0).expect_err("a plan that is to be refused")
}

#[test]
fn the_buffers_here_are_plans_unless_something_is_wrong() {
    let list = words(&[1]).bytes(&Buffer::default().bytes(b"a\0").0);
    let good = [
        step(READY, &Buffer::default()),
        step(UNSHARE, &words(&[1])),
        step(HOSTNAME, &Buffer::default().bytes(b"a\0")),
        step(JOIN_NAMESPACE, &words(&[0, 1])),
        step(USER, &words(&[1, 2, 8, 3, 4, 1])),
        step(EXECUTE, &list.clone().raw(&list.0)),
    ];
    for plan in good {
        assert_eq!(walk(&plan.0), Ok(1));
    }
}

#[test]
fn the_header_is_checked() {
    let head = |magic, version, total| refused(&words(&[magic, version, total, 0, 0]));
    assert_eq!(head(MAGIC + 1, VERSION, 20), DecodeError::Magic);
    assert_eq!(head(MAGIC, VERSION + 1, 20), DecodeError::Version);
    assert_eq!(head(MAGIC, 0, 20), DecodeError::Version);
    for total in [0, 19, 21, u32::MAX] {
        assert_eq!(head(MAGIC, VERSION, total), DecodeError::Length);
    }
    assert_eq!(refused(&Buffer::default()), DecodeError::Length);
}

#[test]
fn a_table_of_descriptors_has_to_be_there() {
    let table = |count: u32| refused(&words(&[MAGIC, VERSION, 24, 0, count, 9]));
    for count in [2, MAX_DESCRIPTORS, MAX_DESCRIPTORS + 1, 1 << 30, u32::MAX] {
        assert_eq!(table(count), DecodeError::Length);
    }
}

#[test]
fn more_descriptors_than_allowed_are_refused_though_they_are_there() {
    let table = |count: u32| {
        let head = words(&[MAGIC, VERSION, 20 + 4 * count, 0, count]);
        walk(&head.raw(&vec![0; 4 * count as usize]).0)
    };
    assert_eq!(table(MAX_DESCRIPTORS), Ok(0));
    assert_eq!(table(MAX_DESCRIPTORS + 1), Err(DecodeError::Length));
}

#[test]
fn more_than_the_largest_plan_is_not_looked_at() {
    let buffer = Buffer(vec![0; MAX_PLAN + 1]);
    assert_eq!(refused(&buffer), DecodeError::Length);
}

#[test]
fn the_number_of_steps_has_to_fit() {
    let ready = words(&[READY, 0]);
    assert_eq!(walk(&plan(1, &ready).0), Ok(1));
    for count in [0, 2, u32::MAX] {
        assert_eq!(refused(&plan(count, &ready)), DecodeError::Length);
    }
}

#[test]
fn an_unknown_tag_is_refused() {
    for tag in [0, 10_000, 0x7fff_ffff, u32::MAX] {
        assert_eq!(refused(&step(tag, &Buffer::default())), DecodeError::Tag);
    }
}

#[test]
fn no_length_reaches_beyond_the_step() {
    for length in [1, 0x7fff_ffff, u32::MAX - 7, u32::MAX] {
        // Of the step itself.
        assert_eq!(refused(&plan(1, &words(&[READY, length]))), DecodeError::Length);
        // Of a text, of bytes, of a list of texts, of a list of words.
        assert_eq!(refused(&step(HOSTNAME, &words(&[length]))), DecodeError::Length);
        let path = Buffer::default().bytes(b"a\0");
        assert_eq!(refused(&step(SYSCTL, &path.word(length))), DecodeError::Length);
        assert_eq!(refused(&step(EXECUTE, &words(&[0, length]))), DecodeError::Length);
        assert_eq!(refused(&step(USER, &words(&[1, 2, length]))), DecodeError::Length);
    }
}

/// The bytes that follow would be enough, but they are the next step's.
#[test]
fn a_field_does_not_reach_into_the_next_step() {
    let steps = words(&[HOSTNAME, 4, 10, READY, 0]).raw(b"ab\0");
    assert_eq!(refused(&plan(2, &steps)), DecodeError::Length);
}

#[test]
fn a_list_has_as_many_texts_as_it_says() {
    let body = Buffer::default().bytes(b"a\0").bytes(b"b\0").0;
    let list = |count: u32| words(&[count]).bytes(&body).raw(&words(&[0, 0]).0);
    assert_eq!(walk(&step(EXECUTE, &list(2)).0), Ok(1));
    for count in [0, 1, 3, u32::MAX] {
        assert_eq!(refused(&step(EXECUTE, &list(count))), DecodeError::Length);
    }
}

#[test]
fn a_list_of_words_has_whole_words() {
    for bytes in [&b"1"[..], b"123", b"12345"] {
        let fields = words(&[1, 2]).bytes(bytes).word(1);
        assert_eq!(refused(&step(USER, &fields)), DecodeError::Length);
    }
}

#[test]
fn nothing_may_follow() {
    // A field too many, a byte behind the last step, half of a step's head.
    assert_eq!(refused(&step(READY, &words(&[1]))), DecodeError::Length);
    let ready = words(&[READY, 0]);
    assert_eq!(refused(&plan(1, &ready.clone().raw(b"\0"))), DecodeError::Length);
    assert_eq!(refused(&plan(1, &ready.word(READY))), DecodeError::Length);
}

#[test]
fn a_text_ends_with_its_only_nul() {
    for bytes in [&b""[..], b"a", b"a\0b\0", b"\0\0", b"a\0b"] {
        let fields = Buffer::default().bytes(bytes);
        assert_eq!(refused(&step(HOSTNAME, &fields)), DecodeError::Text, "{bytes:?}");
        let list = words(&[1]).bytes(&fields.0).raw(&words(&[0, 0]).0);
        assert_eq!(refused(&step(EXECUTE, &list)), DecodeError::Text, "{bytes:?}");
    }
}

#[test]
fn a_slot_has_to_be_in_the_table() {
    assert_eq!(walk(&step(JOIN_NAMESPACE, &words(&[0, 0])).0), Ok(1));
    for slot in [1, 2, 1 << 30, (1 << 30) + 1, u32::MAX] {
        assert_eq!(refused(&step(JOIN_NAMESPACE, &words(&[slot, 0]))), DecodeError::Slot);
    }
}

#[test]
fn a_truth_value_is_0_or_1() {
    let link = |replace| Buffer::default().bytes(b"a\0").bytes(b"b\0").word(replace);
    assert_eq!(walk(&step(SYMLINK, &link(1)).0), Ok(1));
    for value in [2, 0x0100_0000, u32::MAX] {
        assert_eq!(refused(&step(SYMLINK, &link(value))), DecodeError::Bool);
    }
}
