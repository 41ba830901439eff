//! How many calls of one plugin or account run at a time in this process, so that a slow one holds up
//! nobody else.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Some places per key.
pub(crate) struct Slots {
    per_key: usize,
    keys: Cache<String, Arc<Semaphore>>,
}

impl Slots {
    /// So many places for each key.
    pub(crate) fn new(per_key: usize) -> Self {
        Self { per_key, keys: Cache::new(10_000) }
    }

    /// A place, held until it is dropped; none where all are taken.
    pub(crate) fn take(&self, key: &str) -> Option<OwnedSemaphorePermit> {
        let make = || Arc::new(Semaphore::new(self.per_key));
        self.keys.entry_by_ref(key).or_insert_with(make).into_value().try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_key_and_given_back() {
        let slots = Slots::new(2);
        let held = (slots.take("rss"), slots.take("rss"));
        assert!(held.0.is_some() && held.1.is_some());
        assert!(slots.take("rss").is_none());
        assert!(slots.take("ical").is_some());
        drop(held);
        assert!(slots.take("rss").is_some());
    }
}
