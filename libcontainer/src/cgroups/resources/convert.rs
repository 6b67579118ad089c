//! Version 1 values as version 2 understands them.

/// `cpu.shares` (2 to 262144, default 1024) as `cpu.weight` (1 to 10000, default 100).
///
/// The curve meets both ends and both defaults: the exponent of ten is a quadratic in the binary
/// logarithm of the shares. It is what runc since 1.3.2 and crun since 1.23 use; the linear one of
/// before gave a default container 39.
pub(super) fn weight_from_shares(shares: u64) -> u64 {
    match shares {
        0..=2 => 1,
        262_144.. => 10_000,
        _ => {
            let l = (shares as f64).log2();
            let exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
            // Rounding errors of the default's exponent must not lift it over its integer.
            (10f64.powf(exponent) - 1e-9).ceil() as u64
        }
    }
}

/// `blkio.weight` (10 to 1000) as `io.weight` (1 to 10000), linear as in every runtime.
pub(super) fn io_weight(weight: u16) -> u64 {
    1 + (u64::from(weight).saturating_sub(10)) * 9999 / 990
}

/// A limit of version 2, where a negative number means no limit.
pub(super) fn or_max(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_meet_the_ends_and_the_default() {
        let cases = [(0, 1), (1, 1), (2, 1), (1024, 100), (262_144, 10_000), (u64::MAX, 10_000)];
        for (shares, weight) in cases {
            assert_eq!(weight_from_shares(shares), weight, "{shares}");
        }
    }

    #[test]
    fn more_shares_are_never_less_weight() {
        let weights: Vec<_> = (2..=262_144).map(weight_from_shares).collect();
        assert!(weights.is_sorted());
    }

    #[test]
    fn io_weight_meets_both_ends() {
        assert_eq!((io_weight(10), io_weight(1000)), (1, 10_000));
    }
}
