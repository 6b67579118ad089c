//! Messages come back, and what is none is refused.

use crate::random::{Arbitrary, Random, rounds};
use creel_wire::message::{At, Kind, Message, SIZE, TEXT};

const KINDS: [Kind; 9] = [
    Kind::Failed,
    Kind::Mounted,
    Kind::Ready,
    Kind::Executing,
    Kind::Pid,
    Kind::Console,
    Kind::Warning,
    Kind::Go,
    Kind::Unmapped,
];

/// Where the words of a message stand.
const KIND: usize = 0;
const LENGTH: usize = 16;

fn with(at: usize, word: u32) -> [u8; SIZE] {
    let mut bytes = Message::new(Kind::Go).to_bytes();
    bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    bytes
}

#[test]
fn every_kind_comes_back_with_all_it_carries() {
    let mut random = Random::seeded();
    for kind in KINDS {
        for _ in 0..rounds(50) {
            let text = Vec::arbitrary(&mut random);
            let mut message = Message::new(kind).with_text(&text);
            message.step = u32::arbitrary(&mut random);
            message.at = u32::arbitrary(&mut random);
            message.errno = u32::arbitrary(&mut random) as i32;
            let back = Message::from_bytes(&message.to_bytes()).unwrap();
            assert_eq!(back, message);
            assert_eq!(back.text(), text);
        }
    }
}

#[test]
fn a_text_is_cut_where_the_message_ends() {
    let long: Vec<u8> = (0..=u8::MAX).cycle().take(TEXT + 1).collect();
    for length in [0, 1, TEXT - 1, TEXT, TEXT + 1] {
        let message = Message::new(Kind::Failed).with_text(&long[..length]);
        let back = Message::from_bytes(&message.to_bytes()).unwrap();
        assert_eq!(back.text(), &long[..length.min(TEXT)]);
    }
}

#[test]
fn a_message_has_one_size() {
    let bytes = [Message::new(Kind::Go).to_bytes(); 2].concat();
    assert!(Message::from_bytes(&bytes[..SIZE]).is_some());
    for length in [0, 1, 20, SIZE - 1, SIZE + 1, 2 * SIZE] {
        assert_eq!(Message::from_bytes(&bytes[..length]), None, "{length} bytes");
    }
}

#[test]
fn an_unknown_kind_is_none() {
    let known: Vec<u32> =
        (0..1000).filter(|kind| Message::from_bytes(&with(KIND, *kind)).is_some()).collect();
    assert_eq!(known, KINDS.map(|kind| kind as u32));
    assert_eq!(Message::from_bytes(&with(KIND, u32::MAX)), None);
}

#[test]
fn a_text_longer_than_the_message_is_refused() {
    assert!(Message::from_bytes(&with(LENGTH, TEXT as u32)).is_some());
    for length in [TEXT as u32 + 1, SIZE as u32, 0x7fff_ffff, u32::MAX] {
        assert_eq!(Message::from_bytes(&with(LENGTH, length)), None);
    }
}

#[test]
fn noise_is_none_or_a_message_that_says_the_same() {
    let mut random = Random::seeded();
    for _ in 0..rounds(10_000) {
        let mut bytes = [0; SIZE];
        bytes.fill_with(|| random.next() as u8);
        for at in [KIND, LENGTH] {
            let word = random.below(if at == KIND { 12 } else { TEXT + 10 }) as u32;
            bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
        }
        if let Some(message) = Message::from_bytes(&bytes) {
            assert!(message.text().len() <= TEXT);
            assert_eq!(message.to_bytes(), bytes);
        }
    }
}

#[test]
fn every_place_of_a_failure_has_its_own_number() {
    let places: Vec<At> = (0..1000).filter_map(At::from_u32).collect();
    for (number, place) in places.iter().enumerate() {
        assert_eq!(*place as u32, number as u32, "the numbers have no gap");
    }
    assert!(places.len() > At::Chdir as usize);
    assert_eq!(At::from_u32(u32::MAX), None);
}
