//! What readings amount to, where they come one by one.

use std::collections::HashMap;

use chrono::DateTime;

use crate::state::Measure;

/// What readings amount to; they come in the order of time, as `event measure number`.
#[derive(Default)]
pub(super) struct Sums(HashMap<String, Sum>);

struct Sum {
    numbers: f64,
    measure: Measure,
}

impl Sums {
    /// Adds a reading, of which the score is its time in microseconds.
    pub(super) fn add(&mut self, member: &str, score: f64) {
        let mut parts = member.splitn(3, ' ').skip(1);
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { return };
        let value: Option<f64> = value.parse().ok();
        #[expect(clippy::cast_possible_truncation, reason = "microseconds of our time fit")]
        let at = DateTime::from_timestamp_micros(score as i64).unwrap_or_default();
        let sum = self.0.entry(name.to_owned()).or_insert_with(|| Sum {
            numbers: 0.0,
            measure: Measure {
                measure: name.to_owned(),
                count: 0,
                min: None,
                max: None,
                mean: None,
                last: None,
                last_at: at,
            },
        });
        let measure = &mut sum.measure;
        measure.count += 1;
        if let Some(value) = value {
            sum.numbers += value;
            measure.min = Some(measure.min.map_or(value, |min| min.min(value)));
            measure.max = Some(measure.max.map_or(value, |max| max.max(value)));
        }
        measure.last = value;
        measure.last_at = at;
    }

    /// What they amount to, by the names of what was measured.
    pub(super) fn finish(self) -> Vec<Measure> {
        let mean = |sum: Sum| Measure {
            #[expect(clippy::cast_precision_loss, reason = "no window has 2^52 readings")]
            mean: sum.measure.min.map(|_| sum.numbers / sum.measure.count as f64),
            ..sum.measure
        };
        let mut measures: Vec<Measure> = self.0.into_values().map(mean).collect();
        measures.sort_by(|a, b| a.measure.cmp(&b.measure));
        measures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_summed_up_by_what_was_measured() {
        let mut sums = Sums::default();
        for (member, score) in
            [("e1 value 20.5", 1.0), ("e2 value 23.5", 2.0), ("e3 reports ", 3.0)]
        {
            sums.add(member, score);
        }
        sums.add("nonsense", 4.0);
        let found = sums.finish();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].measure.as_str(), found[0].count, found[0].mean),
            ("reports", 1, None)
        );
        assert_eq!(
            (found[1].min, found[1].max, found[1].mean),
            (Some(20.5), Some(23.5), Some(22.0))
        );
        assert_eq!((found[1].last, found[1].last_at.timestamp_micros()), (Some(23.5), 2));
    }
}
