//! How many requests may be under way to one host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Below this many hosts the map is never swept.
const SWEEP_FLOOR: usize = 256;

/// Counts requests per host. A host without requests under way costs nothing for long: the map is
/// swept when it has doubled.
pub(super) struct HostSlots {
    per_host: usize,
    hosts: Mutex<Hosts>,
}

struct Hosts {
    semaphores: HashMap<String, Weak<Semaphore>>,
    sweep_at: usize,
}

impl HostSlots {
    pub(super) fn new(per_host: usize) -> Self {
        let hosts = Hosts { semaphores: HashMap::new(), sweep_at: SWEEP_FLOOR };
        Self { per_host: per_host.max(1), hosts: Mutex::new(hosts) }
    }

    /// Waits for a place; dropping the permit gives it back.
    pub(super) async fn acquire(&self, host: &str) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.semaphore(host).acquire_owned().await
    }

    fn semaphore(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = hosts.semaphores.get(host).and_then(Weak::upgrade) {
            return semaphore;
        }
        if hosts.semaphores.len() >= hosts.sweep_at {
            hosts.semaphores.retain(|_, semaphore| semaphore.strong_count() > 0);
            hosts.sweep_at = SWEEP_FLOOR.max(hosts.semaphores.len() * 2);
        }
        let semaphore = Arc::new(Semaphore::new(self.per_host));
        hosts.semaphores.insert(host.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_host_lets_others_pass() {
        let slots = HostSlots::new(1);
        let held = slots.acquire("a.example").await.unwrap();
        let _other = slots.acquire("b.example").await.unwrap();
        assert!(slots.semaphore("a.example").try_acquire_owned().is_err());
        drop(held);
        assert!(slots.semaphore("a.example").try_acquire_owned().is_ok());
    }

    #[tokio::test]
    async fn idle_hosts_are_forgotten() {
        let slots = HostSlots::new(1);
        for number in 0..(SWEEP_FLOOR * 3) {
            drop(slots.acquire(&format!("{number}.example")).await.unwrap());
        }
        assert!(slots.hosts.lock().unwrap().semaphores.len() <= SWEEP_FLOOR + 1);
    }
}
