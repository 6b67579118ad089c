//! Samples gathered by what was measured, beside how many of what, and for whom.

use std::collections::BTreeMap;

use crate::runtime::Runtime;
use crate::stats::spread;

use super::record::{Curve, Point, Subject};

/// What the samples of one curve have in common: what is measured, of what there is more and more, the runtime's index.
type Key = (Subject, usize);

#[derive(Default)]
pub(super) struct Curves {
    samples: BTreeMap<Key, BTreeMap<u32, Vec<f64>>>,
}

impl Curves {
    /// One value, taken where there were `at` of what grows.
    pub(super) fn push(&mut self, subject: Subject, runtime: usize, at: u32, value: f64) {
        self.samples.entry((subject, runtime)).or_default().entry(at).or_default().push(value);
    }

    pub(super) fn finish(self, runtimes: &[Runtime]) -> Vec<Curve> {
        let point = |(at, samples): (u32, Vec<f64>)| {
            let spread = spread(samples.iter().copied());
            let [median, p10, p90] = [spread.median, spread.p10, spread.p90].map(rounded);
            Point { at, median, p10, p90, samples: samples.len() }
        };
        let curve = |((subject, runtime), points): (Key, BTreeMap<u32, Vec<f64>>)| Curve {
            subject,
            runtime: runtimes[runtime].name.clone(),
            points: points.into_iter().map(point).collect(),
        };
        self.samples.into_iter().map(curve).collect()
    }
}

/// To a µs where the unit is ms.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Kind;

    #[test]
    fn samples_of_one_place_become_one_point() {
        let mut curves = Curves::default();
        for (runtime, at, value) in
            [(1, 7, 3.0), (0, 9, 1.0), (0, 2, 5.0), (0, 9, 2.0001), (0, 9, 9.0)]
        {
            curves.push(Subject::List, runtime, at, value);
        }
        let runtime = |name: &str| Runtime {
            name: name.into(),
            path: "/x".into(),
            kind: Kind::Oci,
            version: None,
        };
        let found = curves.finish(&[runtime("a"), runtime("b")]);
        let of = |curve: &Curve| {
            let points = curve.points.iter().map(|p| (p.at, p.median, p.samples));
            (curve.runtime.clone(), points.collect::<Vec<_>>())
        };
        let expected =
            [("a".to_owned(), vec![(2, 5.0, 1), (9, 2.0, 3)]), ("b".to_owned(), vec![(7, 3.0, 1)])];
        assert_eq!(found.iter().map(of).collect::<Vec<_>>(), expected);
    }
}
