//! A timer that only moves closer: when the next deferred job or schedule is due.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

/// The next moment something is due.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    next: Mutex<Option<DateTime<Utc>>>,
    changed: Notify,
}

impl Alarm {
    /// Something is due at `time`.
    pub(crate) fn no_later_than(&self, time: DateTime<Utc>) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_none_or(|known| time < known) {
            *next = Some(time);
            self.changed.notify_one();
        }
    }

    /// Forgets what was known, for one who looks again.
    pub(crate) fn reset(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn next(&self) -> Option<DateTime<Utc>> {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when something became due earlier than was known.
    pub(crate) async fn moved(&self) {
        self.changed.notified().await;
    }
}
