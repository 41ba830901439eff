//! Durations, and what is said about many of them.

use std::time::Duration;

/// Durations of many repetitions.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    /// Adds one.
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// Adds those of another run.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The duration that this share (0 to 1) of all repetitions did not exceed.
    pub fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        // The share lies between 0 and 1, so the rank lies within the list.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank in a list of samples"
        )]
        let rank = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
        sorted.get(rank.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// The median, the 95th and the 99th percentile in milliseconds.
    pub fn summary(&self) -> String {
        let milliseconds = |share| self.percentile(share).as_secs_f64() * 1_000.0;
        format!(
            "{:.2} / {:.2} / {:.2} ms",
            milliseconds(0.5),
            milliseconds(0.95),
            milliseconds(0.99)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let mut samples = Samples::default();
        for milliseconds in (1..=100).rev() {
            samples.push(Duration::from_millis(milliseconds));
        }
        assert_eq!(samples.percentile(0.5), Duration::from_millis(50));
        assert_eq!(samples.percentile(0.99), Duration::from_millis(99));
        assert_eq!(Samples::default().percentile(0.5), Duration::ZERO);
    }
}
