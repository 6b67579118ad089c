//! Arbitrary configurations: with every field that oci-spec's types have, most of them valid ([`any`]), and such that
//! run on the machines of the tests and show in the container ([`runnable`]).

mod any;
mod json;
mod linux;
mod process;
mod resources;
mod runnable;

use std::env;

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub use any::any;
pub use runnable::runnable;

/// The environment variable that names another seed.
const SEED: &str = "CREEL_TEST_SEED";

/// The seed of arbitrary tests: always the same, unless the environment names another.
///
/// # Panics
/// If the environment's is not a number.
pub fn seed() -> u64 {
    let given = env::var(SEED).ok();
    given.map_or(1, |text| text.parse().unwrap_or_else(|e| panic!("{SEED}: {e}")))
}

/// Values of a strategy, the same ones for the same seed. The seed is printed.
pub fn values<T: std::fmt::Debug>(
    strategy: BoxedStrategy<T>,
    count: usize,
) -> impl Iterator<Item = T> {
    let seed = seed();
    println!("{count} values with {SEED}={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("no filter").current())
}
