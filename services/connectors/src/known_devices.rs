//! Devices by their tokens, kept for a moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use crate::device::Device;

/// Most devices that are kept, and how long: what a lost event could cost.
const MOST: u64 = 10_000;
const KEPT: Duration = Duration::from_secs(60);

/// Devices by their token's hash. Dropped at once when this process changes one, and by the event
/// `DeviceChanged` when another does.
pub(crate) struct KnownDevices {
    by_token: Cache<Vec<u8>, Device>,
    /// How often something was dropped: what was read before that may not be kept after it.
    dropped: AtomicU64,
}

/// When a device is about to be read.
#[derive(Clone, Copy)]
pub(crate) struct Before(u64);

impl KnownDevices {
    pub(crate) fn new() -> Self {
        let by_token = Cache::builder()
            .max_capacity(MOST)
            .time_to_live(KEPT)
            .support_invalidation_closures()
            .build();
        Self { by_token, dropped: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self, token: &[u8]) -> Option<Device> {
        self.by_token.get(token)
    }

    /// Taken before a device is read from the database.
    pub(crate) fn before(&self) -> Before {
        Before(self.dropped.load(Ordering::SeqCst))
    }

    /// Keeps a device that was read, unless it may have changed since.
    pub(crate) fn keep(&self, token: Vec<u8>, device: Device, before: Before) {
        let id = device.id;
        if self.dropped.load(Ordering::SeqCst) != before.0 {
            return;
        }
        self.by_token.insert(token, device);
        // One that was dropped in between came too early for this one.
        if self.dropped.load(Ordering::SeqCst) != before.0 {
            self.forget(id);
        }
    }

    /// Drops a device.
    pub(crate) fn forget(&self, device: Uuid) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        let outcome = self.by_token.invalidate_entries_if(move |_, known| known.id == device);
        if outcome.is_err() {
            // It takes no closures: better to forget all than to keep one that is removed.
            self.by_token.invalidate_all();
        }
    }

    /// Drops all: any may have changed.
    pub(crate) fn forget_all(&self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
        self.by_token.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use spine::Snowflake;

    use super::*;
    use crate::DeviceKind;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let known = KnownDevices::new();
        let device = Device {
            id: Uuid::now_v7(),
            person: Snowflake(1),
            name: "Phone".to_owned(),
            kind: DeviceKind::Phone,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
            last_seen_at: None,
        };
        let before = known.before();
        known.keep(b"a".to_vec(), device.clone(), before);
        assert!(known.get(b"a").is_some());
        known.forget(device.id);
        assert!(known.get(b"a").is_none());
        known.keep(b"a".to_vec(), device.clone(), before);
        assert!(known.get(b"a").is_none(), "its token may be another by now");
        known.keep(b"a".to_vec(), device, known.before());
        assert!(known.get(b"a").is_some());
    }
}
