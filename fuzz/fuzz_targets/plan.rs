//! What creel-init reads: whatever bytes come in place of a plan or a message, reading them neither panics nor
//! leaves the buffer, and a plan that was read has every field that it says.
#![no_main]

#[allow(dead_code)]
#[path = "../../libcontainer/wire/tests/wire/random.rs"]
mod random;
#[allow(dead_code)]
#[path = "../../libcontainer/wire/tests/wire/steps.rs"]
mod steps;
#[path = "../../libcontainer/wire/tests/wire/walk.rs"]
mod walk;

use creel_wire::message::{Message, SIZE, TEXT};
use creel_wire::owned::encode;
use creel_wire::{MAGIC, VERSION};
use libfuzzer_sys::fuzz_target;
use steps::{DESCRIPTORS, owned};

fuzz_target!(|data: &[u8]| {
    let _ = walk::walk(data);
    if let Some((count, steps)) = data.split_first() {
        with_header(u32::from(*count), steps);
    }
    message(data);
});

/// Behind a header that fits, so that the damage is met in the steps. A plan that can be read is the one that
/// its steps are written as.
fn with_header(count: u32, steps: &[u8]) {
    let total = 20 + 4 * DESCRIPTORS.len() + steps.len();
    let mut plan = Vec::with_capacity(total);
    for word in [MAGIC, VERSION, total as u32, count, DESCRIPTORS.len() as u32] {
        plan.extend(word.to_ne_bytes());
    }
    plan.extend(DESCRIPTORS.iter().flat_map(|number| number.to_ne_bytes()));
    plan.extend(steps);
    if walk::walk(&plan).is_err() {
        return;
    }
    let read = creel_wire::Plan::decode(&plan).expect("read before");
    let steps: Vec<_> = read.steps().map(|step| owned(step.expect("checked"))).collect();
    assert_eq!(steps.len(), count as usize);
    assert_eq!(encode(&steps, &DESCRIPTORS).expect("as small"), plan);
}

fn message(data: &[u8]) {
    let _ = Message::from_bytes(data);
    let mut bytes = [0; SIZE];
    let length = data.len().min(SIZE);
    bytes[..length].copy_from_slice(&data[..length]);
    if let Some(message) = Message::from_bytes(&bytes) {
        assert!(message.text().len() <= TEXT);
        assert_eq!(message.to_bytes(), bytes);
    }
}
