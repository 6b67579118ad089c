//! Medians, spread and paired ratios.

/// Of one series: median and the range that holds eight tenths of the samples.
#[derive(Debug, PartialEq)]
pub(crate) struct Spread {
    pub median: f64,
    pub p10: f64,
    pub p90: f64,
}

/// The spread of at least one value.
pub(crate) fn spread(values: impl Iterator<Item = f64>) -> Spread {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    Spread {
        median: quantile(&sorted, 0.5),
        p10: quantile(&sorted, 0.1),
        p90: quantile(&sorted, 0.9),
    }
}

/// The median of value / reference, round by round: what drifts with the machine falls out.
pub(crate) fn paired_ratio(values: &[f64], reference: &[f64]) -> f64 {
    spread(values.iter().zip(reference).map(|(value, reference)| value / reference)).median
}

/// Linear between the two nearest ranks.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = q * (sorted.len() - 1) as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    below + (above - below) * rank.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_range() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        let expected = Spread { median: 3.0, p10: 1.4, p90: 4.6 };
        assert_eq!(spread(values.into_iter()), expected);
        assert_eq!(spread([1.0, 2.0].into_iter()).median, 1.5);
        assert_eq!(spread([7.0].into_iter()), Spread { median: 7.0, p10: 7.0, p90: 7.0 });
    }

    #[test]
    fn pairing_takes_out_drift() {
        // The machine became ten times slower half way; each round still says 2.
        let reference = [1.0, 1.0, 10.0, 10.0];
        let values = [2.0, 2.0, 20.0, 20.0];
        assert_eq!(paired_ratio(&values, &reference), 2.0);
    }
}
