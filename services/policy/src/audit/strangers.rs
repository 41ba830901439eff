//! Refusals to nobody in particular, about nobody in particular.
//!
//! The log is kept for ever, and whoever can reach the node can be refused as often as they like. So many a
//! minute are entries; the others are counted, and their number is an entry once the minute is over and
//! another is refused.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// So many a minute are entries.
const MOST: u64 = 60;

/// Counts them.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    number: i64,
    refused: u64,
}

impl Strangers {
    /// One more: whether it is an entry, and how many before it were none.
    pub(crate) fn refused(&self, now: DateTime<Utc>) -> (bool, Option<u64>) {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.timestamp().div_euclid(60);
        let mut missed = 0;
        if minute.number != number {
            missed = minute.refused.saturating_sub(MOST);
            *minute = Minute { number, refused: 0 };
        }
        minute.refused += 1;
        (minute.refused <= MOST, (missed > 0).then_some(missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_entry_is_told_in_the_next_minute() {
        let strangers = Strangers::default();
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let entries = (0..100).filter(|_| strangers.refused(at(10)).0).count();
        assert_eq!(entries, 60);
        assert_eq!(strangers.refused(at(59)), (false, None));
        assert_eq!(strangers.refused(at(60)), (true, Some(41)));
        assert_eq!(strangers.refused(at(61)), (true, None));
    }
}
